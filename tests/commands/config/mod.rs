//! Settings: flags override the environment, which overrides the file; every setting survives a
//! round trip; wrong files produce a message, and absurd input never panics.

mod absurd;
mod layers;
mod settings;
mod shipped;
mod wrong;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use clap::CommandFactory;
use efs_scan_testbed::*;
use serde_json::json;
use settings::{FULL, SETTINGS};
use tempfile::TempDir;
use toml::Table;

/// A configuration file in a directory of its own.
struct Configured {
    dir: TempDir,
}

impl Configured {
    fn new(text: &str) -> Self {
        let configured = Self { dir: scratch() };
        std::fs::write(configured.path(), text).unwrap();
        configured
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("efs-scan.toml")
    }

    fn run(&self, variables: &[(String, String)], args: &[String]) -> Output {
        let mut command = efs_scan();
        // The scans of tests set this variable.
        command.env_remove("EFS_SCAN_PORTABLE_AS_ROOT");
        command.env("EFS_SCAN_CONFIG", self.path()).args(args);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        watched(&mut command, Duration::from_secs(60))
    }

    /// Runs `efs-scan config`, which must succeed, and returns its output.
    fn effective(&self, variables: &[(String, String)], args: &[String]) -> String {
        let args = [&["config".to_owned()], args].concat();
        let output = self.run(variables, &args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the one-line message, without the file's directory.
    fn problem(&self) -> String {
        let output = self.run(&[], &["config".to_owned()]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(output.stdout.is_empty());
        let dir = format!("{}/", self.dir.path().display());
        text.trim_end().replace(&dir, "")
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn flags_override_variables_and_variables_override_the_file() {
    for setting in SETTINGS {
        let missing = match setting.key {
            "engine" => !cfg!(feature = "portable"),
            "tls" | "iam" | "access_point" => !cfg!(feature = "tls"),
            _ => false,
        };
        if missing {
            continue;
        }
        let file = match setting.key.split_once('.') {
            Some((table, key)) => {
                let (value, beside) = (setting.values[0], setting.beside());
                format!("[{table}]\n{key} = {value}\n{beside}")
            }
            None => format!("{} = {}\n{}", setting.key, setting.values[0], setting.beside()),
        };
        let configured = Configured::new(&file);
        let name = format!("EFS_SCAN_{}", setting.variable);
        let variable = [(name, setting.plain(1))];
        let flag = [format!("{}{}", setting.flag, setting.plain(2))];
        // `config` refuses whatever a scan would refuse. It does not open name sources, so any is
        // fine.
        for (at, variables, flags) in [
            (0, &[][..], &[][..]),
            (1, &variable[..], &[][..]),
            (2, &variable[..], &flag[..]),
            (2, &[][..], &flag[..]),
        ] {
            let text = configured.effective(variables, flags);
            let settings: Table = toml::from_str(&text).unwrap();
            assert_eq!(setting.of(&settings), Some(&setting.value(at)), "{}: {text}", setting.key);
        }
    }
}

#[test]
fn every_setting_is_in_the_table_of_this_test() {
    let here: BTreeSet<String> = SETTINGS
        .iter()
        .map(|setting| format!("EFS_SCAN_{}", setting.variable))
        // These variables choose among the tables of tests/commands/file_systems.rs.
        .chain(
            ["EFS_SCAN_CONFIG", "EFS_SCAN_FILE_SYSTEM", "EFS_SCAN_RUN_ID", "EFS_SCAN_SHARD"]
                .map(str::to_owned),
        )
        .collect();
    let command = efs_scan::cli::Cli::command();
    let variables = command.get_arguments().filter_map(|argument| argument.get_env());
    let there = variables.map(|name| name.to_str().unwrap().to_owned()).collect();
    assert_eq!(here, there);
    // Every key of the file without a flag is in `FULL` below, according to the program's own list.
    let known = Configured::new("no_such_key = 1\n").problem();
    let known = known.split("expected one of ").nth(1).unwrap();
    let known = known.split(", ").map(|key| key.trim_matches('`'));
    // `FULL` configures one file system.
    let known: BTreeSet<_> = known.filter(|key| *key != "file_system").collect();
    let full: Table = toml::from_str(FULL).unwrap();
    assert_eq!(full.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

#[test]
fn config_prints_an_equal_configuration() {
    let singles = SETTINGS.iter().filter(|setting| !setting.key.contains('.'));
    let singles = singles.map(|setting| format!("{} = {}\n", setting.key, setting.values[0]));
    for text in singles.chain([String::new(), FULL.to_owned()]) {
        let configured = Configured::new(&text);
        let first = configured.effective(&[], &[]);
        let from = format!("# from {}, environment and flags\n", configured.path().display());
        assert!(first.starts_with(&from), "{first}");
        // Nothing is lost or changed; settings that were not given may be added.
        let given: Table = toml::from_str(&text).unwrap();
        let printed: Table = toml::from_str(&first).unwrap();
        for (key, value) in &given {
            assert_eq!(printed.get(key), Some(value));
        }
        std::fs::write(configured.path(), &first).unwrap();
        let again: Table = toml::from_str(&configured.effective(&[], &[])).unwrap();
        assert_eq!(again, printed);
    }
}

/// A file name must not end the comment that contains it.
#[test]
fn the_name_of_the_file_cannot_change_the_configuration() {
    let dir = scratch();
    let odd = dir.path().join("odd\nroot = 1");
    std::fs::write(&odd, "").unwrap();
    let output = run([Path::new("config"), Path::new("--config"), &odd]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(toml::from_str::<Table>(&text).is_ok(), "{text}");
}

#[test]
fn a_scan_by_the_printed_configuration_is_the_same_scan() {
    let tree = scratch();
    file(tree.path(), "x/200005/.cache/pip/a", 5000);
    file(tree.path(), "x/200005/.nfs000000000000000000000001", 100_000);
    file(tree.path(), "x/200006/mine/a", 5000);
    file(tree.path(), "x/gone/a", 5000);
    let configured = Configured::new(&format!(
        "root = {:?}\nhome_depth = 2\nformat = \"json\"\nexclude = [\"x/gone\"]\n\
         [quota.users]\n200005 = \"1KiB\"\n[rules]\noff = [\"pip-cache\"]\n\
         [[rules.add]]\nid = \"mine\"\nclass = \"output\"\npaths = [\"mine\"]\n",
        tree.path()
    ));
    let scan = || {
        let output = configured.run(&[], &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let mut report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for key in ["id", "started", "finished"] {
            report["run"][key] = json!(null);
        }
        report
    };
    let first = scan();
    // The file took effect, so the comparison below compares something.
    let rules = first["rules"].as_array().unwrap().iter().map(|rule| &rule["rule"]);
    let rules: BTreeSet<_> = rules.map(|rule| rule.as_str().unwrap()).collect();
    assert_eq!(rules, BTreeSet::from(["mine", "nfs-deleted-open", "other-cache"]));
    assert_eq!(first["left_out"]["excluded"][0]["entries"], 1);
    std::fs::write(configured.path(), configured.effective(&[], &[])).unwrap();
    assert_eq!(scan(), first);
}

#[test]
fn an_added_rule_takes_precedence_and_replaces_one_of_its_name() {
    let tree = scratch();
    file(tree.path(), "200005/.cache/pip/a", 5000);
    file(tree.path(), "200005/pip/a", 5000);
    file(tree.path(), "200005/.cache/uv/a", 5000);
    let found = |rules: &str| {
        let configured = Configured::new(rules);
        let config = configured.path().display().to_string();
        let report = report(tree.path(), ["--config", &config], 0);
        let findings = home(&report, "200005")["findings"].as_array().unwrap().clone();
        let text =
            |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let found = findings
            .iter()
            .map(|f| format!("{} {} {}", text(f, "rule"), text(f, "class"), text(f, "path")));
        found.collect::<BTreeSet<_>>()
    };
    let set = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    let uv = "uv-cache cache 200005/.cache/uv";
    let rest = "other-cache cache 200005/.cache";
    let add = "[[rules.add]]\nclass = 'output'\n";
    assert_eq!(found(""), set(&[uv, rest, "pip-cache cache 200005/.cache/pip"]));
    // The built-in rule gets another place and class, so its built-in place counts as rest.
    let replaced = found(&format!("{add}id = 'pip-cache'\npaths = ['pip']\n"));
    assert_eq!(replaced, set(&[uv, rest, "pip-cache output 200005/pip"]));
    let before = found(&format!("{add}id = 'ours'\npaths = ['.cache']\n"));
    assert_eq!(before, set(&["ours output 200005/.cache"]), "it comes first, so it takes all");
    let off = found("rules.off = ['pip-cache', 'other-cache']\n");
    assert_eq!(off, set(&[uv]));
}

#[test]
fn quotas_by_name_override_those_by_uid_and_the_default() {
    let tree = scratch();
    let root = tree.path().join("efs");
    for home in ["200005", "200006", "200007"] {
        file(&root, format!("{home}/file"), 5000);
    }
    let people = tree.path().join("people.csv");
    std::fs::write(&people, "200005,alice\n200006,bob\n").unwrap();
    let configured = Configured::new(&format!(
        "names = [\"csv:{}\"]\n[quota]\ndefault = '1MiB'\n\
         [quota.users]\nalice = '1KiB'\n200005 = '1GiB'\n200006 = '2KiB'\n",
        people.display()
    ));
    let config = configured.path().display().to_string();
    let limits = |args: &[&str], code| {
        let args = [&["--config", &config, "--sort", "name"], args].concat();
        let report = report(&root, args, code);
        let homes = report["homes"].as_array().unwrap().iter();
        let limits = homes.map(|home| home["quota"]["limit_bytes"].as_u64());
        limits.collect::<Vec<_>>()
    };
    let (kib, mib) = (1 << 10, 1 << 20);
    assert_eq!(limits(&[], 0), [Some(kib), Some(2 * kib), Some(mib), None]);
    // The flag changes the default; homes with a quota of their own keep it.
    let flag = limits(&["--quota", "3KiB"], 0);
    assert_eq!(flag, [Some(kib), Some(2 * kib), Some(3 * kib), None]);
    limits(&["--fail-on-quota"], 4);
}
