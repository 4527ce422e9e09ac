//! `deploy/terraform`: validated by Terraform, deployed to moto, and run like on its instance.

#[cfg(feature = "aws")]
mod accounts;
#[cfg(feature = "aws")]
mod alarms;
#[cfg(feature = "aws")]
pub(crate) mod applied;
#[cfg(feature = "aws")]
pub(crate) mod batch;
#[cfg(feature = "aws")]
mod clockwork;
mod deployed;
mod examples;
#[cfg(feature = "aws")]
pub(crate) mod fargate;
mod inputs;
mod plans;
#[cfg(feature = "aws")]
pub(crate) mod policy;
#[cfg(feature = "aws")]
mod role;
mod user_data;
#[cfg(feature = "aws")]
mod values;

use std::path::Path;
use std::process::Command;

use deployed::*;
use efs_scan_testbed::*;
use parquet::file::reader::{FileReader, SerializedFileReader};
#[cfg(feature = "aws")]
pub(crate) use role::asks;
use serde_json::{Value, json};

#[test]
fn the_module_is_formatted() {
    let there = Command::new("terraform").arg("version").output().is_ok();
    if !skip_unless(there, "terraform fmt", "terraform is not installed") {
        return;
    }
    for directory in ["deploy/terraform", "tests/servers/terraform"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let mut command = Command::new("terraform");
        command.args(["fmt", "-check", "-recursive", "-diff"]).current_dir(directory);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_module_and_its_example_are_valid() {
    let Some(terraform) = Terraform::find("terraform validate", None) else { return };
    let work = copy_of_module();
    let module = work.path().join("terraform");
    let examples = [
        "example",
        "examples/two-domains",
        "examples/central-bucket",
        "examples/one-vpc",
        "examples/fargate",
        "examples/batch",
    ];
    for directory in examples.map(|name| module.join(name)).into_iter().chain([module]) {
        terraform.init(&directory);
        terraform.succeed(&directory, &["validate"]);
    }
}

#[test]
fn the_module_is_applied_once_and_destroyed_completely() {
    let Some(deployed) = Deployed::get() else { return };
    assert_eq!(deployed.second_plan, None, "the second plan is not empty");
    assert_eq!(deployed.left, "", "left after destroy");
    let made = deployed.made();
    assert!(made.len() > 30, "{made:?}");
}

#[test]
fn without_delete_data_the_bucket_keeps_its_settings_and_all_else_goes() {
    let Some(deployed) = Deployed::get() else { return };
    let said = deployed.refused.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("apply delete_data = true first"), "{said}");
    // Nothing was deleted in S3 either; deletion there would come after the settings.
    assert!(!said.contains("BucketNotEmpty"), "{said}");
    let made = deployed.kept.iter().filter(|address| !address.contains(".data."));
    let made: Vec<_> = made.map(|address| address.trim_start_matches("module.efs_scan.")).collect();
    // The bucket's policy, which moto does not keep.
    let wanted = [
        "aws_s3_bucket.reports[0]",
        "aws_s3_bucket_lifecycle_configuration.reports[0]",
        "aws_s3_bucket_ownership_controls.reports[0]",
        "aws_s3_bucket_public_access_block.reports[0]",
        "aws_s3_bucket_server_side_encryption_configuration.reports[0]",
        "aws_s3_bucket_versioning.reports[0]",
        "terraform_data.keep_reports[0]",
    ];
    assert_eq!(made, wanted);
}

#[test]
fn two_domains_have_no_name_in_common() {
    let Some(deployed) = Deployed::get() else { return };
    let mut named = 0;
    for (kind, key) in [
        ("aws_athena_workgroup", "name"),
        ("aws_cloudwatch_dashboard", "dashboard_name"),
        ("aws_cloudwatch_metric_alarm", "alarm_name"),
        ("aws_glue_catalog_database", "name"),
        ("aws_iam_instance_profile", "name"),
        ("aws_iam_role", "name"),
        ("aws_s3_bucket", "bucket"),
        ("aws_security_group", "name"),
        ("aws_sns_topic", "name"),
    ] {
        for (address, values) in deployed.of_type(kind) {
            let name = values[key].as_str().unwrap();
            assert!(name.replace('_', "-").contains("d-abc123def456"), "{address}: {name}");
            named += 1;
        }
    }
    assert_eq!(named, 17);
}

#[test]
fn the_domains_own_file_system_is_watched_and_nothing_is_open() {
    let Some(deployed) = Deployed::get() else { return };
    assert_eq!(deployed.output("file_system_id"), deployed.before("file_system_id"));
    assert_eq!(deployed.values("aws_security_group.monitor[0]")["ingress"], json!([]));
    let group = &deployed.values("aws_security_group.monitor[0]")["id"];
    let rules = deployed.of_type("aws_vpc_security_group_ingress_rule");
    let [(_, rule)] = rules[..] else { panic!("{rules:?}") };
    assert_eq!(rule["security_group_id"], deployed.before("inbound"));
    assert_eq!(&rule["referenced_security_group_id"], group);
    assert_eq!([&rule["from_port"], &rule["to_port"]], [2049, 2049]);

    let mut out: Vec<_> = deployed
        .of_type("aws_vpc_security_group_egress_rule")
        .iter()
        .map(|(_, rule)| (rule["from_port"].as_i64().unwrap(), rule["to_port"].as_i64().unwrap()))
        .collect();
    out.sort_unstable();
    assert_eq!(out, [(443, 443), (2049, 2049)]);

    let instance = deployed.values("aws_instance.monitor[0]");
    assert_eq!(instance["metadata_options"][0]["http_tokens"], "required");
    assert_eq!(instance["metadata_options"][0]["http_put_response_hop_limit"], 1);
    assert_eq!(instance["root_block_device"][0]["encrypted"], true);
    assert_eq!(instance["vpc_security_group_ids"], json!([group]));
    assert_eq!(instance["key_name"], "");
}

#[test]
fn the_file_system_policy_keeps_the_monitor_alone_from_writing() {
    let Some(deployed) = Deployed::get() else { return };
    let role = deployed.output("role_arn");
    let text = deployed.output("file_system_policy").as_str().unwrap();
    let policy: Value = serde_json::from_str(text).unwrap();
    let of_effect = |effect: &str| -> Vec<&Value> {
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements.filter(|statement| statement["Effect"] == effect).collect()
    };
    let denied = of_effect("Deny");
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["Action"], "elasticfilesystem:ClientWrite");
    assert_eq!(&denied[0]["Principal"]["AWS"], role);
    let everybody =
        of_effect("Allow").into_iter().find(|it| it["Principal"]["AWS"] == "*").unwrap();
    assert_eq!(everybody["Condition"]["Bool"]["elasticfilesystem:AccessedViaMountTarget"], "true");
    assert_eq!(everybody["Action"].as_array().unwrap().len(), 3);
    let attached = deployed.values("aws_efs_file_system_policy.homes[0]")["policy"].as_str();
    let attached: Value = serde_json::from_str(attached.unwrap()).unwrap();
    assert_eq!(attached, policy);
}

