//! Precedence of settings (flag over variable over file), and the origin of each value.

use std::collections::BTreeSet;

use efs_scan_testbed::*;
use toml::{Table, Value};

use super::Configured;
use super::settings::{FULL, SETTINGS, WITHOUT_VARIABLE};

/// Returns the output of `efs-scan` with these variables, and its exit code.
fn said(variables: &[(&str, &str)], args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = efs_scan();
    command.envs(variables.iter().copied()).args(args);
    let output = watched(&mut command, std::time::Duration::from_secs(60));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Returns the line of `efs-scan config` about a key.
fn line(variables: &[(&str, &str)], args: &[&str], key: &str) -> Option<String> {
    let (code, text, problem) = said(variables, &[&["config"], args].concat());
    assert_eq!(code, Some(0), "{problem}");
    toml::from_str::<Table>(&text).unwrap();
    text.lines().find(|line| line.starts_with(&format!("{key} = "))).map(str::to_owned)
}

#[test]
fn flags_conflict_with_flags_only() {
    let everywhere = [
        ("EFS_SCAN_PUBLISH", "/x"),
        ("EFS_SCAN_CLOUDWATCH", "N"),
        ("EFS_SCAN_NOTIFY_TOPIC", "arn:aws:sns:r:1:t"),
    ];
    for key in ["to", "namespace", "topic"] {
        assert!(line(&everywhere, &[], key).is_some());
        assert_eq!(line(&everywhere, &["--no-publish"], key), None);
    }
    let (code, _, problem) = said(&[], &["--no-publish", "--publish", "/x"]);
    assert_eq!((code, problem.lines().count()), (Some(2), 1), "{problem}");
    assert!(problem.contains("'--no-publish' cannot be used with"), "{problem}");
    // A wrong variable is reported even if a flag overrides it, because it is wrong for other
    // commands.
    let (code, _, problem) = said(&[("EFS_SCAN_LIMIT", "many")], &["config", "--limit", "3"]);
    assert_eq!(code, Some(2));
    assert!(problem.starts_with("efs-scan: EFS_SCAN_LIMIT: invalid value 'many'"), "{problem}");
}

#[test]
fn of_two_equal_flags_the_last_counts() {
    let wrapped = ["--require-mount", "--limit", "3", "--publish", "/a", "--cloudwatch"];
    let over = ["--require-mount=false", "--limit", "4", "--publish", "/b", "--cloudwatch=N"];
    let both = [&wrapped[..], &over].concat();
    for (key, value) in
        [("require_mount", "false"), ("limit", "4"), ("to", "\"/b\""), ("namespace", "\"N\"")]
    {
        let line = line(&[], &both, key).unwrap();
        assert!(line.starts_with(&format!("{key} = {value}  # --")), "{line}");
    }
    let names = line(&[], &["--names", "csv:a", "--names", "passwd"], "names").unwrap();
    assert_eq!(names, "names = [\"csv:a\", \"passwd\"]  # --names", "several values add up");
}

#[test]
fn an_empty_variable_is_not_set() {
    let configured = Configured::new(FULL);
    let file = configured.path().display().to_string();
    let empty: Vec<(String, String)> = SETTINGS
        .iter()
        .map(|setting| format!("EFS_SCAN_{}", setting.variable))
        .chain(["EFS_SCAN_CONFIG_TOML".to_owned()])
        .map(|name| (name, String::new()))
        .collect();
    assert_eq!(configured.effective(&empty, &[]), configured.effective(&[], &[]));
    let unset: Vec<_> = empty.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(line(&unset, &[], "namespace"), None);
    let (code, text, _) = said(&[("EFS_SCAN_CONFIG", "")], &["config", "--config", &file]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with(&format!("# from {file}")), "{text}");
}

#[test]
fn every_value_has_its_origin() {
    let configured = Configured::new(
        "limit = 3\n\nhome_depth = 2\n[quota.users]\n\"a.b\" = \"1GB\"\n\
         [[rules.add]]\nid = \"x\"\nclass = \"log\"\npaths = [\"a\"]\n[remind]\nbody = '''\na\n# b'''\n",
    );
    let file = configured.path().display().to_string();
    let variables = [("EFS_SCAN_LIMIT", "4"), ("EFS_SCAN_ROOT", "/r"), ("EFS_SCAN_TOP", "5")];
    let args = ["--config", &file, "--top", "6", "--log-format", "json", "--cloudwatch", "--nice"];
    for (key, said) in [
        ("limit", "4  # EFS_SCAN_LIMIT".to_owned()),
        ("root", "\"/r\"  # EFS_SCAN_ROOT".to_owned()),
        ("top", "6  # --top".to_owned()),
        ("log_format", "\"json\"  # --log-format".to_owned()),
        ("namespace", "\"EfsScan\"  # --cloudwatch".to_owned()),
        ("home_depth", format!("2  # line 3 of {file}")),
        ("sort", "\"size\"  # default".to_owned()),
        ("\"a.b\"", format!("\"1GB\"  # line 5 of {file}")),
        ("id", format!("\"x\"  # line 7 of {file}")),
    ] {
        assert_eq!(line(&variables, &args, key), Some(format!("{key} = {said}")));
    }
    let root = line(&variables, &["/flag"], "root").unwrap();
    assert_eq!(root, "root = \"/flag\"  # ROOT");
    // Messages name the flag, although the value may come from elsewhere.
    let (_, _, problem) = said(&[("EFS_SCAN_TOP", "10001")], &["config"]);
    assert_eq!(problem, "efs-scan: --top 10001: at most 10000 (--top: EFS_SCAN_TOP)\n");
}

#[test]
fn a_variable_holds_the_text_of_a_file() {
    let text = |text| [("EFS_SCAN_CONFIG_TOML", text)];
    let line_of = line(&text("\nlimit = 7\n"), &[], "limit").unwrap();
    assert_eq!(line_of, "limit = 7  # line 2 of EFS_SCAN_CONFIG_TOML");
    let (_, printed, _) = said(&text("limit = 7"), &["config"]);
    assert!(printed.starts_with("# from EFS_SCAN_CONFIG_TOML, environment and flags\n"));
    let over = [("EFS_SCAN_CONFIG_TOML", "limit = 7"), ("EFS_SCAN_LIMIT", "8")];
    assert!(line(&over, &[], "limit").unwrap().starts_with("limit = 8"));
    assert!(line(&text("limit = 7"), &["--config", "/dev/null"], "limit").is_none());
    for (wrong, problem) in [
        ("limit = 'x'", "EFS_SCAN_CONFIG_TOML: line 1: invalid type"),
        (
            "\n[[rules.add]]\nid = 'x'\nclass = 'log'\npaths = ['/x']",
            "EFS_SCAN_CONFIG_TOML:2: rule `x`",
        ),
    ] {
        let (code, _, said) = said(&text(wrong), &["config"]);
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.starts_with(&format!("efs-scan: {problem}")), "{said}");
    }
}

