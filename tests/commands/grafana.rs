//! The dashboards for Grafana use metrics that the program has, and have the structure of
//! dashboards. `browser::grafana` holds them against Grafana's schema.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn here(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn dashboard(name: &str) -> Value {
    serde_json::from_str(&here(&format!("deploy/grafana/{name}.json"))).unwrap()
}

/// Returns the texts that follow `before` in a source, up to the next quote.
fn quoted<'a>(source: &'a str, before: &str) -> BTreeSet<&'a str> {
    source.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn targets(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.flat_map(|panel| panel["targets"].as_array().unwrap()).collect()
}

#[test]
fn dashboards_have_the_structure_of_grafana() {
    for (name, kind) in [("prometheus", "prometheus"), ("cloudwatch", "cloudwatch")] {
        let dashboard = dashboard(name);
        assert_eq!(dashboard["uid"], format!("efs-scan-{name}"));
        assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: BTreeSet<&str> =
            variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        assert_eq!(
            (&variables[0]["type"], &variables[0]["query"]),
            (&"datasource".into(), &kind.into())
        );
        // Every variable that is used is defined; none is left from another machine.
        let text = dashboard.to_string();
        let used = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{'));
        let used = used.map(|rest| {
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap()
        });
        // `${PROP(...)}` is CloudWatch's own syntax in labels.
        let used: BTreeSet<&str> = used.filter(|name| *name != "PROP").collect();
        assert_eq!(used, names, "{name}");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
            assert!(!panel["title"].as_str().unwrap().is_empty());
            assert!(["stat", "timeseries", "table"].contains(&panel["type"].as_str().unwrap()));
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(x < 24 && taken.insert((x, y)), "{panel}");
                }
            }
            let mut refs = BTreeSet::new();
            for target in panel["targets"].as_array().unwrap() {
                assert!(refs.insert(target["refId"].as_str().unwrap()), "{panel}");
                for of in [&panel["datasource"], &target["datasource"]] {
                    assert_eq!((&of["type"], &of["uid"]), (&kind.into(), &"${datasource}".into()));
                }
            }
            assert!(!refs.is_empty());
        }
    }
}

#[test]
fn dashboards_for_prometheus_use_metrics_of_the_program() {
    let source = here("src/report/prometheus.rs");
    // Entries of tables begin with the metric's name; metrics with a label are written by name.
    let packed: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut known: BTreeSet<&str> = quoted(&packed, "(\"");
    known.extend(quoted(&packed, "( \""));
    known.extend(quoted(&packed, "(to, \""));
    known.extend(quoted(&packed, "( to, \""));
    for name in ["metered_bytes", "coverage", "class_allocated_bytes", "group_metered_bytes"] {
        assert!(known.contains(name), "{name} is not found in the source");
    }
    assert!(!known.contains("no_such_metric"));
    let dashboard = dashboard("prometheus");
    let mut asked = BTreeSet::new();
    for target in targets(&dashboard) {
        let expr = target["expr"].as_str().unwrap();
        let names = expr.split("efs_scan_").skip(1);
        asked.extend(names.map(|rest| {
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .next()
                .unwrap()
                .to_owned()
        }));
        assert!(expr.contains("root=~\"$root\""), "{expr} is of all roots");
    }
    assert!(asked.len() > 15, "{asked:?}");
    let unknown: Vec<_> = asked.iter().filter(|name| !known.contains(&***name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are no metrics");
    let variable = dashboard["templating"]["list"][1]["query"]["query"].as_str().unwrap();
    assert!(
        known.contains(&*quoted(variable, "efs_scan_").first().unwrap().replace(", root)", ""))
    );
}

#[test]
fn dashboards_for_cloudwatch_use_metrics_of_the_program() {
    let source = here("src/outbox/cloudwatch.rs");
    let packed: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = quoted(&packed, "(\"");
    assert!(known.contains("MeteredBytes") && known.contains("QuotaPercent"));
    let dashboard = dashboard("cloudwatch");
    for target in targets(&dashboard) {
        let name = target["metricName"].as_str().unwrap();
        assert!(known.contains(name), "{name} is no metric");
        assert_eq!(
            (&target["namespace"], &target["period"]),
            (&"$namespace".into(), &"86400".into())
        );
        let dimensions = target["dimensions"].as_object().unwrap();
        for dimension in dimensions.keys() {
            assert!(known.contains(&**dimension), "{dimension} is no dimension");
        }
        assert_eq!(dimensions["FileSystemId"], "$file_system");
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let namespace = variables.iter().find(|variable| variable["name"] == "namespace").unwrap();
    let default = format!("\"{}\"", namespace["query"].as_str().unwrap());
    assert!(here("src/config/publishing.rs").contains(&default), "{default} is no default");
}