#[test]
fn the_bucket_is_private_and_keeps_what_readers_poll() {
    let Some(deployed) = Deployed::get() else { return };
    let block = deployed.values("aws_s3_bucket_public_access_block.reports[0]");
    for what in [
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ] {
        assert_eq!(block[what], true, "{what}");
    }
    let policy = deployed.values("data.aws_iam_policy_document.bucket")["json"].as_str().unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    assert_eq!(policy["Statement"][0]["Condition"]["Bool"]["aws:SecureTransport"], "false");

    let rules = &deployed.values("aws_s3_bucket_lifecycle_configuration.reports[0]")["rule"];
    let expires = |key: &str| {
        rules.as_array().unwrap().iter().any(|rule| {
            let prefix = rule["filter"][0]["prefix"].as_str().unwrap_or_default();
            !rule["expiration"].as_array().unwrap().is_empty() && key.starts_with(prefix)
        })
    };
    // Files that a run makes, and files that the module puts there.
    let published = published();
    let keys = files(published.path(), published.path());
    let (gone, kept): (Vec<_>, Vec<_>) =
        keys.iter().partition(|path| expires(&format!("efs/{path}")));
    assert_eq!(kept, ["du/latest.txt", "du/prod.txt", "latest/prod.json"]);
    let kinds: Vec<_> = gone.iter().map(|path| path.split('/').next().unwrap()).collect();
    assert_eq!(kinds, ["dirs", "findings", "homes", "runs"]);
    assert!(!expires(&format!("packages/{PACKAGE}")));
    assert!(expires("athena-results/x.csv"));
    assert!(expires("efs/shards/a/fs=prod/00001.shard"));
}

/// Makes a directory with one published run.
fn published() -> tempfile::TempDir {
    let (root, state, to) = (scratch(), scratch(), scratch());
    file(root.path(), "200005/.cache/pip/a", 3_000_000);
    let to_ = to.path().to_str().unwrap();
    let state = state.path().to_str().unwrap();
    let output =
        run([root.path().to_str().unwrap(), "--name=prod", "--publish", to_, "--state-dir", state]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    to
}

/// Lists the files below a directory in order, relative to `root`, without the lock that publishing
/// to a directory needs.
fn files(root: &Path, directory: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(root, &path));
        } else if !path.ends_with(".efs-scan.lock") {
            all.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    all.sort();
    all
}

