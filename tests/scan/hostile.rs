//! Hostile names. Homes belong to users and the program runs as root, so no file name may control a
//! terminal, a spreadsheet or a shell, and none may get lost.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use efs_scan::report::{self, Report};
use efs_scan::text::{bytes_of, printable};
use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

/// Names used for homes and for directories inside a home.
fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "\x1b[2J\x1b]0;title\x07",
        // The control sequence introducer as one character.
        "\u{9b}31mred",
        "\u{202e}gnp.exe",
        "\u{200b}200005",
        "\u{feff}mark",
        "\u{2028}separated",
        "=cmd|' -c calc'!A0",
        "+1",
        "+A1",
        "-A1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        "-rf",
        "--format=json",
        "'; touch pwned; '",
        "$(touch pwned)",
        "`touch pwned`",
        "${HOME}",
        "it's \"quoted\"",
        "back\\slash\\",
        "~",
        "* ? [a-z]",
        "!!",
        "# no comment",
        "a;b&c|d>e<f",
        " ",
        " . ",
        "...",
        "\u{ff0e}",
        "(outside homes)",
        "total of 3",
        "{path}",
        "\n",
        "two\nlines\n",
        "näme 目录",
        "NULL",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(ODD_NAME.to_vec());
    // Invalid UTF-8; some of these have the same lossy text.
    names.extend([&b"\xff"[..], b"\xfe", b"\x9b31m", b"\xed\xa0\x80"].map(<[u8]>::to_vec));
    names.push(vec![b'n'; 255]);
    names.push("é".repeat(127).into_bytes());
    names
}

/// A tree of hostile names below a root with a hostile name.
struct Hostile {
    dir: TempDir,
    root: PathBuf,
}

impl Hostile {
    fn new() -> Self {
        let dir = scratch();
        let root = raw(dir.path(), b"root \x1b[31m\xff'\n");
        for name in names() {
            let home = raw(&root, &name);
            file(&home, "file", 10);
            // Findings below the name, at the name, and starting with it.
            let below = raw(&root.join("200005"), &name);
            file(&below, "__pycache__/a.pyc", 5000);
            file(&below, "a.py", 1000);
            file(&below, ".nfs000000000000000000000001", 70_000);
            file(&raw(&root.join("200005/envs"), &name), "conda-meta/history", 10);
        }
        Self { dir, root }
    }

    fn run(&self, args: &[&str]) -> std::process::Output {
        let output = watched(efs_scan().arg(&self.root).args(args), Duration::from_secs(60));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        output
    }

    fn json(&self) -> Value {
        // Lists all findings, so that none is left out for its size.
        let output = self.run(&["--format", "json", "--top", "1000"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Returns true if a terminal interprets the character or shows it as something else.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn assert_harmless(bytes: &[u8], what: &str) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what} is no UTF-8"));
    for line in text.split('\n') {
        assert!(!line.chars().any(acts), "{what}: {line:?}");
    }
}

#[test]
fn nothing_in_the_table_or_on_stderr_acts_on_a_terminal() {
    let tree = Hostile::new();
    let map = tree.dir.path().join("map.csv");
    std::fs::write(&map, "200005,\"\x1b[31m=a\u{202e}b\"\n").unwrap();
    let map = format!("csv:{}", map.display());
    let common = ["--names", &map, "--exclude", "no\x1bc/such/*", "-vv"];
    let mut pages = vec!["--top", "1000", "--user", "200005"];
    let named: Vec<String> =
        names().into_iter().filter_map(|name| String::from_utf8(name).ok()).collect();
    for name in named.iter().filter(|name| *name != "--format=json" && !name.starts_with('-')) {
        pages.extend(["--user", name]);
    }
    for args in [&[][..], &["--top", "1000"], &pages] {
        let output = tree.run(&[&common, args].concat());
        assert_harmless(&output.stdout, "table");
        assert_harmless(&output.stderr, "stderr");
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.contains("\\x1b[31m=a\\u{202e}b"), "the owner is shown: {table}");
        // Each home has exactly one line.
        if args.is_empty() {
            for name in names() {
                let shown = printable(&name);
                let begins = |line: &&str| line.starts_with(&format!("{shown} "));
                assert!(table.lines().any(|line| begins(&line)), "{shown}");
            }
            let lines = table.lines().skip(3).position(|line| line.starts_with("total of"));
            // The home named like the last line comes before it.
            assert!(lines.is_some_and(|at| at <= names().len() + 2));
        }
    }
    // Error messages as well.
    for args in [
        &["--user", "\x1b[1mx"][..],
        &["--names", "\x1b[1m"],
        &["--quota", "\n\x1b"],
        &["--exclude", "{\x1b"],
    ] {
        let output = watched(efs_scan().arg(&tree.root).args(args), Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(2));
        assert_harmless(&output.stderr, "stderr");
        let lines = output.stderr.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines, 1, "{args:?}");
    }
}

