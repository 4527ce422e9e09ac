//! `compute = "fargate"`: an instance becomes a container, and nothing else is replaced. What the
//! container does is in `container::task`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::applied::{Applied, ExampleOnMoto, Planned, set};
use super::deployed::{HOSTILE, Terraform, moto};
use super::policy::actions;

pub(crate) const DOMAINS: [&str; 2] = ["d-iiiiiiiiiiii", "d-jjjjjjjjjjjj"];

/// The example `fargate`, applied as an instance, as a container with a volume and as one with the
/// direct engine and a second domain, and destroyed.
pub(crate) struct Fargate {
    instance: Applied,
    /// A plan of an old state: the instance has its address from before `compute` existed.
    upgrade: Planned,
    /// The plan that makes a container of an instance.
    change: Planned,
    pub(crate) posix: Applied,
    pub(crate) nfs: Applied,
    left: String,
}

impl Fargate {
    /// Returns the deployments; otherwise reports the test as skipped.
    pub(crate) fn get() -> Option<&'static Self> {
        static DEPLOYED: OnceLock<Option<Fargate>> = OnceLock::new();
        DEPLOYED.get_or_init(|| Some(Self::deploy(&moto()?))).as_ref()
    }

    fn deploy(terraform: &Terraform) -> Self {
        let example = ExampleOnMoto::new(terraform, "fargate", &DOMAINS);
        // HCL's strings are JSON's, except for `$` and `%`.
        let hostile = serde_json::to_string(HOSTILE).unwrap();
        let hostile = hostile.replace("${", "$${").replace("%{", "%%{");
        let change_to = |more: &str| {
            let quotas = format!(r#"user_quotas = {{ alice = "0.03MiB", {hostile} = "1.5MiB" }}"#);
            example.change_to(&format!("{quotas}\n{more}"));
        };
        change_to(
            r#"compute      = "instance"
               package_file = "${path.module}/../../example/efs-scan-0.1.0-1.aarch64.rpm""#,
        );
        let instance = example.apply();
        let address = "module.efs_scan.aws_instance.monitor";
        terraform.succeed(&example.directory, &["state", "mv", &format!("{address}[0]"), address]);
        let upgrade = example.plan();

        change_to("");
        let change = example.plan();
        let posix = example.apply();

        let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/efs-scan:0.1.0";
        change_to(&format!(
            r#"fargate      = {{ image = "{image}", engine = "nfs" }}
               scan_time    = "21:05"
               more_domains = {{ second = {{ domain_id = "{}" }} }}
               remind = {{
                 from    = "efs@example.com"
                 admin   = "storage@example.com"
                 address = "{{name}}@example.com"
               }}"#,
            DOMAINS[1]
        ));
        let nfs = example.apply();
        Self { instance, upgrade, change, posix, nfs, left: example.destroy() }
    }
}

#[test]
fn an_instance_becomes_a_container_and_nothing_else_goes() {
    let Some(deployed) = Fargate::get() else { return };
    // An old state and the new module: the instance moves.
    assert_eq!(deployed.upgrade.deleted, set([]));
    assert_eq!(deployed.upgrade.created, set([]));
    let gone = set([
        "aws_iam_instance_profile.monitor[0]",
        "aws_instance.monitor[0]",
        "aws_s3_object.package[0]",
    ]);
    assert_eq!(deployed.change.deleted, gone);
    let made = set([
        "aws_cloudwatch_log_group.scan[0]",
        "aws_ecs_cluster.scan[0]",
        "aws_ecs_task_definition.scan[0]",
        "aws_iam_role.execution[0]",
        "aws_iam_role.schedule[0]",
        "aws_iam_role_policy.execution[0]",
        "aws_iam_role_policy.schedule[0]",
        "aws_scheduler_schedule.scan[0]",
        "aws_sfn_state_machine.scan[0]",
    ]);
    assert_eq!(deployed.change.created, made);
    for applied in [&deployed.instance, &deployed.posix, &deployed.nfs] {
        assert_eq!(applied.second_plan, None, "the second plan is not empty");
    }
    assert_eq!(deployed.left, "");
}

