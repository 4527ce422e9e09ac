//! Groups of people in every form, for sharing costs, and their quotas.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::{Value, json};

/// Makes five homes: of people in two groups and in none, and one without an owner; also a file
/// outside homes.
fn world() -> tempfile::TempDir {
    let dir = scratch();
    for (at, home) in ["200001", "200002", "200003", "200004", "200009"].iter().enumerate() {
        file(dir.path(), Path::new("efs").join(home).join("file"), 100_000 * (at + 1));
    }
    file(dir.path(), "efs/200002/.cache/pip/http/a", 50_000);
    file(dir.path(), "efs/beside", 5000);
    let map = "name,uid,group\nada,200001,physics\nbo,200002,physics\ncy,200003,\"R&D, <east>\"\n\
               dee,200004,\n";
    std::fs::write(dir.path().join("people.csv"), map).unwrap();
    let quotas = "[quota.groups]\nPhysics = \"300KiB\"\n\"R&D, <east>\" = \"1GiB\"\n\
                  [prices]\nstandard = 1024.0\n";
    std::fs::write(dir.path().join("config.toml"), quotas).unwrap();
    dir
}

fn scan(dir: &Path, args: &[&str]) -> Output {
    let mut command = efs_scan();
    command.arg(dir.join("efs")).arg("--config").arg(dir.join("config.toml"));
    command.arg(format!("--names=csv:{}", dir.join("people.csv").display())).args(args);
    watched(&mut command, Duration::from_secs(60))
}

