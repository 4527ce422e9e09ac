//! The deployed module of `deploy/terraform`: its example is applied to moto once for all tests,
//! and destroyed before any of them looks at the results.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use efs_scan_testbed::{scratch, skip_unless, watched};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/terraform");
const PRELUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/terraform/prelude");

/// A user whose name would do harm wherever it is not quoted: in a shell, TOML or Terraform.
pub(crate) const HOSTILE: &str = r#"$(touch pwned) `id` "q" 'x' ${HOME} %{if} <&> # END"#;

/// Size of the package that the example installs.
pub(crate) const PACKAGE: &str = "efs-scan-0.1.0-1.aarch64.rpm";
pub(crate) const PACKAGE_BYTES: &[u8] = b"no real package\n";

/// Parts of the module that moto cannot deploy, and why. Each is left out here and reported as
/// skipped.
const NOT_ON_MOTO: [(&str, &str); 7] = [
    ("the bucket's policy on moto", "it denies whatever a policy with a condition is about"),
    ("descriptions of rules between security groups on moto", "it forgets them"),
    ("deleting the file system policy and saved queries on moto", "it cannot"),
    ("an environment of AWS Batch without a service role on moto", "it demands one"),
    (
        "user data as it is, changed on moto",
        "what it decodes must be base64 again: it is encoded twice",
    ),
    (
        "conditions of the role's policy in moto",
        "it asks IAM without context; tests/servers/terraform/policy.rs judges them",
    ),
    (
        "cloudwatch:PutMetricData and the five SageMaker actions refused by moto",
        "it speaks neither protocol: a stand-in answers, which asks no IAM, and \
         tests/servers/terraform/policy.rs judges the requests",
    ),
];

/// Uses Terraform's way to change a configuration from outside: an override file beside it.
const MODULE_FOR_MOTO: &str = r#"
resource "aws_s3_bucket_policy" "reports" { count = 0 }
resource "aws_vpc_security_group_egress_rule" "nfs" { description = null }
resource "aws_vpc_security_group_ingress_rule" "nfs" { description = null }
resource "aws_vpc_security_group_egress_rule" "more" { description = null }
resource "aws_vpc_security_group_ingress_rule" "more" { description = null }
resource "aws_batch_compute_environment" "scan" { service_role = aws_iam_role.schedule[0].arn }
resource "aws_instance" "monitor" { user_data = base64encode(base64encode(local.user_data)) }
"#;

/// Values that the tests use besides the module's outputs.
const MORE_OUTPUTS: &str = r#"output "mime" { value = local.user_data }"#;

const NOT_DESTROYED: [&str; 2] =
    ["aws_efs_file_system_policy.homes", "aws_athena_named_query.reports"];

/// Results of the deployment.
pub(crate) struct Deployed {
    /// Output of `terraform show -json` after `apply`.
    state: Value,
    /// The example's module block, as the guide shows it.
    monitor: Value,
    /// Outputs of `tests/servers/terraform/prelude`.
    prelude: Value,
    /// Output of the second `plan`, if it would change anything.
    pub(crate) second_plan: Option<String>,
    /// Output of a `destroy` that was not allowed to delete reports, and the state after it.
    pub(crate) refused: String,
    pub(crate) kept: Vec<String>,
    /// The state after the successful `destroy`.
    pub(crate) left: String,
}

