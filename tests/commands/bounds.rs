//! Files that are too large to read cause an error line, and do not exhaust memory.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use efs_scan_testbed::*;

/// Makes a sparse file that is as large as users can make at no cost, and too large for [`MEMORY`].
fn sparse(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(3 << 30).unwrap();
}

/// Address space of the program in KiB.
const MEMORY: &str = "2000000";

/// Runs the program with that much memory.
fn run(dir: &Path, args: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" {args}")]).arg(program());
    command.env("EFS_SCAN_CONFIG", "/dev/null").current_dir(dir);
    watched(&mut command, Duration::from_secs(60))
}

#[test]
fn a_file_of_3_gib_causes_an_error_line_wherever_it_is_read() {
    let dir = scratch();
    let dir = dir.path();
    file(dir, "t/200005/f", 3_000_000);
    file(dir, "names.csv", 0);
    std::fs::write(dir.join("names.csv"), "200005,alice\n").unwrap();
    let remind = "[remind]\nfrom = 'a@example.com'\nadmin = 'b@example.com'\n";
    std::fs::write(dir.join("addresses.toml"), format!("{remind}address_file = 'big'\n")).unwrap();
    std::fs::write(dir.join("remind.toml"), format!("{remind}address = '{{name}}@example.com'\n"))
        .unwrap();
    let publish = "t --names csv:names.csv --quota 1MiB --publish pub --state-dir state";
    assert_code(&run(dir, publish), 0);
    for name in ["big", "state/remind/reminders.json"] {
        sparse(&dir.join(name));
    }
    rights(&dir.join("state/remind"));
    for (args, code, line) in [
        ("--config big t", 2, "the configuration big: it is larger than 16 MiB: is this"),
        ("t --names csv:big", 2, "reading it: it is larger than 200 MiB: is this the right file?"),
        (
            "remind --dry-run --config addresses.toml --from pub --state-dir state",
            2,
            "addresses from big: it is larger than 200 MiB: is this the right file?",
        ),
        (
            "remind --dry-run --config remind.toml --from pub --state-dir state",
            1,
            "reminders.json: it is larger than 1024 MiB: efs-scan did not write it; move it away",
        ),
    ] {
        let output = run(dir, args);
        assert_eq!(output.status.code(), Some(code), "{args}: {}", stderr(&output));
        assert!(stderr(&output).contains(line), "{args}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{args}");
    }
}

#[test]
fn a_run_of_3_gib_in_the_spool_waits_and_the_next_one_is_published() {
    let dir = scratch();
    let dir = dir.path();
    file(dir, "t/200005/f", 10);
    let publish = "t --publish pub --state-dir state";
    assert_code(&run(dir, publish), 0);
    sparse(&dir.join("state/spool/20260101T000000.000000Z.run.json"));
    let output = run(dir, publish);
    assert_code(&output, 5);
    let line = "000000Z.run.json: it is larger than 1024 MiB: efs-scan did not write it";
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    let runs = std::fs::read_dir(dir.join("pub/runs")).unwrap();
    let days = runs.flat_map(|of| std::fs::read_dir(of.unwrap().path()).unwrap());
    let runs = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    assert_eq!(runs.count(), 2);
}

/// Removes others' access, as in a state directory that the program made.
fn rights(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}