fn shown(dir: &Path, args: &[&str]) -> String {
    let output = scan(dir, args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn report(dir: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&shown(dir, &[&["--format", "json"], args].concat())).unwrap()
}

#[test]
fn groups_add_up_to_the_homes() {
    let dir = world();
    let report = report(dir.path(), &[]);
    let groups = report["groups"].as_array().unwrap();
    let named: Vec<_> = groups.iter().map(|group| (&group["name"], &group["homes"])).collect();
    let (physics, none) = (json!("physics"), Value::Null);
    let (east, one, two) = (json!("R&D, <east>"), json!(1), json!(2));
    assert_eq!(named, [(&physics, &two), (&east, &one), (&none, &two)]);
    // Only the homes, without anything outside.
    for key in ["inodes", "allocated_bytes", "metered_bytes"] {
        let sum: u64 = groups.iter().map(|group| group["usage"][key].as_u64().unwrap()).sum();
        let homes = report["homes"].as_array().unwrap().iter();
        let homes = homes.filter(|home| home["kind"] != "outside");
        let of = |home: &Value| match key {
            "inodes" => {
                home["usage"]["files"].as_u64().unwrap() + home["usage"]["dirs"].as_u64().unwrap()
            }
            key => home["usage"][key].as_u64().unwrap(),
        };
        assert_eq!(sum, homes.map(of).sum::<u64>(), "{key}");
    }
    let cache = groups[0]["frees"]["allocated_bytes"].as_u64().unwrap();
    assert!((50_000..100_000).contains(&cache), "{cache}");
    assert_eq!(groups[0]["quota"]["over"], true);
    assert_eq!(groups[0]["quota"]["limit_bytes"], 300 << 10);
    assert_eq!((&groups[1]["quota"]["over"], &groups[2]["quota"]), (&json!(false), &none));
    // 1024 USD per GiB.
    for group in groups {
        let bytes = group["usage"]["metered_bytes"].as_u64().unwrap();
        let cost = group["cost_month"].as_f64().unwrap();
        assert!((cost - bytes as f64 / f64::from(1 << 20)).abs() < 1e-6, "{group}");
    }
    assert_eq!(report["homes"][0]["name"], "200009", "an orphan, in no group");
    assert_eq!(report["homes"][0]["owner"].get("group"), None);
}

#[test]
fn every_form_shows_groups() {
    let dir = world();
    let table = shown(dir.path(), &[]);
    let line = |start: &str| {
        let mut found = table.lines().filter(|line| line.trim_start().starts_with(start));
        let found = found.next().unwrap_or_else(|| panic!("{start}: {table}"));
        found.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("HOME")[..4], ["HOME", "OWNER", "GROUP", "SIZE"]);
    assert_eq!(line("200001")[1..3], ["ada", "physics"]);
    assert_eq!(line("200004")[1..3], ["dee", "-"]);
    assert_eq!(line("GROUP")[..3], ["GROUP", "HOMES", "SIZE"]);
    assert_eq!(line("physics")[1], "2");
    assert_eq!(line("physics").last().unwrap(), "QUOTA");
    assert_eq!(line("(no group)")[2], "2");
    assert!(table.contains("Groups over quota: 1."), "{table}");
    assert!(table.contains("R&D, <east>"), "{table}");

    let csv = shown(dir.path(), &["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == "owner_group").unwrap();
    let rows = reader.records().map(Result::unwrap);
    let mut rows: Vec<_> = rows.map(|row| (row[0].to_owned(), row[at].to_owned())).collect();
    rows.sort();
    let of = |name: &str| rows.iter().find(|(home, _)| home == name).unwrap().1.as_str();
    assert_eq!(
        ["200002", "200003", "200004", "200009"].map(of),
        ["physics", "R&D, <east>", "", ""]
    );

    let detail = shown(dir.path(), &["--user", "ada"]);
    assert!(detail.contains("ada  uid 200001  group physics"), "{detail}");

    let metrics = shown(dir.path(), &["--format", "prometheus"]);
    for part in [
        "efs_scan_groups_over_quota{file_system=",
        "group=\"physics\"} 2\n",
        "efs_scan_group_quota_bytes{file_system=",
        "group=\"R&D, <east>\"} 1073741824\n",
    ] {
        assert!(metrics.contains(part), "{part}: {metrics}");
    }
    let line = |start: &str, end: &str| {
        let found = metrics.lines().find(|line| line.starts_with(start) && line.ends_with(end));
        found.unwrap_or_else(|| panic!("{start} {end}: {metrics}"));
    };
    line("efs_scan_groups_over_quota{", "\"} 1");
    line("efs_scan_group_over_quota{", "group=\"physics\"} 1");
    // Homes without a group have no label.
    line("efs_scan_group_homes{", "/efs\"} 2");
}

#[test]
fn groups_are_not_shown_if_nobody_is_in_one() {
    let dir = world();
    std::fs::write(dir.path().join("people.csv"), "200001,ada\n").unwrap();
    let table = shown(dir.path(), &[]);
    assert!(!table.contains("GROUP") && !table.contains("group"), "{table}");
    assert_eq!(report(dir.path(), &[]).get("groups"), None);
    assert!(!shown(dir.path(), &["--format", "prometheus"]).contains("group"));
}

#[test]
fn a_scan_of_some_users_sums_no_group() {
    let dir = world();
    let report = report(dir.path(), &["--user", "ada"]);
    assert_eq!(report.get("groups"), None);
    assert_eq!(report["homes"][0]["owner"]["group"], "physics");
}

#[test]
fn a_group_over_its_quota_is_an_exit_code_of_its_own() {
    let dir = world();
    assert_eq!(scan(dir.path(), &["--fail-on-quota"]).status.code(), Some(4));
    std::fs::write(dir.path().join("config.toml"), "[quota.groups]\nphysics = \"1GiB\"\n").unwrap();
    assert_eq!(scan(dir.path(), &["--fail-on-quota"]).status.code(), Some(0));
    for (quota, problem) in [("0", "it must be more than 0"), ("much", "much")] {
        let config = format!("[quota.groups]\nphysics = \"{quota}\"\n");
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        let output = scan(dir.path(), &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains("quota of the group physics") && said.contains(problem), "{said}");
    }
}

/// What it has on all file systems together may be less than its quotas together.
#[test]
fn a_group_over_its_quota_on_one_of_two_file_systems_is_marked() {
    let dir = world();
    file(dir.path(), "other/200001/file", 10_000);
    let published = dir.path().join("published");
    let (root, to) = (dir.path().join("other"), published.to_str().unwrap());
    for (name, root) in [("first", dir.path().join("efs")), ("second", root)] {
        let mut command = efs_scan();
        command.arg(root).arg("--config").arg(dir.path().join("config.toml"));
        command.arg(format!("--names=csv:{}", dir.path().join("people.csv").display()));
        command.args(["--name", name, "--publish", to, "--state-dir"]);
        let output = watched(command.arg(dir.path().join("state")), Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let read = |args: &[&str]| {
        let output = watched(efs_scan().args(args).args(["--from", to]), Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = read(&["status", "--by", "group"]);
    let line = table.lines().find(|line| line.starts_with("physics")).unwrap();
    assert!(line.ends_with("  OVER QUOTA on first"), "{table}");
    // The status of one has a column of groups.
    let table = read(&["status", "--file-system", "first"]);
    let cells = |start: &str| {
        let line = table.lines().find(|line| line.starts_with(start)).unwrap();
        line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>()
    };
    assert_eq!(cells("NAME")[..3], ["NAME", "GROUP", "UID"], "{table}");
    assert_eq!(cells("bo ")[..3], ["bo", "physics", "200002"], "{table}");
    assert_eq!(cells("cy ")[1..3], ["R&D, <east>", "200003"], "{table}");
    assert_eq!(cells("dee ")[1..3], ["-", "200004"], "{table}");
    let json: Value =
        serde_json::from_str(&read(&["status", "--by", "group", "--format", "json"])).unwrap();
    let group = |name: &str| {
        let mut groups = json["groups"].as_array().unwrap().iter();
        groups.find(|group| group["name"] == name).unwrap()
    };
    assert_eq!(group("physics")["quota"]["over"], false);
    assert_eq!(group("physics")["over_quota_on"], json!(["first"]));
    assert_eq!(group("R&D, <east>").get("over_quota_on"), None);
    let page = dir.path().join("page.html");
    read(&["report", "--html", page.to_str().unwrap()]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("over quota on first"), "{page}");
}

#[test]
fn a_check_names_a_quota_of_no_group() {
    let dir = world();
    let check = |args: &[&str]| {
        let mut command = efs_scan();
        command.arg("check").arg(dir.path().join("efs")).arg("--config");
        command.arg(dir.path().join("config.toml")).args(args);
        let output = watched(&mut command, Duration::from_secs(60));
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find(|line| line.contains("group"));
        line.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let names = format!("--names=csv:{}", dir.path().join("people.csv").display());
    assert!(check(&[&names]).starts_with("ok"), "{}", check(&[&names]));
    assert!(check(&["--names=passwd"]).contains("nobody here is in a group"));
    std::fs::write(dir.path().join("config.toml"), "[quota.groups]\nchemistry = \"1GiB\"\n")
        .unwrap();
    assert!(check(&[&names]).contains("`chemistry`: no group has this name"));
}

#[test]
fn the_primary_group_is_used_on_request() {
    let dir = world();
    if !is_root() {
        skip_unless(false, "groups of passwd", "this user cannot give homes to root");
        return;
    }
    std::fs::create_dir(dir.path().join("efs/0")).unwrap();
    let group = |args: &[&str]| {
        let report = report(dir.path(), &[&["--names=passwd"], args].concat());
        let mut homes = report["homes"].as_array().unwrap().iter();
        homes.find(|home| home["name"] == "0").unwrap()["owner"]["group"].clone()
    };
    assert_eq!(group(&[]), Value::Null);
    assert_eq!(group(&["--passwd-groups"]), "root");
}
