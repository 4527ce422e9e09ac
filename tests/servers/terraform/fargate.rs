//! `compute = "fargate"`: an instance becomes a container, and nothing else is replaced. What the
//! container does is in `container::task`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use super::deployed::{
    HOSTILE, Terraform, copy_of_module, for_moto, forget_what_stays, moto, prelude, said,
    second_plan,
};
use super::plans::deleted;
use super::policy::actions;
use efs_scan_testbed::{skip_unless, watched};

pub(crate) const DOMAINS: [&str; 2] = ["d-iiiiiiiiiiii", "d-jjjjjjjjjjjj"];

/// What a plan would change.
struct Planned {
    deleted: BTreeSet<String>,
    created: BTreeSet<String>,
}

impl Planned {
    /// Makes a plan and returns it, by addresses in the module.
    fn of(terraform: &Terraform, directory: &Path) -> Self {
        terraform.succeed(directory, &["plan", "-out=plan"]);
        let plan = terraform.json(directory, &["show", "-json", "plan"]);
        let short = |address: &str| address.trim_start_matches("module.efs_scan.").to_owned();
        let created = plan["resource_changes"].as_array().unwrap().iter();
        let created = created.filter(|it| it["change"]["actions"] == json!(["create"]));
        Self {
            deleted: deleted(&plan).into_iter().map(short).collect(),
            created: created.map(|it| short(it["address"].as_str().unwrap())).collect(),
        }
    }
}

/// An applied module: its outputs and the values of its resources.
pub(crate) struct Applied {
    outputs: Value,
    resources: Vec<(String, Value)>,
    second_plan: Option<String>,
}

impl Applied {
    fn of(terraform: &Terraform, directory: &Path) -> Self {
        terraform.succeed(directory, &["apply", "-auto-approve"]);
        let state = terraform.json(directory, &["show", "-json"]);
        let module = &state["values"]["root_module"]["child_modules"][0];
        let resources = module["resources"].as_array().unwrap().iter();
        let short = |it: &Value| {
            it["address"].as_str().unwrap().trim_start_matches("module.efs_scan.").to_owned()
        };
        Self {
            outputs: terraform.json(directory, &["output", "-json", "monitor"]),
            resources: resources.map(|it| (short(it), it["values"].clone())).collect(),
            second_plan: second_plan(terraform, directory),
        }
    }

    pub(crate) fn output(&self, name: &str) -> &Value {
        &self.outputs[name]
    }

    /// Returns the definition of the container, as ECS has it.
    pub(crate) fn container(&self) -> Value {
        let text = self.values("aws_ecs_task_definition.scan[0]")["container_definitions"].as_str();
        serde_json::from_str::<Value>(text.unwrap()).unwrap()[0].clone()
    }

    fn values(&self, address: &str) -> &Value {
        let found = self.resources.iter().find(|(it, _)| it == address);
        &found.unwrap_or_else(|| panic!("no {address}")).1
    }

    fn policy(&self, address: &str) -> Value {
        serde_json::from_str(self.values(address)["policy"].as_str().unwrap()).unwrap()
    }
}

/// The example `fargate`, applied as an instance, as a container with a volume and as one with the
/// direct engine and a second domain, and destroyed.
pub(crate) struct Fargate {
    instance: Applied,
    /// A plan of an old state: the instance has its address from before `compute` existed.
    upgrade: Planned,
    /// The plan that makes a container of an instance.
    change: Planned,
    refused: String,
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
        let work = copy_of_module();
        let module = work.path().join("terraform");
        for_moto(&module);
        let outputs = prelude(terraform, work.path(), &DOMAINS, None);
        let subnet = outputs["subnet_id"]["value"].as_str().unwrap();
        // HCL's strings are JSON's, except for `$` and `%`.
        let hostile = serde_json::to_string(HOSTILE).unwrap();
        let hostile = hostile.replace("${", "$${").replace("%{", "%%{");
        let directory = module.join("examples/fargate");
        let change_to = |more: &str| {
            let text = format!(
                r#"
                provider "aws" {{
                  s3_use_path_style           = true
                  skip_credentials_validation = true
                  skip_metadata_api_check     = true
                }}
                module "efs_scan" {{
                  subnet_id   = "{subnet}"
                  delete_data = true
                  user_quotas = {{ alice = "0.03MiB", {hostile} = "1.5MiB" }}
                  {more}
                }}"#
            );
            std::fs::write(directory.join("override.tf"), text).unwrap();
        };
        terraform.init(&directory);
        change_to(
            r#"compute      = "instance"
               package_file = "${path.module}/../../example/efs-scan-0.1.0-1.aarch64.rpm""#,
        );
        let instance = Applied::of(terraform, &directory);
        let address = "module.efs_scan.aws_instance.monitor";
        terraform.succeed(&directory, &["state", "mv", &format!("{address}[0]"), address]);
        let upgrade = Planned::of(terraform, &directory);