#[test]
fn tables_have_the_columns_that_are_published() {
    let Some(deployed) = Deployed::get() else { return };
    let published = published();
    let paths = files(published.path(), published.path());
    for table in ["homes", "findings", "dirs"] {
        let file = paths.iter().find(|path| path.starts_with(&format!("{table}/"))).unwrap();
        let bytes = std::fs::read(published.path().join(file)).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let want: Vec<_> =
            schema.columns().iter().map(|it| (it.name(), type_of(it.self_type()))).collect();
        let values = deployed.values(&format!("aws_glue_catalog_table.reports[\"{table}\"]"));
        let storage = &values["storage_descriptor"][0];
        let columns = storage["columns"].as_array().unwrap().iter();
        let text = |value: &'static str| move |it: &Value| it[value].as_str().unwrap().to_owned();
        let columns: Vec<_> = columns.map(|it| (text("name")(it), text("type")(it))).collect();
        let columns: Vec<_> = columns.iter().map(|(name, of)| (&**name, &**of)).collect();
        assert_eq!(columns, want, "{table}");
        let place = values["parameters"]["storage.location.template"].as_str().unwrap();
        let day = file.split_once("/dt=").unwrap().1;
        let place = place.split_once("/efs/").unwrap().1.replace("${fs}", "prod");
        let place = place.replace("${dt}", &day[..10]);
        assert!(file.starts_with(&place), "{place} for {file}");
    }
}

/// Returns Athena's type of a column.
fn type_of(column: &parquet::schema::types::Type) -> &'static str {
    use parquet::basic::{LogicalType, Type};
    match (column.get_physical_type(), column.get_basic_info().logical_type_ref()) {
        (Type::BYTE_ARRAY, Some(LogicalType::String)) => "string",
        (Type::BYTE_ARRAY, None) => "binary",
        (Type::BOOLEAN, _) => "boolean",
        (Type::DOUBLE, _) => "double",
        (Type::INT64, Some(_)) => "timestamp",
        (Type::INT64, None) => "bigint",
        other => panic!("{other:?}"),
    }
}

#[test]
fn saved_queries_use_existing_columns() {
    let Some(deployed) = Deployed::get() else { return };
    let queries = deployed.of_type("aws_athena_named_query");
    assert_eq!(queries.len(), 9);
    for (address, query) in queries {
        let text = query["query"].as_str().unwrap();
        let tables = ["findings", "dirs", "homes"];
        let from = |table: &&&str| text.contains(&format!("FROM {table}\n"));
        let table = tables.iter().find(from).unwrap_or_else(|| panic!("{address}"));
        let values = deployed.values(&format!("aws_glue_catalog_table.reports[\"{table}\"]"));
        let columns = values["storage_descriptor"][0]["columns"].as_array().unwrap().iter();
        let columns: Vec<_> = columns.map(|column| column["name"].as_str().unwrap()).collect();
        // Columns read from the table: between the first SELECT and its FROM.
        let read = text.split_once("SELECT").unwrap().1.split_once("FROM").unwrap().0;
        for item in read.split(',').map(str::trim) {
            let name = item.split_whitespace().next().unwrap();
            let is_known = ["fs", "dt", "\"$path\""].contains(&name);
            assert!(is_known || columns.contains(&name), "{address}: {name}");
        }
        assert!(text.contains("WHERE dt >= "), "{address} reads all days");
    }
}

#[test]
fn alarms_notify_of_both_changes_and_are_on_the_dashboard() {
    let Some(deployed) = Deployed::get() else { return };
    let topic = deployed.output("topic_arn");
    let alarms = deployed.of_type("aws_cloudwatch_metric_alarm");
    assert_eq!(alarms.len(), 9);
    for (address, alarm) in &alarms {
        for actions in ["alarm_actions", "ok_actions"] {
            assert_eq!(alarm[actions], json!([topic]), "{address}");
        }
        assert_eq!(alarm["dimensions"]["FileSystemId"], deployed.before("file_system_id"));
        // CloudWatch's limit for periods of at least an hour.
        let (period, count) = (&alarm["period"], &alarm["evaluation_periods"]);
        assert!(period.as_i64().unwrap() * count.as_i64().unwrap() <= 7 * 86_400, "{address}");
    }
    let user = deployed.values("aws_cloudwatch_metric_alarm.user_quota[\"alice\"]");
    assert_eq!(user["dimensions"]["User"], "alice");
    let group = deployed.values("aws_cloudwatch_metric_alarm.group_quota[\"physics\"]");
    assert_eq!(group["dimensions"]["Group"], "physics");

    let body = deployed.values("aws_cloudwatch_dashboard.homes")["dashboard_body"].as_str();
    let body: Value = serde_json::from_str(body.unwrap()).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let shown: usize =
        widgets.iter().filter_map(|it| it["properties"]["alarms"].as_array()).map(Vec::len).sum();
    assert_eq!(shown, alarms.len());
    // On a grid of 24 columns, without overlaps.
    let mut taken = std::collections::BTreeSet::new();
    for widget in widgets {
        let at = |key: &str| widget[key].as_i64().unwrap();
        for x in at("x")..at("x") + at("width") {
            for y in at("y")..at("y") + at("height") {
                assert!(x < 24 && taken.insert((x, y)), "{widget}");
            }
        }
    }
}
