//! `compute = "batch"`: one container becomes an array and a merge. What the jobs do is in
//! `container::jobs`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::applied::{Applied, ExampleOnMoto, Planned, set};
use super::deployed::{Terraform, moto};

pub(crate) const DOMAIN: &str = "d-kkkkkkkkkkkk";
pub(crate) const SHARDS: u64 = 3;

/// The example `batch`, applied as a container of ECS, as an array with a volume, and as one with the direct
/// engine and reminders, and destroyed.
pub(crate) struct Batch {
    /// The plan that makes an array of a container, and the one that makes a container of it again.
    change: Planned,
    back: Planned,
    /// Messages of plans with inputs that make no sense.
    refused: Vec<String>,
    pub(crate) posix: Applied,
    nfs: Applied,
    left: String,
}

impl Batch {
    /// Returns the deployments; otherwise reports the test as skipped.
    pub(crate) fn get() -> Option<&'static Self> {
        static DEPLOYED: OnceLock<Option<Batch>> = OnceLock::new();
        DEPLOYED.get_or_init(|| Some(Self::deploy(&moto()?))).as_ref()
    }

    fn deploy(terraform: &Terraform) -> Self {
        let example = ExampleOnMoto::new(terraform, "batch", &[DOMAIN]);
        // Half a processor from the start, because moto changes no environment.
        let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/efs-scan:0.1.0";
        let fargate = |more: &str| {
            format!(r#"fargate = {{ image = "{image}", cpu = 512, memory = 1024 {more} }}"#)
        };
        let change_to = |more: &str| {
            let same = format!("domain_id = \"{DOMAIN}\"\nshards = {SHARDS}");
            let quotas = r#"user_quotas = { alice = "0.03MiB" }"#;
            let more = match more.contains("fargate =") {
                true => more.to_owned(),
                false => format!("{}\n{more}", fargate("")),
            };
            example.change_to(&format!("{same}\n{quotas}\n{more}"));
        };
        change_to("compute = \"fargate\"");
        let task = example.apply();
        assert_eq!(task.second_plan, None, "the second plan is not empty");
        change_to("");
        let change = example.plan();
        let posix = example.apply();
        change_to("compute = \"fargate\"");
        let back = example.plan();

        let refused = WRONG.map(|(input, _)| {
            change_to(input);
            example.refused()
        });
        change_to(&format!(
            r#"{}
               remind = {{
                 from    = "efs@example.com"
                 admin   = "storage@example.com"
                 address = "{{name}}@example.com"
               }}"#,
            fargate(r#", engine = "nfs", assign_public_ip = true"#)
        ));
        let nfs = example.apply();
        let left = example.destroy();
        Self { change, back, refused: refused.into(), posix, nfs, left }
    }
}

/// Inputs that make no sense with an array, and what is said of them.
const WRONG: [(&str, &str); 5] = [
    ("fargate = null", "compute = \"batch\" needs `fargate`, with the image"),
    (
        r#"more_domains = { second = { domain_id = "d-kkkkkkkkkkkk" } }"#,
        "compute = \"batch\" scans one file system",
    ),
    (
        r#"foreign_file_system = { id = "fs-01234567", account_id = "111122223333" }"#,
        "AWS Batch mounts no file system of another account",
    ),
    ("settings = { cross_mounts = true }", "settings has cross_mounts"),
    (r#"settings = { format = "ncdu" }"#, "settings has cross_mounts, format = \"ncdu\""),
];

fn job(applied: &Applied, kind: &str) -> Value {
    let values = applied.values(&format!("aws_batch_job_definition.scan[\"{kind}\"]"));
    serde_json::from_str(values["container_properties"].as_str().unwrap()).unwrap()
}

#[test]
fn a_container_becomes_an_array_and_nothing_else_goes() {
    let Some(deployed) = Batch::get() else { return };
    let of_ecs = set(["aws_ecs_cluster.scan[0]", "aws_ecs_task_definition.scan[0]"]);
    let of_batch = set([
        "aws_batch_compute_environment.scan[0]",
        "aws_batch_job_definition.scan[\"merge\"]",
        "aws_batch_job_definition.scan[\"shard\"]",
        "aws_batch_job_queue.scan[0]",
    ]);
    let Planned { deleted, created } = &deployed.change;
    assert_eq!((deleted, created), (&of_ecs, &of_batch));
    let Planned { deleted, created } = &deployed.back;
    assert_eq!((deleted, created), (&of_batch, &of_ecs));
    for applied in [&deployed.posix, &deployed.nfs] {
        assert_eq!(applied.second_plan, None, "the second plan is not empty");
    }
    assert_eq!(deployed.left, "");
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    let Some(deployed) = Batch::get() else { return };
    for ((input, message), said) in WRONG.iter().zip(&deployed.refused) {
        assert!(said.contains(message), "{input}: {said}");
    }
}

#[test]
fn the_jobs_fit_fargate_and_are_repeated_unless_it_is_useless() {
    let Some(deployed) = Batch::get() else { return };
    let environment = &deployed.posix.values("aws_batch_compute_environment.scan[0]");
    let resources = &environment["compute_resources"][0];
    // Three halves of a processor.
    assert_eq!((&resources["type"], &resources["max_vcpus"]), (&json!("FARGATE"), &json!(2)));
    let queue = deployed.posix.values("aws_batch_job_queue.scan[0]");
    let order = &queue["compute_environment_order"][0]["compute_environment"];
    assert_eq!(order, &environment["arn"]);

    for (kind, command, codes, seconds) in [
        ("shard", json!(["--shard", "auto"]), &["2"][..], 32400),
        ("merge", json!(["merge"]), &["2", "3"], 7200),
    ] {
        let values = deployed.posix.values(&format!("aws_batch_job_definition.scan[\"{kind}\"]"));
        assert_eq!(values["platform_capabilities"], json!(["FARGATE"]));
        assert_eq!(values["timeout"][0]["attempt_duration_seconds"], seconds, "{kind}");
        let retry = &values["retry_strategy"][0];
        assert_eq!(retry["attempts"], 3, "{kind}");
        let final_codes = retry["evaluate_on_exit"].as_array().unwrap().iter().map(|it| {
            assert_eq!(it["action"], "exit", "{kind}");
            it["on_exit_code"].as_str().unwrap()
        });
        assert_eq!(final_codes.collect::<Vec<_>>(), codes, "{kind}");

        let job = job(&deployed.posix, kind);
        assert_eq!(job["command"], command);
        let resources =
            json!([{"type": "VCPU", "value": "0.5"}, {"type": "MEMORY", "value": "1024"}]);
        assert_eq!(job["resourceRequirements"], resources);
        assert_eq!(job["runtimePlatform"]["cpuArchitecture"], "ARM64");
        let group = deployed.posix.values("aws_cloudwatch_log_group.scan[0]");
        assert_eq!(job["logConfiguration"]["options"]["awslogs-group"], group["name"]);
        let role =
            |of: &str| deployed.posix.values(&format!("aws_iam_role.{of}[0]"))["arn"].clone();
        assert_eq!(job["jobRoleArn"], role("monitor"));
        assert_eq!(job["executionRoleArn"], role("execution"));
        let public =
            |applied| self::job(applied, kind)["networkConfiguration"]["assignPublicIp"].clone();
        assert_eq!(public(&deployed.posix), "DISABLED");
        assert_eq!(public(&deployed.nfs), "ENABLED");
    }
}

#[test]
fn shards_prove_the_role_and_the_merge_reads_no_homes() {
    let Some(deployed) = Batch::get() else { return };
    let shard = job(&deployed.posix, "shard");
    let [volume] = &shard["volumes"].as_array().unwrap()[..] else { panic!("{shard}") };
    let [mount] = &shard["mountPoints"].as_array().unwrap()[..] else { panic!("{shard}") };
    assert_eq!(mount["sourceVolume"], volume["name"]);
    assert_eq!((&mount["containerPath"], &mount["readOnly"]), (&json!("/mnt/efs"), &json!(true)));
    let volume = &volume["efsVolumeConfiguration"];
    assert_eq!(volume["fileSystemId"], *deployed.posix.output("file_system_id"));
    assert_eq!(volume["transitEncryption"], "ENABLED");
    assert_eq!(volume["authorizationConfig"], json!({"iam": "ENABLED"}));
    assert_eq!(shard["user"], "0:0");
    for job in
        [job(&deployed.posix, "merge"), job(&deployed.nfs, "merge"), job(&deployed.nfs, "shard")]
    {
        let lists = ["volumes", "mountPoints"].map(|list| job[list].as_array().map(Vec::len));
        assert!(lists.iter().all(|length| length.is_none_or(|length| length == 0)), "{job}");
        assert_eq!(job["user"], "65532:65532");
    }
}

#[test]
fn the_schedule_submits_these_jobs_and_no_others() {
    let Some(deployed) = Batch::get() else { return };
    let machine = deployed.posix.values("aws_sfn_state_machine.scan[0]");
    let schedule = deployed.posix.values("aws_scheduler_schedule.scan[0]");
    assert_eq!(schedule["target"][0]["arn"], machine["arn"]);
    let arn = |kind: &str| format!("arn:aws:batch:us-east-1:123456789012:{kind}");
    let mut sids = BTreeSet::new();
    for (sid, statement) in deployed.posix.statements("aws_iam_role_policy.schedule[0]") {
        let resources = &statement["Resource"];
        match &*sid {
            "Begin" => assert_eq!(resources, &machine["arn"]),
            "Submit" => {
                let resources = resources.as_array().unwrap().iter();
                let resources: BTreeSet<_> = resources.map(|it| it.as_str().unwrap()).collect();
                let wanted = [
                    arn("job-definition/efs-scan-d-kkkkkkkkkkkk-merge:*"),
                    arn("job-definition/efs-scan-d-kkkkkkkkkkkk-shard:*"),
                    arn("job-queue/efs-scan-d-kkkkkkkkkkkk"),
                ];
                assert_eq!(resources, wanted.iter().map(String::as_str).collect());
            }
            "Follow" => assert_eq!(statement["Action"], "batch:DescribeJobs"),
            "Stop" => assert_eq!(resources, &json!(arn("job/*"))),
            "LearnOfTheEnd" => assert!(resources.to_string().contains(":rule/StepFunctions")),
            _ => panic!("{sid}"),
        }
        sids.insert(sid);
    }
    assert_eq!(sids.len(), 5);
    let States { scan, merge } = states(&deployed.posix);
    for (state, kind) in [(&scan, "shard"), (&merge, "merge")] {
        let definition =
            deployed.posix.values(&format!("aws_batch_job_definition.scan[\"{kind}\"]"));
        assert_eq!(state["Parameters"]["JobDefinition"], definition["arn"]);
        assert!(definition["arn"].as_str().unwrap().contains(&format!("-{kind}:")), "{definition}");
        assert_eq!(state["Resource"], "arn:aws:states:::batch:submitJob.sync");
        assert_eq!(state["Retry"][0]["MaxAttempts"], 1);
    }
    assert_eq!(scan["Parameters"]["ArrayProperties"], json!({"Size": SHARDS}));
}

struct States {
    scan: Value,
    merge: Value,
}

fn states(applied: &Applied) -> States {
    let states = &applied.machine()["States"];
    States { scan: states["Scan"].clone(), merge: states["Merge"].clone() }
}

/// The state machine in moto's interpreter, with jobs that end well or not.
#[test]
fn the_merge_comes_after_all_shards_and_tells_the_end() {
    let Some(deployed) = Batch::get() else { return };
    let States { scan, merge } = states(&deployed.nfs);
    // Shows the name that the jobs get.
    let job = |next: &Value, parameters: &Value, to: &str| {
        let of_job = parameters["ContainerOverrides"].clone();
        json!({"Type": "Pass", "Parameters": of_job, "ResultPath": to, "Next": next})
    };
    let case = |scanned: bool, merged: bool, reminded: bool| {
        let next = |state: &Value, well| match well {
            true => state["Next"].clone(),
            false => state["Catch"][0]["Next"].clone(),
        };
        let remind = deployed.nfs.machine()["States"]["Remind"].clone();
        assert_eq!(remind["Parameters"]["ContainerOverrides"], json!({"Command": ["remind"]}));
        json!({
            "Scan": job(&next(&scan, scanned), &scan["Parameters"], "$.scan"),
            "Merge": job(&next(&merge, merged), &merge["Parameters"], "$.merge"),
            "Remind": {"Type": "Pass", "Next": next(&remind, reminded)},
        })
    };
    let wanted = [
        (case(true, true, true), "Scan Merge Remind Scanned", "SUCCEEDED"),
        // A shard is missing: the merge tells of it.
        (case(false, false, true), "Scan Merge Failed", "FAILED"),
        // Time was over just when the last shard was there.
        (case(false, true, true), "Scan Merge Remind Scanned", "SUCCEEDED"),
        (case(true, true, false), "Scan Merge Remind NotReminded", "FAILED"),
    ];
    let cases: Vec<Value> = wanted.iter().map(|(case, ..)| case.clone()).collect();
    let executions = deployed.nfs.executions("the state machine of AWS Batch in moto", &cases);
    for ((_, entered, status), ended) in wanted.iter().zip(executions.unwrap_or_default()) {
        assert_eq!((&*ended.entered.join(" "), &*ended.status), (*entered, *status));
        if ended.status == "SUCCEEDED" {
            let output = ended.output.unwrap();
            let named = json!([{"Name": "EFS_SCAN_RUN_ID", "Value": ended.name}]);
            assert_eq!(output["scan"]["Environment"], named);
            assert_eq!(output["merge"]["Environment"], named);
        }
    }
}
