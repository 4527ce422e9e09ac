//! The dashboards for Grafana against the types that it publishes of its schema. Grafana itself is not
//! available to load them. What they ask for is in `grafana`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::packages;
use efs_scan_testbed::*;

/// Returns how many parts were held against the schema, and what does not fit.
fn held(packages: &Path, dashboards: &[&Path]) -> (u64, Vec<String>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/browser/grafana.cjs");
    let mut node = Command::new("node");
    node.arg(script).arg(packages).args(dashboards);
    let output = watched(&mut node, Duration::from_secs(120));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wrong = seen["wrong"].as_array().unwrap().iter();
    let wrong = wrong.map(|wrong| wrong.as_str().unwrap().to_owned());
    (seen["checked"].as_u64().unwrap(), wrong.collect())
}

#[test]
fn the_dashboards_fit_grafanas_schema() {
    let Some(packages) = packages("the schema of Grafana") else { return };
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana");
    let [prometheus, cloudwatch] =
        ["prometheus", "cloudwatch"].map(|name| deploy.join(format!("{name}.json")));
    let work = scratch();
    let broken = work.path().join("broken.json");
    let text = std::fs::read_to_string(&prometheus).unwrap();
    std::fs::write(&broken, text.replacen("\"placement\": \"bottom\"", "\"placement\": \"b\"", 1))
        .unwrap();
    // In one call, because it takes seconds to make the schema.
    let (checked, wrong) = held(&packages, &[&prometheus, &cloudwatch, &broken]);
    let [wrong] = &wrong[..] else { panic!("{wrong:?}") };
    assert!(wrong.contains("broken.json") && wrong.contains("/legend/placement"), "{wrong}");
    // Panels of all, and what CloudWatch is asked for.
    assert!(checked > 80, "{checked}");
}
