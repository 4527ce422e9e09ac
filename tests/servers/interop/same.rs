//! Compares two reports of one tree made by different engines.

use serde_json::Value;

/// Fails if the reports differ in anything but the run and its cost, and names the first
/// differences. Each root stands for the other.
pub(crate) fn assert_same(a: &Value, a_root: &str, b: &Value, b_root: &str, what: &str) {
    let (a, b) = (normal(a, a_root), normal(b, b_root));
    let mut differences = Vec::new();
    compare("", &a, &b, &mut differences);
    differences.truncate(20);
    assert!(
        differences.is_empty(),
        "{what}: {a_root} beside {b_root}:\n{}",
        differences.join("\n")
    );
}

fn normal(report: &Value, root: &str) -> Value {
    let mut report = report.clone();
    let top = report.as_object_mut().unwrap();
    // Requests, their times, and EFS's figures; of the run, also which volume an engine can name.
    top.remove("nfs").unwrap();
    let run = top["run"].as_object_mut().unwrap();
    for field in ["id", "started", "finished", "engine", "identity"] {
        run.remove(field).unwrap();
    }
    for home in report["homes"].as_array_mut().unwrap() {
        home["findings"].as_array_mut().unwrap().iter_mut().for_each(|it| offered(it, root));
    }
    rename(&mut report, root.trim_end_matches('/'));
    report
}

/// Replaces a command. A scan without a mount has no path for a command, and says how to get one.
fn offered(finding: &mut Value, root: &str) {
    if root.starts_with("nfs://") {
        assert!(finding["command"].is_null(), "{finding:#}");
        if finding["advice"].as_str().is_some_and(|advice| advice.starts_with("scan a mount")) {
            finding["advice"] = Value::Null;
            finding["command"] = "a command".into();
        }
    } else if finding["command"].is_string() {
        finding["command"] = "a command".into();
    }
}

/// Replaces the root in paths, alone or in a command.
fn rename(value: &mut Value, root: &str) {
    match value {
        Value::String(text) if text.contains(root) => *text = text.replace(root, "ROOT"),
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, root)),
        Value::Object(values) => values.values_mut().for_each(|value| rename(value, root)),
        _ => {}
    }
}

fn compare(at: &str, a: &Value, b: &Value, differences: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let field = |of: &serde_json::Map<String, Value>| of.get(name).cloned();
                let (a, b) = (field(a).unwrap_or_default(), field(b).unwrap_or_default());
                compare(&format!("{at}.{name}"), &a, &b, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{at}[{number}]"), a, b, differences);
            }
        }
        _ if a == b => {}
        _ => differences.push(format!("{at}: {a} beside {b}")),
    }
}
