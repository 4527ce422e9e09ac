//! The module in an organisation: its examples, and the module with existing resources, each
//! applied to moto, planned again and destroyed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::deployed::{
    Terraform, copy_of_module, for_moto, forget_what_stays, moto, prelude, second_plan,
};
use super::plans::{Team, deleted, what_a_plan_does_not_know_replaces_nothing};
use efs_scan_testbed::{at_once, efs_scan, scratch, watched};

/// Result of applying an example.
pub(super) struct Applied {
    /// Values of resources and data sources of all modules, by address.
    all: Vec<(String, Value)>,
    outputs: Value,
    second_plan: Option<String>,
    left: String,
}

impl Applied {
    fn of(terraform: &Terraform, directory: &Path, changes: &str) -> Self {
        Self::of_then(terraform, directory, changes, || {})
    }

    /// Applies an example, and calls `then` before the next plan.
    fn of_then(
        terraform: &Terraform,
        directory: &Path,
        changes: &str,
        then: impl FnOnce(),
    ) -> Self {
        std::fs::write(directory.join("override.tf"), changes).unwrap();
        terraform.init(directory);
        terraform.succeed(directory, &["apply", "-auto-approve"]);
        let state = terraform.json(directory, &["show", "-json"]);
        let outputs = state["values"]["outputs"].clone();
        let root = &state["values"]["root_module"];
        let modules = root["child_modules"].as_array().unwrap().iter().chain([root]);
        let resources = modules.flat_map(|it| it["resources"].as_array().into_iter().flatten());
        let all = resources
            .map(|it| (it["address"].as_str().unwrap().to_owned(), it["values"].clone()))
            .collect();
        then();
        let second_plan = second_plan(terraform, directory);
        forget_what_stays(terraform, directory);
        terraform.succeed(directory, &["destroy", "-auto-approve"]);
        let left = terraform.succeed(directory, &["state", "list"]);
        Self { all, outputs, second_plan, left }
    }

    pub(super) fn values(&self, part: &str) -> Vec<&Value> {
        let found = self.all.iter().filter(|(address, _)| address.contains(part));
        found.map(|(_, values)| values).collect()
    }
}

/// Returns a provider block of an example, for moto.
fn provider(alias: &str) -> String {
    let alias = if alias.is_empty() { String::new() } else { format!("alias = \"{alias}\"") };
    format!(
        "provider \"aws\" {{
          {alias}
          s3_use_path_style           = true
          skip_credentials_validation = true
          skip_metadata_api_check     = true
        }}\n"
    )
}

/// All at once, because they mostly wait until their buckets have the requested settings.
#[test]
fn the_examples_work_in_an_organisation() {
    if moto().is_none() {
        return;
    }
    let cases: [fn(); 5] = [
        two_domains_of_one_account_share_a_topic_only,
        several_domains_of_one_vpc_have_one_monitor,
        three_accounts_publish_into_one_bucket,
        what_exists_already_is_used_and_not_changed,
        what_a_plan_does_not_know_replaces_nothing,
    ];
    at_once(cases, |case| case());
}

fn subnet(outputs: &Value) -> &str {
    outputs["subnet_id"]["value"].as_str().unwrap()
}