        change_to("");
        let change = Planned::of(terraform, &directory);
        let posix = Applied::of(terraform, &directory);
        change_to(r#"remind = { from = "a@b.cc", admin = "a@b.cc", address = "{name}@b.cc" }"#);
        let refused = terraform.run(&directory, &["plan"]);
        assert_eq!(refused.status.code(), Some(1));
        let refused = said(&refused);

        let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/efs-scan:0.1.0";
        change_to(&format!(
            r#"fargate      = {{ image = "{image}", engine = "nfs" }}
               scan_time    = "21:05"
               more_domains = {{ second = {{ domain_id = "{}" }} }}"#,
            DOMAINS[1]
        ));
        let nfs = Applied::of(terraform, &directory);
        forget_what_stays(terraform, &directory);
        terraform.succeed(&directory, &["destroy", "-auto-approve"]);
        let left = terraform.succeed(&directory, &["state", "list"]);
        Self { instance, upgrade, change, refused, posix, nfs, left }
    }
}

fn set<const N: usize>(of: [&str; N]) -> BTreeSet<String> {
    of.map(str::to_owned).into()
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
    let refused = deployed.refused.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(refused.contains("remind needs compute = \"instance\""), "{refused}");
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
    assert_eq!(task, role(&deployed.nfs));

    let statements = |address: &str| {
        let policy = deployed.posix.policy(address);
        let statements = policy["Statement"].as_array().unwrap().clone();
        statements.into_iter().map(|it| (it["Sid"].as_str().unwrap().to_owned(), it))
    };
    let execution: Vec<_> = statements("aws_iam_role_policy.execution[0]").collect();
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

/// The state machine, in moto's interpreter. The container's end is put in place of ECS's answer.
#[test]
fn only_what_was_not_published_is_repeated() {
    let Some(deployed) = Fargate::get() else { return };
    let (url, python) =
        (std::env::var("EFS_SCAN_TEST_MOTO"), std::env::var("EFS_SCAN_TEST_PYTHON"));
    let what = "the state machine in moto";
    if !skip_unless(python.is_ok(), what, "tests/aws-servers installs boto3 for it") {
        return;
    }
    let machine = deployed.posix.values("aws_sfn_state_machine.scan[0]")["definition"].as_str();
    let scratch = efs_scan_testbed::scratch();
    let file = scratch.path().join("machine.json");
    std::fs::write(&file, machine.unwrap()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/terraform/machine.py");
    let mut command = Command::new(python.unwrap());
    command.arg(script).arg(url.unwrap()).arg(file).args(["0", "1", "2", "3", "5", "137", "none"]);
    let output = watched(&mut command, Duration::from_secs(120));
    assert!(output.status.success(), "{}", said(&output));
    let ended: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (code, scans, status) in [
        ("0", 1, "SUCCEEDED"),
        ("1", 4, "FAILED"),
        ("2", 1, "FAILED"),
        ("3", 1, "FAILED"),
        ("5", 4, "FAILED"),
        ("137", 1, "FAILED"),
        // The image could not be fetched, for instance.
        ("none", 1, "FAILED"),
    ] {
        assert_eq!(ended[code], json!([scans, status]), "exit code {code}: {ended}");
    }
}