impl Deployed {
    /// Returns the deployment; otherwise reports the test as skipped.
    pub(crate) fn get() -> Option<&'static Self> {
        static DEPLOYED: OnceLock<Option<Deployed>> = OnceLock::new();
        DEPLOYED
            .get_or_init(|| {
                let terraform = moto()?;
                for (what, why) in NOT_ON_MOTO {
                    skip_unless(false, what, why);
                }
                Some(Self::deploy(&terraform))
            })
            .as_ref()
    }

    fn deploy(terraform: &Terraform) -> Self {
        let work = copy_of_module();
        let outputs = prelude(terraform, work.path(), &["d-abc123def456", "d-other"], None);
        let subnet = outputs["subnet_id"]["value"].as_str().unwrap();

        let module = work.path().join("terraform");
        for_moto(&module);
        let example = module.join("example");
        // HCL's strings are JSON's, except for `$` and `%`.
        let hostile = serde_json::to_string(HOSTILE).unwrap();
        let hostile = hostile.replace("${", "$${").replace("%{", "%%{");
        // Quotas and a budget that the test's homes can exceed.
        let with_everything = |delete_data: bool| {
            format!(
                r#"
            provider "aws" {{
              s3_use_path_style           = true
              skip_credentials_validation = true
              skip_metadata_api_check     = true
            }}
            module "efs_scan" {{
              subnet_id                 = "{subnet}"
              attach_file_system_policy = true
              delete_data               = {delete_data}
              scan_time                 = "02:30"
              budget_gib                = 0.0625
              read_metrics              = true
              home_at                   = "/home/sagemaker-user/user-default-efs"
              remind = {{
                from    = "efs@example.com"
                admin   = "storage@example.com"
                address = "{{name}}@example.com"
                trash   = "10GiB"
              }}
              settings                  = {{ group_tag = "team" }}
              user_quotas               = {{ alice = "32MiB", {hostile} = "1.5MiB" }}
              group_quotas              = {{ physics = "64MiB" }}
            }}"#
            )
        };
        std::fs::write(example.join("override.tf"), with_everything(false)).unwrap();
        terraform.init(&example);
        terraform.succeed(&example, &["apply", "-auto-approve"]);
        let state = terraform.json(&example, &["show", "-json"]);
        let monitor = terraform.json(&example, &["output", "-json", "monitor"]);
        let second_plan = second_plan(terraform, &example);
        forget_what_stays(terraform, &example);
        let refused = terraform.run(&example, &["destroy", "-auto-approve"]);
        assert_eq!(refused.status.code(), Some(1), "reports would have been deleted");
        let refused = said(&refused);
        let kept = terraform.succeed(&example, &["state", "list"]);
        let kept = kept.lines().map(str::to_owned).collect();

        std::fs::write(example.join("override.tf"), with_everything(true)).unwrap();
        let bucket = "-target=module.efs_scan.terraform_data.keep_reports";
        terraform.succeed(&example, &["apply", "-auto-approve", "-refresh=false", bucket]);
        terraform.succeed(&example, &["destroy", "-auto-approve", "-refresh=false"]);
        let left = terraform.succeed(&example, &["state", "list"]);
        Self { state, monitor, prelude: outputs, second_plan, refused, kept, left }
    }

    fn all(&self) -> &[Value] {
        let modules = self.state["values"]["root_module"]["child_modules"].as_array().unwrap();
        assert_eq!(modules.len(), 1);
        modules[0]["resources"].as_array().unwrap()
    }

    /// Returns the addresses of created resources in the module, without data sources.
    pub(crate) fn made(&self) -> Vec<&str> {
        let made = self.all().iter().filter(|resource| resource["mode"] == "managed");
        made.map(address).collect()
    }

    /// Returns the values of `aws_cloudwatch_metric_alarm.user_quota["alice"]` or
    /// `data.aws_iam_policy_document.bucket`, by its address in the module.
    pub(crate) fn values(&self, wanted: &str) -> &Value {
        let found = self.all().iter().find(|resource| address(resource) == wanted);
        &found.unwrap_or_else(|| panic!("no {wanted} in {:?}", self.made()))["values"]
    }

    /// Returns the values of all resources of a type, by address.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let found = self.all().iter();
        let found =
            found.filter(|resource| resource["mode"] == "managed" && resource["type"] == kind);
        found.map(|resource| (address(resource), &resource["values"])).collect()
    }

    /// Returns an output of the module.
    pub(crate) fn output(&self, name: &str) -> &Value {
        let value = &self.monitor[name];
        assert!(!value.is_null(), "no output {name}");
        value
    }

    /// Returns an output of the prelude, which stands for what SageMaker creates.
    pub(crate) fn before(&self, name: &str) -> &str {
        self.prelude[name]["value"].as_str().unwrap()
    }
}

/// Returns Terraform with moto, or reports what needs it as skipped.
pub(crate) fn moto() -> Option<Terraform> {
    let what = "the Terraform module on moto";
    let moto = std::env::var("EFS_SCAN_TEST_MOTO").ok();
    let why = "tests/aws-servers starts the server for it";
    skip_unless(moto.is_some(), what, why).then(|| Terraform::find(what, moto))?
}

/// Makes a copy of the module deployable to moto.
pub(crate) fn for_moto(module: &Path) {
    std::fs::write(module.join("moto_override.tf"), MODULE_FOR_MOTO).unwrap();
    std::fs::write(module.join("moto.tf"), MORE_OUTPUTS).unwrap();
}