/// Returns the raw bytes of a field that may be lossy, from its companion field.
fn bytes(value: &Value, key: &str) -> Vec<u8> {
    let base64 = value.get(format!("{key}_base64"));
    bytes_of(value[key].as_str().unwrap(), base64.map(|text| text.as_str().unwrap()))
}

#[test]
fn json_keeps_every_byte() {
    let tree = Hostile::new();
    let report = tree.json();
    let all = |list: &Value, key: &str| -> BTreeSet<Vec<u8>> {
        let list = list.as_array().unwrap().iter();
        list.map(|item| bytes(item, key)).collect()
    };
    let mut want: BTreeSet<Vec<u8>> = names().into_iter().chain([b"200005".to_vec()]).collect();
    assert_eq!(all(&report["top_level"], "name"), want);
    let homes = report["homes"].as_array().unwrap().iter();
    let homes: Vec<_> = homes.filter(|home| home["kind"] != "outside").collect();
    let found: BTreeSet<_> = homes.iter().map(|home| bytes(home, "name")).collect();
    assert_eq!(found, want);
    assert_eq!(homes.len(), want.len(), "also those that look alike");
    assert_eq!(bytes(&report["run"], "root"), tree.root.as_os_str().as_bytes());

    want = names()
        .iter()
        .flat_map(|name| {
            let below = |middle: &[u8], end: &[u8]| [b"200005/", middle, &**name, end].concat();
            [
                below(b"", b"/__pycache__"),
                below(b"", b"/.nfs000000000000000000000001"),
                below(b"envs/", b""),
            ]
        })
        .collect();
    let findings = &home(&report, "200005")["findings"];
    assert_eq!(all(findings, "path"), want);
    let files = &home(&report, "200005")["largest_files"];
    assert_eq!(files.as_array().unwrap().len(), 4 * names().len());
    for file in files.as_array().unwrap() {
        assert!(raw(&tree.root, &bytes(file, "path")).is_file());
    }
    // The raw bytes are present exactly where the text is lossy.
    for finding in findings.as_array().unwrap() {
        let lossy = std::str::from_utf8(&bytes(finding, "path")).is_err();
        assert_eq!(finding.get("path_base64").is_some(), lossy);
    }
    // A home named `(outside homes)` is still a home.
    let alike = report["homes"].as_array().unwrap().iter();
    let kinds: BTreeSet<_> = alike
        .filter(|home| home["name"] == "(outside homes)")
        .map(|home| home["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["named", "outside"]));
}

/// Parses a CSV, which must be well-formed.
fn cells(csv: &[u8]) -> Vec<csv::ByteRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.byte_records().map(Result::unwrap).collect()
}

fn assert_no_formula(csv: &[u8]) {
    for cell in cells(csv).iter().flatten() {
        let begins = matches!(cell.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
        let number = std::str::from_utf8(cell).is_ok_and(|text| text.parse::<f64>().is_ok());
        assert!(!begins || number, "{}", printable(cell));
    }
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let tree = Hostile::new();
    let map = tree.dir.path().join("map.csv");
    std::fs::write(&map, "uid,name\n200005,=cmd()\n0,@root\n").unwrap();
    let map = format!("csv:{}", map.display());
    let output = tree.run(&["--format", "csv", "--names", &map, "--quota", "1MiB"]);
    assert_no_formula(&output.stdout);
    let records = cells(&output.stdout);
    assert_eq!(records.len(), 1 + names().len() + 2, "head, homes, and the part outside");
    let homes: BTreeSet<Vec<u8>> = records[1..].iter().map(|cells| cells[0].to_vec()).collect();
    let base64 = records[0].iter().position(|cell| cell == b"home_base64").unwrap();
    let raw: BTreeSet<Vec<u8>> = records[1..]
        .iter()
        .map(|cells| {
            let cell = &cells[base64];
            let text = std::str::from_utf8(cell).unwrap().trim_start_matches('\'');
            bytes_of("", Some(text))
        })
        .collect();
    std::str::from_utf8(&output.stdout).unwrap();
    for name in names() {
        let quoted = [b"'", &*name].concat();
        let shown = homes.contains(&name) || homes.contains(&quoted);
        assert!(shown || raw.contains(&name), "{}", printable(&name));
    }
    let owners: BTreeSet<&[u8]> = records[1..].iter().map(|cells| &cells[3]).collect();
    assert!(owners.contains(&b"'=cmd()"[..]), "an owner is text too");
}

/// A file can claim any year, and years with more than four digits begin with a sign.
#[test]
fn no_time_in_the_csv_is_a_formula() {
    let tree = scratch();
    file(tree.path(), "200005/file", 10);
    let mut report: Report =
        serde_json::from_value(report(tree.path(), [] as [&str; 0], 0)).unwrap();
    let ancient = Some("-000001-01-01T00:00:00Z".parse().unwrap());
    report.homes.change(0, |home| home.newest_mtime = ancient);
    let mut csv = Vec::new();
    report::csv(&report, report::DuNames::Raw, &mut csv).unwrap();
    assert_no_formula(&csv);
}

#[test]
fn the_du_form_is_raw_in_a_file_and_escaped_on_a_terminal() {
    let tree = Hostile::new();
    let raw_form = tree.run(&["--format", "du"]).stdout;
    let line = |name: &[u8], form: fn(&[u8]) -> Vec<u8>| {
        let path = [tree.root.as_os_str().as_bytes(), b"/", name].concat();
        [b"\t", &*form(&path), b"\n"].concat()
    };
    let holds = |text: &[u8], line: &[u8]| text.windows(line.len()).any(|part| part == line);
    for name in names() {
        assert!(holds(&raw_form, &line(&name, <[u8]>::to_vec)), "{}", printable(&name));
    }
    // script(1) provides a terminal.
    let able = Command::new("script").arg("--version").output();
    let able = able.is_ok_and(|output| output.stdout.starts_with(b"script from util-linux"));
    if !skip_unless(able, "du form on a terminal", "script of util-linux is not here") {
        return;
    }
    let mut script = Command::new("script");
    script.args(["-qec", "exec \"$PROGRAM\" \"$TREE\" --quiet --format du", "/dev/null"]);
    script.env("PROGRAM", env!("CARGO_BIN_EXE_efs-scan"));
    script.env("TREE", &tree.root).env("EFS_SCAN_CONFIG", "/dev/null");
    script.stdin(std::process::Stdio::null());
    let output = watched(&mut script, Duration::from_secs(60));
    let shown: Vec<u8> = output.stdout.into_iter().filter(|byte| *byte != b'\r').collect();
    for line in shown.split_inclusive(|byte| *byte == b'\n') {
        // The only tab separates size and path.
        let tab = line.iter().position(|byte| *byte == b'\t').unwrap();
        assert_harmless(&line[tab + 1..], "du form");
    }
    for name in names() {
        let line = line(&name, |path| printable(path).into_bytes());
        assert!(holds(&shown, &line), "{}", printable(&name));
    }
}

/// Runs `command` in a shell with every program in it replaced by one that prints its last argument.
fn read_by(shell: &str, command: &str, cwd: &Path) -> Vec<u8> {
    // Without a PATH, anything that escapes its quotes finds no program to run.
    let script = format!(
        "PATH=/nonexistent; rm() {{ for last; do :; done; printf %s \"$last\"; }};\n{command}\n"
    );
    let mut process = Command::new(shell);
    process.current_dir(cwd);
    let output = process.args([OsStr::new("-c"), OsStr::new(&script)]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{command}: {stderr}");
    output.stdout
}

#[test]
fn shells_read_the_commands_as_they_are_meant() {
    let tree = Hostile::new();
    let report = tree.json();
    let findings = home(&report, "200005")["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3 * names().len());
    let commanded = || findings.iter().filter(|finding| finding["rule"] == "python-byproducts");
    assert_eq!(commanded().count(), names().len());
    for finding in commanded() {
        let command = finding["command"].as_str().unwrap_or_else(|| panic!("{finding:#}"));
        assert_harmless(command.as_bytes(), "command");
        assert!(!command.contains('\n'), "{command}");
        let path = [tree.root.as_os_str().as_bytes(), b"/", &*bytes(finding, "path")].concat();
        // Names as `shell_word` quotes them.
        let path = if path.ends_with(b"\n") { [&path[..], b"/"].concat() } else { path };
        for shell in ["sh", "bash"] {
            let read = read_by(shell, command, tree.dir.path());
            assert_eq!(printable(&read), printable(&path), "{shell}: {command}");
        }
    }
    assert!(!tree.dir.path().join("pwned").exists());
    // The owner's page shows them unchanged.
    let page = tree.run(&["--user", "200005", "--top", "1000"]).stdout;
    let page = String::from_utf8(page).unwrap();
    for finding in commanded() {
        let command = finding["command"].as_str().unwrap();
        assert!(page.lines().any(|line| line.ends_with(command)), "{command}");
    }
}