fn two_domains_of_one_account_share_a_topic_only() {
    let Some(terraform) = moto() else { return };
    let work = copy_of_module();
    for_moto(&work.path().join("terraform"));
    let domains = ["d-aaaaaaaaaaaa", "d-bbbbbbbbbbbb"];
    let outputs = prelude(&terraform, work.path(), &domains, None);
    let subnet = subnet(&outputs);
    let [a, b] = domains
        .map(|id| format!("{{ id = \"{id}\", subnet_id = \"{subnet}\", budget_gib = 4096 }}"));
    let changes = format!(
        "{}locals {{
          domains = {{
            research = {a}
            trading  = {b}
          }}
        }}
        module \"efs_scan\" {{
          delete_data = true
        }}",
        provider("")
    );
    let directory = work.path().join("terraform/examples/two-domains");
    let applied = Applied::of(&terraform, &directory, &changes);
    assert_eq!(applied.second_plan, None, "the second plan is not empty");
    assert_eq!(applied.left, "");

    let topic = &applied.values("aws_sns_topic.storage")[0]["arn"];
    assert_eq!(applied.values("aws_sns_topic.alarms").len(), 0);
    let alarms = applied.values("aws_cloudwatch_metric_alarm.");
    assert_eq!(alarms.len(), 10);
    for alarm in &alarms {
        assert_eq!(
            [&alarm["alarm_actions"], &alarm["ok_actions"]],
            [&json!([topic]), &json!([topic])]
        );
    }
    let differs = alarms.iter().filter(|it| it["metric_name"] == "MeteredDifferencePercent");
    assert_eq!(differs.count(), 2);
    let names: BTreeSet<_> = alarms.iter().map(|it| it["alarm_name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 10);

    // The topic's policy covers both, and their monitors may publish.
    let policy = applied.values("aws_sns_topic_policy.storage")[0]["policy"].as_str().unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 4);
    let roles = applied.values("aws_iam_role.monitor");
    assert_eq!(roles.len(), 2);
    for role in roles {
        assert!(statements.iter().any(|it| it["Principal"]["AWS"] == role["arn"]), "{role}");
    }
    for instance in applied.values("aws_instance.monitor") {
        assert_eq!(instance["volume_tags"]["team"], "ml-platform");
    }
}