/// Creates the resources that SageMaker creates with these domains, in the account of a role or
/// else in moto's own, and returns the outputs of `tests/servers/terraform/prelude`.
pub(crate) fn prelude(
    terraform: &Terraform,
    work: &Path,
    domains: &[&str],
    role: Option<&str>,
) -> Value {
    let directory = work.join(format!("prelude-{}", domains[0]));
    copy(Path::new(PRELUDE), &directory);
    terraform.init(&directory);
    let role = role.map_or("null".to_owned(), |role| format!("{role:?}"));
    let variables = format!("domains = {domains:?}\nrole_arn = {role}\n");
    std::fs::write(directory.join("terraform.tfvars"), variables).unwrap();
    terraform.succeed(&directory, &["apply", "-auto-approve"]);
    terraform.json(&directory, &["output", "-json"])
}

/// Returns the output of a `plan` that would change anything.
pub(crate) fn second_plan(terraform: &Terraform, directory: &Path) -> Option<String> {
    let plan = terraform.run(directory, &["plan", "-detailed-exitcode"]);
    let text = String::from_utf8_lossy(&plan.stdout).into_owned();
    match plan.status.code() {
        Some(0) => None,
        Some(2) => Some(text),
        other => panic!("plan ended with {other:?}: {text}{}", said(&plan)),
    }
}

/// Removes what moto cannot delete from the state.
pub(crate) fn forget_what_stays(terraform: &Terraform, directory: &Path) {
    let all = terraform.succeed(directory, &["state", "list"]);
    let stays = |address: &&str| NOT_DESTROYED.iter().any(|it| address.contains(it));
    let stay: Vec<&str> = all.lines().filter(stays).collect();
    terraform.succeed(directory, &[&["state", "rm"][..], &stay].concat());
}

fn address(resource: &Value) -> &str {
    resource["address"].as_str().unwrap().strip_prefix("module.efs_scan.").unwrap()
}

/// Terraform and its plugins, which nothing downloads.
pub(crate) struct Terraform {
    plugins: PathBuf,
    moto: Option<String>,
}

impl Terraform {
    /// Returns `None`, and reports `what` as skipped, if they are not installed.
    pub(crate) fn find(what: &str, moto: Option<String>) -> Option<Self> {
        let there = Command::new("terraform").arg("version").output().is_ok();
        if !skip_unless(there, what, "terraform is not installed") {
            return None;
        }
        let plugins = std::env::var_os("TF_PLUGIN_DIR").map(PathBuf::from).or_else(|| {
            let search = ["/", "-xdev", "-maxdepth", "2", "-type", "d", "-name", "tf-plugins"];
            let found = Command::new("find").args(search).output().unwrap().stdout;
            String::from_utf8(found).unwrap().lines().next().map(PathBuf::from)
        });
        let why = "no folder tf-plugins with the AWS provider; TF_PLUGIN_DIR may name it";
        skip_unless(plugins.is_some(), what, why).then(|| Self { plugins: plugins.unwrap(), moto })
    }

    /// Runs it without this machine's configuration, against moto or against nothing.
    pub(crate) fn run(&self, directory: &Path, args: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("AWS_") || name.starts_with("TF_") {
                command.env_remove(&*name);
            }
        }
        command
            .current_dir(directory)
            .args(args)
            .env("TF_CLI_CONFIG_FILE", "/dev/null")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("TF_CLI_ARGS", "-no-color")
            .env("CHECKPOINT_DISABLE", "1")
            .env("AWS_ENDPOINT_URL", self.moto.as_deref().unwrap_or("http://127.0.0.1:9"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        watched(&mut command, Duration::from_secs(300))
    }

    /// Runs it successfully and returns its output.
    pub(crate) fn succeed(&self, directory: &Path, args: &[&str]) -> String {
        let output = self.run(directory, args);
        assert!(output.status.success(), "terraform {args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn init(&self, directory: &Path) {
        let plugins = format!("-plugin-dir={}", self.plugins.display());
        self.succeed(directory, &["init", &plugins]);
    }

    pub(crate) fn json(&self, directory: &Path, args: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(directory, args)).unwrap()
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Copies the module and its example, with a package, to `terraform`.
pub(crate) fn copy_of_module() -> TempDir {
    let work = scratch();
    let module = work.path().join("terraform");
    copy(Path::new(MODULE), &module);
    for example in
        ["example", "examples/two-domains", "examples/central-bucket", "examples/one-vpc"]
    {
        std::fs::write(module.join(example).join(PACKAGE), PACKAGE_BYTES).unwrap();
    }
    work
}

/// Copies a directory, without files that Terraform may have left there.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.starts_with('.') || text.contains("tfstate") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(&name));
        } else {
            std::fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}
