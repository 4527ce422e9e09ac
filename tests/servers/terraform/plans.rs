//! Effects of changes on a monitor: a change elsewhere changes nothing, even if a plan knows none
//! of the inputs, and a change of the settings keeps the instance.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::deployed::{
    Terraform, copy, copy_of_module, for_moto, forget_what_stays, moto, prelude, said,
};
use efs_scan_testbed::{run, scratch};

/// A configuration beside this file, with the module, the outputs of the prelude and a domain.
pub(super) struct Team {
    pub(super) terraform: Terraform,
    work: TempDir,
    name: &'static str,
}

impl Team {
    /// Returns `None` if there is no Terraform or no moto.
    pub(super) fn get(name: &'static str, domain: &str) -> Option<Self> {
        let terraform = moto()?;
        let work = copy_of_module();
        for_moto(&work.path().join("terraform"));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/terraform");
        copy(&here.join(name), &work.path().join(name));
        let outputs = prelude(&terraform, work.path(), &[domain], None);
        let mut values = json!({
            "domain_id": domain, "boundary": "team", "queue": "arn:aws:sqs:us-east-1:123456789012:q",
            "key": "arn:aws:kms:us-east-1:123456789012:key/0",
        });
        for (name, output) in outputs.as_object().unwrap() {
            values[name] = output["value"].clone();
        }
        let team = Self { terraform, work, name };
        std::fs::write(
            team.directory().join("terraform.tfvars.json"),
            json!({ "prelude": values }).to_string(),
        )
        .unwrap();
        team.terraform.init(&team.directory());
        Some(team)
    }

    pub(super) fn directory(&self) -> std::path::PathBuf {
        self.work.path().join(self.name)
    }

    pub(super) fn apply(&self, more: &[&str]) {
        self.terraform.succeed(&self.directory(), &[&["apply", "-auto-approve"], more].concat());
    }

    pub(super) fn output(&self, name: &str) -> Value {
        self.terraform.json(&self.directory(), &["output", "-json", name])
    }

    /// Returns the values of each resource of the module, by address.
    pub(super) fn resources(&self) -> Vec<(String, Value)> {
        let state = self.terraform.json(&self.directory(), &["show", "-json"]);
        let modules = state["values"]["root_module"]["child_modules"].as_array().unwrap();
        let resources = modules.iter().flat_map(|it| it["resources"].as_array().unwrap());
        let managed = resources.filter(|it| it["mode"] == "managed");
        managed
            .map(|it| (it["address"].as_str().unwrap().to_owned(), it["values"].clone()))
            .collect()
    }

    /// Destroys everything, and returns what is left.
    pub(super) fn destroy(&self, more: &[&str]) -> String {
        let directory = self.directory();
        forget_what_stays(&self.terraform, &directory);
        self.terraform.succeed(&directory, &[&["destroy", "-auto-approve"], more].concat());
        self.terraform.succeed(&directory, &["state", "list"])
    }
}

/// Returns the addresses that a plan would delete or replace.
pub(super) fn deleted(plan: &Value) -> Vec<&str> {
    let changes = plan["resource_changes"].as_array().unwrap().iter();
    let deletes =
        changes.filter(|it| it["change"]["actions"].as_array().unwrap().contains(&json!("delete")));
    deletes.map(|it| it["address"].as_str().unwrap()).collect()
}

pub(super) fn what_a_plan_does_not_know_replaces_nothing() {
    let Some(team) = Team::get("unknown", "d-unknown") else { return };
    let directory = team.directory();
    team.apply(&["-var=elsewhere=1", "-var=quota=1GiB"]);
    let made = team.resources();
    let before = |address: &str, key: &str| {
        let found = made.iter().find(|(it, _)| it == &format!("module.efs_scan.{address}"));
        found.unwrap_or_else(|| panic!("no {address}")).1[key].clone()
    };
    assert_eq!(
        before("aws_instance.monitor[0]", "volume_tags"),
        json!({"Name": "efs-scan-d-unknown-monitor", "cost-centre": "7", "team": "ml"})
    );
    settings_are_the_programs(team.output("monitor")["configuration"].as_str().unwrap());

    // All inputs are unknown to this plan, and turn out to be the same.
    let changed = ["-var=elsewhere=2", "-var=quota=1GiB"];
    team.terraform.succeed(&directory, &[&["plan", "-out=plan"], &changed[..]].concat());
    let plan = team.terraform.json(&directory, &["show", "-json", "plan"]);
    assert_eq!(deleted(&plan), [""; 0]);
    let unknown = plan["resource_changes"].as_array().unwrap().iter();
    assert!(unknown.filter(|it| it["change"]["actions"] == json!(["update"])).count() > 5);

    // With a new quota, the instance stays, and matches the configuration afterwards.
    let changed = ["-var=elsewhere=2", "-var=quota=2GiB"];
    team.apply(&changed);
    let after = team.resources();
    let ids = |of: &[(String, Value)]| -> Vec<(String, Value)> {
        of.iter().map(|(address, values)| (address.clone(), values["id"].clone())).collect()
    };
    assert_eq!(ids(&made), ids(&after));
    let user_data = |of: &[(String, Value)]| {
        of.iter().find(|(it, _)| it.ends_with("aws_instance.monitor[0]")).unwrap().1["user_data"]
            .clone()
    };
    assert_ne!(user_data(&made), user_data(&after));
    let configuration = team.output("monitor")["configuration"].as_str().unwrap().to_owned();
    assert!(configuration.contains("default = \"2GiB\""), "{configuration}");

    // A change that would replace the instance or the bucket is refused.
    let bucket = [&["plan", "-var=bucket_name=another-bucket"], &changed[..]].concat();
    let refused = team.terraform.run(&directory, &bucket);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("The bucket stays efs-scan-d-unknown-"), "{}", said(&refused));
    assert_eq!(team.destroy(&changed), "");
}

/// Checks that the program reads `settings` as intended.
fn settings_are_the_programs(configuration: &str) {
    let work = scratch();
    let path = work.path().join("efs-scan.toml");
    std::fs::write(&path, configuration).unwrap();
    let output = run(["config".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}\n{configuration}", said(&output));
    let config: toml::Table = toml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(config["max_ops"].as_integer(), Some(5000));
    assert_eq!(config["exclude"][1].as_str(), Some("a:b {c: \"d\"}, e"));
    assert_eq!(config["notify"]["always"].as_bool(), Some(true));
    assert!(config["notify"]["topic"].as_str().unwrap().ends_with("-alarms"));
    assert_eq!(config["remind"]["body"].as_str(), Some("Grüße: {size} \\ \"in\" use\n{reasons}"));
    assert_eq!(config["quota"]["default"].as_str(), Some("1GiB"));
    assert_eq!(config["quota"]["users"]["bob: \"b\" ü"].as_str(), Some("1TiB"));
    assert_eq!(config["rules"]["add"][0]["note"].as_str(), Some("Our own: {x: 1} <&>"));
}