/// Returns what the program makes of a configuration, with a file system of its own if one is chosen.
fn config(text: &str, file_system: Option<&str>) -> toml::Table {
    let work = scratch();
    let path = work.path().join("efs-scan.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = efs_scan();
    command.arg("config").arg("--config").arg(&path);
    command.args(file_system.map(|id| ["--file-system", id]).into_iter().flatten());
    let output = watched(&mut command, std::time::Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}{text}", String::from_utf8_lossy(&output.stderr));
    toml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// Gives the alarms the addresses of earlier versions, and checks that a plan moves them back and
/// replaces nothing.
fn alarms_of_earlier_versions_move(terraform: &Terraform, directory: &Path) {
    let alarm = |name: &str| format!("module.efs_scan.aws_cloudwatch_metric_alarm.{name}");
    let listed = terraform.succeed(directory, &["state", "list"]);
    let mut moved = 0;
    for now in listed.lines() {
        let (value, missing) = (alarm("value[\""), alarm("missing[\""));
        let before = match (now.strip_prefix(&value), now.strip_prefix(&missing)) {
            (Some(key), _) if key.contains("stage-") || key.contains("dev-") => {
                alarm(&format!("more[\"{key}"))
            }
            (Some(key), _) => alarm(&format!("total[\"{key}")),
            (_, Some("efs\"]")) => alarm("no_scan"),
            (_, Some(key)) => alarm(&format!("more_no_scan[\"{key}")),
            (None, None) => continue,
        };
        terraform.succeed(directory, &["state", "mv", now, &before]);
        moved += 1;
    }
    assert_eq!(moved, 12, "{listed}");
    terraform.succeed(directory, &["plan", "-out=moved"]);
    let plan = terraform.json(directory, &["show", "-json", "moved"]);
    assert_eq!(deleted(&plan), [""; 0]);
    let changes = plan["resource_changes"].as_array().unwrap();
    assert!(!changes.iter().any(|it| it["change"]["actions"] == json!(["create"])), "{changes:?}");
    terraform.succeed(directory, &["apply", "moved"]);
}

fn several_domains_of_one_vpc_have_one_monitor() {
    let Some(terraform) = moto() else { return };
    let work = copy_of_module();
    for_moto(&work.path().join("terraform"));
    let domains = ["d-ffffffffffff", "d-gggggggggggg", "d-hhhhhhhhhhhh"];
    let outputs = prelude(&terraform, work.path(), &domains, None);
    let changes = format!(
        "{}module \"efs_scan\" {{\n subnet_id = \"{}\"\n delete_data = true\n home_at = \"/home/me\"\n}}\n",
        provider(""),
        subnet(&outputs)
    );
    let directory = work.path().join("terraform/examples/one-vpc");
    let then = || alarms_of_earlier_versions_move(&terraform, &directory);
    let applied = Applied::of_then(&terraform, &directory, &changes, then);
    assert_eq!(applied.second_plan, None, "the second plan is not empty");
    assert_eq!(applied.left, "");

    // One instance has a way to each file system, and permission for each.
    assert_eq!(applied.values("aws_instance.monitor").len(), 1);
    let group = &applied.values("aws_security_group.monitor")[0]["id"];
    let rules = applied.values("aws_vpc_security_group_ingress_rule.");
    let into: BTreeSet<_> = rules
        .iter()
        .filter(|rule| &rule["referenced_security_group_id"] == group && rule["from_port"] == 2049)
        .map(|rule| rule["security_group_id"].as_str().unwrap())
        .collect();
    assert_eq!(into.len(), 3, "{rules:?}");
    let ids: Vec<&str> = applied
        .values("data.aws_efs_file_system.")
        .iter()
        .map(|it| it["file_system_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    let policy = applied.values("aws_iam_role_policy.monitor")[0]["policy"].as_str().unwrap();
    for part in ids.iter().copied().chain(domains) {
        assert!(policy.contains(part), "{part}: {policy}");
    }

    // Each has its alarms, and stands in the tables and on the dashboard.
    let alarms = applied.values("aws_cloudwatch_metric_alarm.");
    for id in &ids {
        let of_it = |metric: &str| {
            let of = |it: &&&Value| {
                it["metric_name"] == metric && it["dimensions"]["FileSystemId"] == *id
            };
            alarms.iter().filter(of).count()
        };
        assert_eq!((of_it("ScanComplete"), of_it("MeteredDifferencePercent")), (1, 1), "{id}");
        assert_eq!(of_it("MaxQuotaPercent"), 1, "{id}");
    }
    let over = alarms.iter().filter(|it| it["metric_name"] == "MeteredBytes");
    let over: BTreeSet<_> = over.map(|it| it["threshold"].as_f64().unwrap() as u64 >> 30).collect();
    assert_eq!(over, BTreeSet::from([2048, 20480]));
    for table in applied.values("aws_glue_catalog_table.reports") {
        let keys = table["parameters"]["projection.fs.values"].as_str().unwrap();
        assert!(ids.iter().all(|id| keys.contains(id)), "{keys}");
    }
    let dashboard = applied.values("aws_cloudwatch_dashboard.")[0]["dashboard_body"].as_str();
    assert!(ids.iter().all(|id| dashboard.unwrap().contains(id)));

    // The program reads the configuration, and each file system has its domain.
    let text = applied.outputs["configuration"]["value"].as_str().unwrap();
    let all = config(text, None);
    assert_eq!((&all["parallel"], all["file_system"].as_array().unwrap().len()), (&2.into(), 3));
    let roots = ["/mnt/efs", "/mnt/dev", "/mnt/stage"];
    for (root, domain) in roots.into_iter().zip([domains[0], domains[2], domains[1]]) {
        let one = config(text, Some(root));
        assert_eq!(one["names"], vec![format!("sagemaker:{domain}")].into(), "{root}");
        assert_eq!(one["require_mount"].as_bool(), Some(true));
        assert_eq!(one["home_at"].as_str(), Some("/home/me"), "{root}");
        assert!(ids.contains(&one["file_system_id"].as_str().unwrap()));
        let quota = if root == "/mnt/dev" { "50GiB" } else { "200GiB" };
        assert_eq!(one["quota"]["default"].as_str(), Some(quota), "{root}");
    }
}

/// True if a key is like a pattern of IAM, in which `*` is any text.
fn like(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((start, rest)) => key.strip_prefix(start).is_some_and(|key| {
            (0..=key.len()).filter(|at| key.is_char_boundary(*at)).any(|at| like(rest, &key[at..]))
        }),
    }
}

fn three_accounts_publish_into_one_bucket() {
    let Some(terraform) = moto() else { return };
    let work = copy_of_module();
    for_moto(&work.path().join("terraform"));
    let accounts = [
        ("platform", "123456789012", "d-cccccccccccc"),
        ("research", "222222222222", "d-dddddddddddd"),
        ("trading", "333333333333", "d-eeeeeeeeeeee"),
    ];
    let mut changes = String::new();
    for (name, account, domain) in accounts {
        let owner = name == "platform";
        let role = format!("arn:aws:iam::{account}:role/deploy");
        let role = (!owner).then_some(role.as_str());
        let outputs = prelude(&terraform, work.path(), &[domain], role);
        changes += &provider(if owner { "" } else { name });
        changes += &format!("module \"{name}\" {{\n subnet_id = \"{}\"\n", subnet(&outputs));
        changes += if owner { " delete_data = true\n}\n" } else { "}\n" };
    }
    let directory = work.path().join("terraform/examples/central-bucket");
    let applied = Applied::of(&terraform, &directory, &changes);
    assert_eq!(applied.second_plan, None, "the second plan is not empty");
    assert_eq!(applied.left, "");

    assert_eq!(applied.values("aws_s3_bucket.reports").len(), 1);
    let keys: BTreeSet<_> = applied
        .values("aws_s3_object.package")
        .iter()
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    let wanted = accounts[1..].iter().map(|it| format!("efs/packages/efs-scan-{}/", it.2));
    let wanted: Vec<String> = wanted.chain(["packages/".to_owned()]).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().zip(&wanted).all(|(key, below)| key.starts_with(below)), "{keys:?}");

    let policy = applied.values("module.platform.data.aws_iam_policy_document.bucket")[0]["json"]
        .as_str()
        .unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 11, "{policy}");
    assert_eq!(statements.iter().filter(|it| it["Effect"] == "Deny").count(), 3);
    let id_of = |name: &str| {
        let found = applied.values(&format!("module.{name}.data.aws_efs_file_system.homes"));
        found[0]["file_system_id"].as_str().unwrap().to_owned()
    };
    for table in applied.values("module.platform.aws_glue_catalog_table.reports") {
        let keys = table["parameters"]["projection.fs.values"].as_str().unwrap();
        assert!(accounts.iter().all(|it| keys.contains(&id_of(it.0))), "{keys}");
    }
    #[cfg(feature = "aws")]
    super::accounts::the_real_program_may_publish(&applied, &accounts, &policy);
    for (name, account, domain) in &accounts[1..] {
        let ids = (&*id_of(name), &*id_of("platform"));
        may_write_its_own_only(statements, (account, domain), ids);
    }
}

/// Checks the statements of the bucket's policy about a monitor of another account: it may write the keys
/// of the file system `own`, and none of `other`.
fn may_write_its_own_only(
    statements: &[Value],
    (account, domain): (&str, &str),
    (own, other): (&str, &str),
) {
    let role = format!("arn:aws:iam::{account}:role/efs-scan-{domain}-monitor-us-east-1");
    let of_role: Vec<_> =
        statements.iter().filter(|it| it["Principal"]["AWS"] == role.as_str()).collect();
    let [publish, not] = of_role[..] else { panic!("{of_role:?}") };
    assert_eq!((&publish["Effect"], &not["Effect"]), (&"Allow".into(), &"Deny".into()));
    let denied = not["Resource"].as_str().unwrap().split_once("/efs/").unwrap().1;
    assert_eq!(publish["Action"], "s3:PutObject");
    let below = |key: &str| {
        let resources = publish["Resource"].as_array().unwrap().iter();
        let mut parts = resources.map(|it| it.as_str().unwrap().split_once("/efs/").unwrap().1);
        parts.any(|pattern| like(pattern, key)) && !like(denied, key)
    };
    // All that a run of its file system writes, and nothing of another's.
    for table in ["runs", "homes/parquet", "findings/parquet", "homes", "findings", "dirs"] {
        let key = |id: &str| format!("{table}/fs={id}/dt=2026-11-29/20261129T000000.000000Z.csv");
        assert!(below(&key(own)) && !below(&key(other)), "{publish}");
    }
    // Not even below another's table, where Athena would read it.
    let beside =
        |of: &str, by: &str| format!("homes/parquet/fs={of}/dt=2026-11-29/fs={by}/rows.parquet");
    assert!(!below(&beside(other, own)) && !below(&beside(own, own)), "{not}");
    for (start, end) in [("latest/", ".json"), ("du/", ".txt"), ("report/", "/users/1.html")] {
        let key = |id: &str| format!("{start}{id}{end}");
        assert!(below(&key(own)) && !below(&key(other)), "{publish}");
    }
    for shared in ["du/latest.txt", "report/index.html", "write-check"] {
        assert!(below(shared), "{publish}");
    }
    // Whatever else the account may write is under its own name.
    let written = statements.iter().filter(|it| {
        it["Effect"] == "Allow"
            && it["Principal"].to_string().contains(&format!("{account}:root"))
            && it["Action"].to_string().contains("Put")
    });
    for statement in written {
        let resources = statement["Resource"].to_string();
        let own = resources.matches(&format!("/efs-scan-{domain}/*")).count();
        assert_eq!((resources.matches("arn:").count(), own), (2, 2), "{statement}");
    }
}

fn what_exists_already_is_used_and_not_changed() {
    let Some(team) = Team::get("handed-in", "d-handed-in") else { return };
    team.apply(&[]);
    let made = team.resources();
    let given = team.output("team");
    let monitor = team.output("monitor");
    assert_eq!(second_plan(&team.terraform, &team.directory()), None);
    assert_eq!(team.destroy(&[]), "");

    let kinds: BTreeSet<&str> = made
        .iter()
        .map(|(address, _)| {
            address.trim_start_matches("module.efs_scan.").split('.').next().unwrap()
        })
        .collect();
    let wanted = [
        "aws_athena_named_query",
        "aws_athena_workgroup",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_metric_alarm",
        "aws_glue_catalog_database",
        "aws_glue_catalog_table",
        "aws_instance",
        "aws_sns_topic_subscription",
        "terraform_data",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted);
    let of = |kind: &str| made.iter().find(|(it, _)| it.contains(kind)).unwrap().1.clone();
    let instance = of("aws_instance.");
    assert_eq!(instance["ami"], given["ami"]);
    assert_eq!(instance["iam_instance_profile"], "team-monitor");
    assert_eq!(instance["vpc_security_group_ids"], json!([given["group"]]));
    assert_eq!(instance["root_block_device"][0]["kms_key_id"], given["key"]);
    for (address, alarm) in made.iter().filter(|(it, _)| it.contains("metric_alarm.")) {
        assert_eq!(alarm["alarm_actions"], json!([given["topic"]]), "{address}");
        assert_eq!(alarm["namespace"], "Team/Homes", "{address}");
    }
    assert_eq!(of("aws_sns_topic_subscription.")["topic_arn"], given["topic"]);
    assert_eq!(monitor["destination"], "s3://team-reports-handed-in/studio/homes");
    assert_eq!(monitor["role_arn"], given["role"]);
    let policy = monitor["role_policy"].as_str().unwrap();
    for part in ["kms:GenerateDataKey", "logs:PutLogEvents", "log-group:/team/efs-scan:*"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(policy.contains(given["key"].as_str().unwrap()));
    let script = monitor["user_data"].as_str().unwrap();
    for part in ["AWS_USE_DUALSTACK_ENDPOINT", "UseDualStackEndpoint", "/team/efs-scan"] {
        assert!(script.contains(part), "{part} in {script}");
    }
    assert!(!script.contains("aws s3 cp"), "the image has it: {script}");
}