#[test]
fn a_volume_proves_the_role_and_the_direct_engine_needs_none() {
    let Some(deployed) = Fargate::get() else { return };
    let task = deployed.posix.values("aws_ecs_task_definition.scan[0]");
    assert_eq!(task["runtime_platform"][0]["cpu_architecture"], "ARM64");
    assert_eq!(task["network_mode"], "awsvpc");
    let volumes = |applied: &Applied| -> Vec<(String, Value)> {
        let all = applied.values("aws_ecs_task_definition.scan[0]")["volume"].as_array().unwrap();
        let mut all: Vec<_> = all
            .iter()
            .map(|it| {
                let name = it["name"].as_str().unwrap().to_owned();
                (name, it["efs_volume_configuration"][0].clone())
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let mounted = volumes(&deployed.posix);
    let [(efs, volume), (scratch, none)] = &mounted[..] else { panic!("{mounted:?}") };
    assert_eq!((efs.as_str(), scratch.as_str()), ("efs", "scratch"));
    assert_eq!(volume["file_system_id"], *deployed.posix.output("file_system_id"));
    assert_eq!(volume["transit_encryption"], "ENABLED");
    assert_eq!(volume["authorization_config"][0]["iam"], "ENABLED");
    assert_eq!(volume["authorization_config"][0]["access_point_id"], "");
    assert!(none.is_null());
    assert_eq!(volumes(&deployed.nfs).len(), 1, "only what may be written");

    let schedule = |applied: &Applied| {
        let schedule = applied.values("aws_scheduler_schedule.scan[0]");
        let machine = applied.values("aws_sfn_state_machine.scan[0]");
        assert_eq!(schedule["target"][0]["arn"], machine["arn"]);
        schedule["schedule_expression"].as_str().unwrap().to_owned()
    };
    assert_eq!(schedule(&deployed.posix), "cron(0 3 * * ? *)");
    assert_eq!(schedule(&deployed.nfs), "cron(5 21 * * ? *)");
    let group = deployed.posix.values("aws_cloudwatch_log_group.scan[0]");
    assert_eq!(group["retention_in_days"], 90);
    let alarm = deployed.posix.values("aws_cloudwatch_metric_alarm.missing[\"efs\"]");
    assert_eq!(alarm["treat_missing_data"], "breaching");
    let text = alarm["alarm_description"].as_str().unwrap();
    assert!(text.contains(group["name"].as_str().unwrap()), "{text}");
}

#[test]
fn each_role_may_do_its_part_and_no_more() {
    let Some(deployed) = Fargate::get() else { return };
    let role = |applied: &Applied| -> BTreeSet<String> {
        actions(&[applied.policy("aws_iam_role_policy.monitor[0]")]).into_iter().collect()
    };
    let (instance, task) = (role(&deployed.instance), role(&deployed.posix));
    // `role` tests that an instance's role is just enough. A container has no shells.
    let more: BTreeSet<_> = instance.difference(&task).collect();
    assert!(!more.is_empty() && more.iter().all(|it| it.starts_with("ssm")), "{more:?}");
    assert!(task.is_subset(&instance), "{task:?}");
    let reminding: BTreeSet<_> = role(&deployed.nfs).difference(&task).cloned().collect();
    assert_eq!(reminding, set(["ses:GetAccount", "ses:SendEmail"]));

    let statements = |address: &str| deployed.posix.statements(address);
    let execution = statements("aws_iam_role_policy.execution[0]");
    assert_eq!(execution.len(), 3);
    for (sid, statement) in execution {
        let resource = match &*sid {
            "Image" => "arn:aws:ecr:us-east-1:111122223333:repository/efs-scan",
            "Registry" => "*",
            "Log" => {
                "arn:aws:logs:us-east-1:123456789012:log-group:/efs-scan/efs-scan-d-iiiiiiiiiiii:*"
            }
            _ => panic!("{sid}"),
        };
        assert_eq!(statement["Resource"], resource, "{sid}");
    }
    let machine = deployed.posix.values("aws_sfn_state_machine.scan[0]");
    let role_of = |address: &str| deployed.posix.values(address)["arn"].clone();
    for (sid, statement) in statements("aws_iam_role_policy.schedule[0]") {
        let resources = &statement["Resource"];
        assert!(!resources.to_string().contains("\"*\""), "{sid}: {resources}");
        match &*sid {
            "Begin" => assert_eq!(resources, &machine["arn"]),
            "PassRoles" => {
                let roles =
                    [role_of("aws_iam_role.monitor[0]"), role_of("aws_iam_role.execution[0]")];
                let passed = resources.as_array().unwrap();
                assert!(roles.iter().all(|it| passed.contains(it)) && passed.len() == 2);
            }
            _ => {}
        }
    }
    for (address, service) in [
        ("aws_iam_role.monitor[0]", json!("ecs-tasks.amazonaws.com")),
        ("aws_iam_role.execution[0]", json!("ecs-tasks.amazonaws.com")),
        ("aws_iam_role.schedule[0]", json!(["states.amazonaws.com", "scheduler.amazonaws.com"])),
    ] {
        let trust = deployed.posix.values(address)["assume_role_policy"].as_str().unwrap();
        let trust: Value = serde_json::from_str(trust).unwrap();
        assert_eq!(trust["Statement"][0]["Principal"]["Service"], service, "{address}");
        let account = &trust["Statement"][0]["Condition"]["StringEquals"]["aws:SourceAccount"];
        assert_eq!(account, "123456789012", "{address}");
    }
}

/// Puts what Step Functions would say of a container's end in place of the task; `None` for a task that never
/// had one.
fn ended(code: Option<i32>, next: &Value, caught: &Value) -> Value {
    if code == Some(0) {
        return json!({"Type": "Pass", "Next": next});
    }
    let mut container = json!({"Name": "efs-scan", "LastStatus": "STOPPED"});
    if let Some(code) = code {
        container["ExitCode"] = json!(code);
    }
    let another = json!({"Name": "aws-guardduty-agent", "LastStatus": "STOPPED", "ExitCode": 5});
    let task = json!({"Containers": [another, container], "LastStatus": "STOPPED"});
    json!({
        "Type": "Pass",
        "Result": {"Error": "States.TaskFailed", "Cause": task.to_string()},
        "ResultPath": caught["ResultPath"],
        "Next": caught["Next"],
    })
}

/// The state machine, in moto's interpreter.
#[test]
fn only_what_was_not_published_is_repeated() {
    let Some(deployed) = Fargate::get() else { return };
    let scan = &deployed.posix.machine()["States"]["Scan"];
    let wanted = [
        (Some(0), 1, "SUCCEEDED"),
        (Some(1), 4, "FAILED"),
        (Some(2), 1, "FAILED"),
        (Some(3), 1, "FAILED"),
        (Some(5), 4, "FAILED"),
        (Some(137), 1, "FAILED"),
        // The image could not be fetched, for instance.
        (None, 1, "FAILED"),
    ];
    let wait = json!({"Type": "Pass", "Next": "Scan"});
    let cases = wanted.map(
        |(code, ..)| json!({"Scan": ended(code, &scan["Next"], &scan["Catch"][0]), "Wait": wait}),
    );
    let executions = deployed.posix.executions("the state machine in moto", &cases);
    for ((code, scans, status), ended) in wanted.iter().zip(executions.unwrap_or_default()) {
        assert_eq!((ended.count("Scan"), &*ended.status), (*scans, *status), "{code:?}: {ended:?}");
    }
}

#[test]
fn people_are_reminded_after_a_complete_scan() {
    let Some(deployed) = Fargate::get() else { return };
    let states = &deployed.nfs.machine()["States"];
    let (scan, remind) = (&states["Scan"], &states["Remind"]);
    // The same task but for the command.
    let mut task = remind["Parameters"].clone();
    let overrides = task.as_object_mut().unwrap().remove("Overrides").unwrap();
    assert_eq!(task, scan["Parameters"]);
    let command = json!([{"Name": "efs-scan", "Command": ["remind"]}]);
    assert_eq!(overrides, json!({"ContainerOverrides": command}));

    let case = |code, next: &Value| {
        json!({
            "Scan": ended(Some(code), &scan["Next"], &scan["Catch"][0]),
            "Remind": {"Type": "Pass", "Next": next},
        })
    };
    let wanted = [
        (case(0, &remind["Next"]), 1, "SUCCEEDED"),
        (case(0, &remind["Catch"][0]["Next"]), 1, "FAILED"),
        (case(3, &remind["Next"]), 0, "FAILED"),
    ];
    let cases: Vec<Value> = wanted.iter().map(|(case, ..)| case.clone()).collect();
    let executions = deployed.nfs.executions("reminders of the state machine in moto", &cases);
    for ((_, reminders, status), ended) in wanted.iter().zip(executions.unwrap_or_default()) {
        assert_eq!((ended.count("Remind"), &*ended.status), (*reminders, *status), "{ended:?}");
    }
}
