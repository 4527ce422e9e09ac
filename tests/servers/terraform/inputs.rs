//! Invalid inputs, each with a message that says what to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::deployed::{PACKAGE, Terraform, copy_of_module};

/// Required inputs, so that nothing else is wrong.
const RIGHT: [(&str, &str); 3] = [
    ("domain_id", r#""d-abc123def456""#),
    ("subnet_id", r#""subnet-0123456789abcdef0""#),
    ("package_file", r#""./example/efs-scan-0.1.0-1.aarch64.rpm""#),
];

/// Input, an invalid value in Terraform's syntax, and the beginning of the message.
const WRONG: &[(&str, &str, &str)] = &[
    ("domain_id", r#""team""#, "domain_id must be the id of a SageMaker domain"),
    ("domain_id", r#""d-A\"$(id)""#, "domain_id must be"),
    ("file_system_id", r#""fs-xyz""#, "file_system_id must be the id of an EFS file system"),
    ("file_system_id", r#""""#, "file_system_id must be"),
    ("nfs_security_group_id", r#""default""#, "nfs_security_group_id must be the id"),
    ("name", r#""Efs Scan""#, "name must have 1 to 34 small letters"),
    ("name", r#""a'b""#, "name must have"),
    ("subnet_id", r#""vpc-0123456789abcdef0""#, "subnet_id must be the id of a subnet"),
    ("architecture", r#""aarch64""#, "architecture must be arm64 or x86_64"),
    ("compute", r#""lambda""#, "compute must be instance, fargate or batch"),
    ("shards", "1", "shards must be a whole number from 2 to 10000"),
    ("shards", "2.5", "shards must be"),
    ("shards", "10001", "shards must be"),
    ("fargate", r#"{ image = "efs-scan" }"#, "fargate.image must be a registry, a repository and"),
    (
        "fargate",
        r#"{ image = "a.b/c:1", engine = "direct" }"#,
        "fargate.engine must be posix or nfs",
    ),
    (
        "fargate",
        r#"{ image = "a.b/c:1", log_retention_days = 8 }"#,
        "fargate.log_retention_days must",
    ),
    ("instance_type", r#""small""#, "instance_type must be a type of instance"),
    ("package_file", r#""./example/none.rpm""#, "package_file must be an .rpm that exists"),
    ("package_file", r#""./versions.tf""#, "package_file must be an .rpm"),
    ("package_file", r#""./example/it's.aarch64.rpm""#, "package_file must be an .rpm"),
    ("scan_time", r#""24:00""#, "scan_time must be a time of the day"),
    ("scan_time", r#""2:30 am""#, "scan_time must be"),
    ("bucket_name", r#""Team_Bucket""#, "bucket_name must have 3 to 63"),
    ("prefix", r#""/efs""#, "prefix must be made of"),
    ("prefix", r#""""#, "prefix must be made of"),
    ("prefix", r#""packages/efs""#, "prefix must be made of"),
    ("retention_days", "30", "retention_days must be a whole number of at least 31"),
    ("retention_days", "40.5", "retention_days must be"),
    ("emails", r#"["ok@example.com", "team"]"#, "emails must be addresses"),
    (
        "remind",
        r#"{ from = "EFS <a@b.cc>", admin = "a@b.cc", address = "{name}@b.cc" }"#,
        "remind.from must be an address",
    ),
    (
        "remind",
        r#"{ from = "a@b.cc", admin = "a@b.cc", address = "a@b.cc" }"#,
        "remind.admin must be an address, and remind.address",
    ),
    (
        "remind",
        r#"{ from = "a@b.cc", admin = "a@b.cc", address = "{name}@b.cc", trash = "much" }"#,
        "remind.trash must be a size",
    ),
    ("home_at", r#""~/efs""#, "home_at must be an absolute path"),
    ("budget_gib", "0", "budget_gib must be more than 0"),
    ("quota_default", r#""50""#, "quota_default must be a size with its unit"),
    ("quota_default", r#""0GiB""#, "quota_default must be"),
    ("quota_default", r#""1.2.3GiB""#, "quota_default must be"),
    ("user_quotas", r#"{ alice = "lots" }"#, "user_quotas must give sizes"),
    ("user_quotas", r#"{ "a\nb" = "1GiB" }"#, "user_quotas must name users"),
    ("user_quotas", r#"{ ":a" = "1GiB" }"#, "user_quotas must name users"),
    ("user_quotas", r#"{ "a\\b" = "1GiB" }"#, "user_quotas must name users"),
    ("user_quotas", r#"{ "a " = "1GiB" }"#, "user_quotas must name users"),
    ("user_quotas", r#"{ "" = "1GiB" }"#, "user_quotas must name users"),
    (
        "user_quotas",
        r#"{ for n in range(400) : "user${n}" => "1GiB" }"#,
        "user_quotas has more than 4,000",
    ),
    ("group_quotas", r#"{ physics = "lots" }"#, "group_quotas must give sizes"),
    ("group_quotas", r#"{ "a\\b" = "1GiB" }"#, "group_quotas must name groups"),
    (
        "group_quotas",
        r#"{ for n in range(400) : "group${n}" => "1GiB" }"#,
        "group_quotas has more than 4,000",
    ),
];

/// Returns a module block of the configuration, which may name the package with `./`.
fn call(name: &str, at: &str, inputs: &BTreeMap<&str, &str>) -> String {
    let mut text = format!("module \"{name}\" {{\nsource = \"{at}\"\n");
    for (input, value) in inputs {
        let value = value.replace("\"./", &format!("\"{at}/"));
        writeln!(text, "{input} = {value}").unwrap();
    }
    text + "}\n"
}

/// Returns the messages about the configuration in `directory`.
fn said(terraform: &Terraform, directory: &Path, args: &[&str]) -> Vec<Value> {
    terraform.init(directory);
    let output = terraform.run(directory, args);
    assert_eq!(output.status.code(), Some(1));
    // One object over several lines, or one object per line.
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let value = value.unwrap();
        found.extend(value["diagnostics"].as_array().cloned().unwrap_or_default());
        found.extend(value.get("diagnostic").cloned());
    }
    found
}

#[test]
fn wrong_inputs_are_refused_with_what_to_do() {
    let Some(terraform) = Terraform::find("wrong inputs of the Terraform module", None) else {
        return;
    };
    let work = copy_of_module();
    let example = work.path().join("terraform/example");
    std::fs::copy(example.join(PACKAGE), example.join("it's.aarch64.rpm")).unwrap();
    // One module per input, because Terraform reports all errors at once.
    let mut config = String::new();
    for (at, (input, value, _)) in WRONG.iter().enumerate() {
        let mut inputs: BTreeMap<_, _> = RIGHT.into();
        inputs.insert(input, value);
        config += &call(&format!("wrong_{at}_"), "./terraform", &inputs);
    }
    // One without errors.
    config += &call("right", "./terraform", &RIGHT.into());
    std::fs::write(work.path().join("main.tf"), config).unwrap();
    let said = said(&terraform, work.path(), &["validate", "-json"]);
    let of = |module: &str| -> Vec<&str> {
        let of_it = said.iter().filter(|it| {
            it["snippet"]["context"].as_str().unwrap_or_default() == format!("module \"{module}\"")
        });
        of_it.map(|it| it["detail"].as_str().unwrap()).collect()
    };
    for (at, (input, value, message)) in WRONG.iter().enumerate() {
        let details = of(&format!("wrong_{at}_"));
        let told = details.iter().any(|detail| detail.starts_with(message));
        assert!(told, "{input} = {value}: {details:?}");
    }
    assert_eq!(of("right"), [""; 0]);
}

#[test]
fn a_package_for_another_processor_is_refused_before_anything_is_made() {
    let Some(terraform) = Terraform::find("a package for another processor", None) else { return };
    let work = copy_of_module();
    let example = work.path().join("terraform/example");
    let other = "efs-scan-0.1.0-1.x86_64.rpm";
    std::fs::rename(example.join(PACKAGE), example.join(other)).unwrap();
    let package = format!("\"./example/{other}\"");
    let mut inputs: BTreeMap<_, _> = RIGHT.into();
    inputs.insert("package_file", &package);
    // Nothing answers the provider: the error is found before any request.
    let provider = r#"provider "aws" {
      max_retries                 = 1
      skip_credentials_validation = true
      skip_requesting_account_id  = true
      skip_metadata_api_check     = true
    }
    "#;
    let config = provider.to_owned() + &call("other", "./terraform", &inputs);
    std::fs::write(work.path().join("main.tf"), config).unwrap();
    let said = said(&terraform, work.path(), &["plan", "-json", "-refresh=false"]);
    let message =
        format!("package_file {other} is not for arm64: give the one that ends in aarch64.rpm");
    let told =
        said.iter().any(|it| it["detail"].as_str().unwrap_or_default().starts_with(&message));
    assert!(told, "{said:?}");
}
