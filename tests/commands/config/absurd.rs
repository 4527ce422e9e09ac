//! No input causes a panic: every variable, flag and key of the file with empty, blank and absurd
//! values.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use clap::CommandFactory;
use efs_scan_testbed::*;
use tempfile::TempDir;

use super::settings::{FULL, SETTINGS};

/// The exit codes that the help explains.
const DOCUMENTED: [i32; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 130];

/// Other variables that are read: those of the SDK, the system and the terminal.
const OTHERS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULTS_MODE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
    "AWS_ENDPOINT_URL_EFS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SAGEMAKER",
    "AWS_ENDPOINT_URL_SESV2",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SDK_UA_APP_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "COLUMNS",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
    "TZ",
];

/// Returns values for every variable and flag. The long one is nearly the longest that Linux
/// accepts.
fn values() -> Vec<OsString> {
    let long = "x".repeat(100_000);
    let values = [&b""[..], b" ", b"\x1b[31m\n\nUsage:\r\x07", b"-1", b"\xff\xfe", long.as_bytes()];
    values.map(|bytes| OsString::from_vec(bytes.to_vec())).into()
}

/// Further values for variables, because their parsers are also those of flags.
const TEXT: &[&str] = &[
    "0",
    "99999999999999999999999",
    "1e400",
    "nan",
    "true",
    ",",
    "a=b",
    "--help",
    "../..",
    "/dev/null",
    "nfs://",
    "s3://",
    "s3:///",
    "sagemaker:",
    "fs-",
    "\u{202e}\u{10ffff}",
];

/// Returns every fourth of `values`, beginning with that of a setting's index, because each takes two
/// starts of the program. A parser that four settings in a row share meets all of them.
fn some<'a>(values: &'a [&'a str], index: usize) -> impl Iterator<Item = &'a str> {
    values.iter().copied().skip(index % 4).step_by(4)
}

/// A tree to scan, and a working directory for files that relative paths create.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: scratch() };
        file(bench.dir.path(), "efs/200005/file", 5000);
        std::fs::create_dir(bench.dir.path().join("cwd")).unwrap();
        bench
    }

    /// Returns the program in its own directory, with none of this machine's AWS settings.
    fn command(&self) -> Command {
        let mut command = efs_scan();
        command.current_dir(self.dir.path().join("cwd"));
        for name in OTHERS.iter().filter(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        // Replaces this machine's state directory.
        command.env("EFS_SCAN_STATE_DIR", self.dir.path().join("state"));
        command
    }

    /// Runs `efs-scan config`, and a scan of the tree or of the case's root.
    fn config_and_scan(&self, of_tree: bool) -> Vec<Command> {
        let (mut config, mut scan) = (self.command(), self.command());
        config.arg("config");
        if of_tree {
            scan.arg(self.dir.path().join("efs"));
        }
        vec![config, scan]
    }
}

/// Checks how a run ended. `what` describes its input.
fn check(what: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(code.is_some_and(|code| DOCUMENTED.contains(&code)), "{what}: {:?}", output.status);
    assert!(!said.contains("panicked"), "{what}: {said}");
    if code == Some(2) {
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
        assert!(said.starts_with("efs-scan: "), "{what}: {said}");
    }
    assert!(!said.contains('\x1b'), "{what}: {said}");
}

/// An absurd input, and the commands that get it. The commands after one that refuses it are not
/// run.
type Case = (String, Vec<Command>);

/// Runs all cases, several at a time: some wait for a network.
fn check_all(cases: Vec<Case>) {
    let queue = Mutex::new(cases);
    let next = || queue.lock().unwrap().pop();
    at_once(0..12, |_| {
        while let Some((what, commands)) = next() {
            let what: String = what.chars().take(200).collect();
            for mut command in commands {
                let output = watched(&mut command, Duration::from_secs(120));
                check(&what, &output);
                if output.status.code() == Some(2) {
                    break;
                }
            }
        }
    });
}

