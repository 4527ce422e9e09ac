//! The examples of containers on moto: their plans, what was applied, and their state machines.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::deployed::{
    Terraform, copy_of_module, for_moto, forget_what_stays, prelude, said, second_plan,
};
use super::plans::deleted;
use efs_scan_testbed::{scratch, skip_unless, watched};
use tempfile::TempDir;

/// An example of the module that can be deployed to moto, in a copy of the module.
pub(super) struct ExampleOnMoto<'a> {
    terraform: &'a Terraform,
    pub(super) directory: PathBuf,
    subnet: String,
    _work: TempDir,
}

impl<'a> ExampleOnMoto<'a> {
    /// Makes what SageMaker makes for these domains.
    pub(super) fn new(terraform: &'a Terraform, name: &str, domains: &[&str]) -> Self {
        let work = copy_of_module();
        let module = work.path().join("terraform");
        for_moto(&module);
        let outputs = prelude(terraform, work.path(), domains, None);
        let subnet = outputs["subnet_id"]["value"].as_str().unwrap().to_owned();
        let directory = module.join("examples").join(name);
        let example = Self { terraform, directory, subnet, _work: work };
        example.change_to("");
        terraform.init(&example.directory);
        example
    }

    /// Sets inputs of the module besides those of the example.
    pub(super) fn change_to(&self, inputs: &str) {
        let subnet = &self.subnet;
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
              {inputs}
            }}"#
        );
        std::fs::write(self.directory.join("override.tf"), text).unwrap();
    }

    pub(super) fn plan(&self) -> Planned {
        Planned::of(self.terraform, &self.directory)
    }

    /// Returns the message of a plan that is refused.
    pub(super) fn refused(&self) -> String {
        let refused = self.terraform.run(&self.directory, &["plan"]);
        assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stdout));
        said(&refused).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(super) fn apply(&self) -> Applied {
        Applied::of(self.terraform, &self.directory)
    }

    /// Destroys everything, and returns what is left.
    pub(super) fn destroy(&self) -> String {
        forget_what_stays(self.terraform, &self.directory);
        self.terraform.succeed(&self.directory, &["destroy", "-auto-approve"]);
        self.terraform.succeed(&self.directory, &["state", "list"])
    }
}

/// The changes that a plan has.
pub(super) struct Planned {
    pub(super) deleted: BTreeSet<String>,
    pub(super) created: BTreeSet<String>,
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
    pub(super) second_plan: Option<String>,
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

    pub(crate) fn values(&self, address: &str) -> &Value {
        let found = self.resources.iter().find(|(it, _)| it == address);
        &found.unwrap_or_else(|| panic!("no {address}")).1
    }

    pub(super) fn policy(&self, address: &str) -> Value {
        serde_json::from_str(self.values(address)["policy"].as_str().unwrap()).unwrap()
    }

    /// Returns the statements of a role's policy, by their names.
    pub(super) fn statements(&self, address: &str) -> Vec<(String, Value)> {
        let policy = self.policy(address);
        let statements = policy["Statement"].as_array().unwrap().clone();
        let named = statements.into_iter();
        named.map(|it| (it["Sid"].as_str().unwrap().to_owned(), it)).collect()
    }

    /// Returns the definition of the state machine.
    pub(crate) fn machine(&self) -> Value {
        let machine = self.values("aws_sfn_state_machine.scan[0]")["definition"].as_str();
        serde_json::from_str(machine.unwrap()).unwrap()
    }

    /// Runs the state machine in moto's interpreter, once for each case: states that are put in place of
    /// its own, such as what a service would answer. Returns each execution's name, states, end and
    /// output; `None`, and reports `what` as skipped, without moto.
    pub(super) fn executions(&self, what: &str, cases: &[Value]) -> Option<Vec<Execution>> {
        let python = std::env::var("EFS_SCAN_TEST_PYTHON").ok();
        if !skip_unless(python.is_some(), what, "tests/aws-servers installs boto3 for it") {
            return None;
        }
        let scratch = scratch();
        let file = scratch.path().join("machine.json");
        std::fs::write(&file, self.machine().to_string()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/terraform/machine.py");
        let mut command = Command::new(python?);
        command.arg(script).arg(std::env::var("EFS_SCAN_TEST_MOTO").unwrap()).arg(file);
        command.args(cases.iter().map(Value::to_string));
        let output = watched(&mut command, Duration::from_secs(120));
        assert!(output.status.success(), "{}", said(&output));
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }
}

/// An execution of a state machine.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Execution {
    pub(super) name: String,
    /// The states that it entered, in order.
    pub(super) entered: Vec<String>,
    pub(super) status: String,
    pub(super) output: Option<Value>,
}

impl Execution {
    pub(super) fn count(&self, state: &str) -> usize {
        self.entered.iter().filter(|it| *it == state).count()
    }
}

pub(super) fn set<const N: usize>(of: [&str; N]) -> BTreeSet<String> {
    of.map(str::to_owned).into()
}