/// Collects the dotted keys of values below `table`.
fn leaves(path: &str, table: &Table, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Table(table) => leaves(&path, table, into),
            _ => drop(into.insert(path)),
        }
    }
}

#[test]
fn every_key_has_a_variable_or_a_reason_for_none() {
    let full: Table = toml::from_str(FULL).unwrap();
    // `FULL` contains every key that the program knows, according to the program's own lists.
    for (table, keys) in full.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
        let known = Configured::new(&format!("[{table}]\nno_such_key = 1\n")).problem();
        let known = known.split(", expected ").nth(1).unwrap();
        let known: BTreeSet<_> = known.split('`').skip(1).step_by(2).collect();
        assert_eq!(keys.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "[{table}]");
    }
    let mut keys = BTreeSet::new();
    leaves("", &full, &mut keys);
    let guide = include_str!("../../../deploy/docs/settings.md");
    for key in &keys {
        let below = |(prefix, _): &&(&str, &str)| {
            key.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let named = WITHOUT_VARIABLE.iter().find(below);
        let set = SETTINGS.iter().any(|setting| setting.key == key);
        assert!(set != named.is_some(), "{key}: it has a variable, or a reason for none");
    }
    for (prefix, why) in WITHOUT_VARIABLE {
        assert!(keys.iter().any(|key| key.starts_with(prefix)), "{prefix} is no key");
        let rows = [format!("| `[{prefix}]` | {why} |"), format!("| `{prefix}` | {why} |")];
        assert!(rows.iter().any(|row| guide.contains(row)), "{prefix}: {why}");
    }
}