#[test]
fn no_variable_of_ours_panics() {
    let bench = Bench::new();
    let mut cases = Vec::new();
    let names = SETTINGS.iter().map(|setting| format!("EFS_SCAN_{}", setting.variable));
    let names = names.chain(["EFS_SCAN_CONFIG", "EFS_SCAN_CONFIG_TOML"].map(str::to_owned));
    for (index, name) in names.enumerate() {
        for value in values().into_iter().chain(some(TEXT, index).map(OsString::from)) {
            let what = format!("{name}={}", value.display());
            let mut commands = bench.config_and_scan(name != "EFS_SCAN_ROOT");
            commands.iter_mut().for_each(|command| _ = command.env(&name, &value));
            cases.push((what, commands));
        }
    }
    check_all(cases);
}

#[test]
fn no_flag_panics() {
    let bench = Bench::new();
    let mut cases = Vec::new();
    let all = efs_scan::cli::Cli::command();
    let words = |command: &clap::Command| -> Vec<(String, OsString)> {
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let word = |(flag, value): (&str, OsString)| {
            let mut word = OsString::from(format!("--{flag}="));
            word.push(&value);
            (format!("--{flag}={}", value.display()), word)
        };
        flags
            .flat_map(|flag| values().into_iter().map(move |value| (flag, value)))
            .map(word)
            .collect()
    };
    for (what, word) in words(&all) {
        let mut commands = bench.config_and_scan(true);
        commands.iter_mut().for_each(|command| _ = command.arg(&word));
        cases.push((what, commands));
    }
    for sub in all.get_subcommands().filter(|sub| sub.get_name() != "config") {
        for (what, word) in words(sub) {
            let mut command = bench.command();
            command.arg(sub.get_name()).arg(word);
            cases.push((format!("{} {what}", sub.get_name()), vec![command]));
        }
    }
    check_all(cases);
}

/// Values for keys of the file.
const TOML: &[&str] = &[
    "''",
    "\"\\u0001\\n\\u001b[31m\"",
    "-1",
    "9223372036854775807",
    "-inf",
    "nan",
    "true",
    "1979-05-27",
    "['']",
    "[[]]",
    "{a = 1}",
    "[{}]",
    "'../..'",
    "99999999999999999999",
];

#[test]
fn no_key_of_the_file_panics() {
    let bench = Bench::new();
    let full: toml::Table = toml::from_str(FULL).unwrap();
    let mut keys = Vec::new();
    for (key, value) in &full {
        keys.push(key.clone());
        let inner = value.as_table().into_iter().flat_map(toml::Table::keys);
        keys.extend(inner.map(|inner| format!("{key}.{inner}")));
    }
    let long = format!("'{}'", "x".repeat(100_000));
    let mut lines = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let values = some(TOML, index).chain([long.as_str()]);
        lines.extend(values.map(|value| format!("{key} = {value}")));
    }
    let others =
        ["\u{1}", "=", "[", "[[x]]", "\u{feff}limit = 3", "\r\r\n", "[a.b.c]", "x.y = 1\nx = 2"];
    let mut cases = Vec::new();
    for text in lines.into_iter().chain(others.map(str::to_owned)) {
        let mut commands = bench.config_and_scan(!text.starts_with("root"));
        commands.iter_mut().for_each(|command| _ = command.env("EFS_SCAN_CONFIG_TOML", &text));
        cases.push((text, commands));
    }
    check_all(cases);
}

/// Variables of the SDK, the system and the terminal, with an AWS call that nobody answers.
#[cfg(feature = "aws")]
#[test]
fn no_variable_of_others_panics() {
    let bench = Bench::new();
    let nowhere = "http://127.0.0.1:1";
    let mut cases = Vec::new();
    for name in OTHERS {
        for value in ["", "\x1b[31m\n-1"] {
            let mut command = bench.command();
            command
                .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
                .env("AWS_SECRET_ACCESS_KEY", "x");
            command.env("AWS_REGION", "eu-west-1").env("EFS_SCAN_PATIENCE", "1s");
            command.env("AWS_ENDPOINT_URL", nowhere).env("HTTPS_PROXY", nowhere);
            command.env(name, value).args(["status", "--from", "s3://team-efs/x"]);
            cases.push((format!("{name}={value:?}"), vec![command]));
        }
    }
    check_all(cases);
}
