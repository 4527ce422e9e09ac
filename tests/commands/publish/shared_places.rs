//! Places that other users can write to, which must not redirect root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use super::place::*;
use efs_scan_testbed::*;

const NOBODY: u32 = 65_534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn root_refuses_a_destination_that_others_can_write_to() {
    if !skip_unless(is_root(), "a destination that others can write to", "only root refuses it") {
        return;
    }
    let place = Place::new();
    let published = place.published();
    fs::create_dir_all(published.join("runs")).unwrap();
    let refused = |what: &str, path: &Path, code: i32| {
        let said = stderr(&place.scan(&[], code));
        assert!(
            said.contains("others can write to") && said.contains("choose a place"),
            "{what}: {said}"
        );
        // It may be a home, or /tmp.
        assert!(!said.contains("chown") && !said.contains("chmod"), "{what}: {said}");
        assert!(said.contains(path.to_str().unwrap()), "{what}: {said}");
        assert!(place.runs().is_empty(), "{what}");
    };
    mode(&published, 0o777);
    refused("all", &published, 1);
    mode(&published, 0o1777);
    refused("sticky", &published, 1);
    mode(&published, 0o775);
    chown(&published, Some(0), Some(NOBODY)).unwrap();
    refused("a group", &published, 1);
    mode(&published, 0o755);
    chown(&published, Some(NOBODY), Some(0)).unwrap();
    refused("an owner", &published, 1);
    chown(&published, Some(0), Some(0)).unwrap();
    // A directory above it lets others replace it.
    let above = place.dir.path().join("above");
    fs::create_dir(&above).unwrap();
    mode(&above, 0o777);
    let mut args = place.args();
    args[2] = above.join("published").to_str().unwrap().to_owned();
    let output = watched(efs_scan().args(&args), PATIENCE);
    assert_code(&output, 1);
    let said = one_line(&output);
    assert!(said.contains("only root can replace") && !said.contains("chown"), "{said}");
    // If one below it does, the run only stays in the spool.
    mode(&published.join("runs"), 0o777);
    refused("below", &published.join("runs"), 5);
    mode(&published.join("runs"), 0o755);
    place.scan(&[], 0);
    assert_eq!((place.runs().len(), place.spooled()), (2, Vec::new()));
}

#[test]
fn a_state_directory_that_others_can_replace_is_refused() {
    if !skip_unless(is_root(), "a state directory that others can replace", "needs root") {
        return;
    }
    let place = Place::new();
    let above = place.dir.path().join("above");
    fs::create_dir(&above).unwrap();
    mode(&above, 0o777);
    let mut args = place.args();
    args[4] = above.join("state").to_str().unwrap().to_owned();
    let output = watched(efs_scan().args(&args), PATIENCE);
    assert_code(&output, 2);
    assert!(one_line(&output).contains("others can write to"));
    // Nobody can replace root's files in a sticky directory.
    mode(&above, 0o1777);
    assert_code(&watched(efs_scan().args(&args), PATIENCE), 0);
}

#[test]
fn a_state_directory_on_a_shared_volume_is_allowed_on_request() {
    let place = Place::new();
    let volume = place.dir.path().join("volume");
    fs::create_dir(&volume).unwrap();
    mode(&volume, 0o777);
    let scan = |more: &[&str], code| {
        let mut command = efs_scan();
        command.args(place.args()).arg("--state-dir").arg(&volume).args(more);
        let output = watched(&mut command, PATIENCE);
        assert_code(&output, code);
        output
    };
    assert!(one_line(&scan(&[], 2)).contains("--state-dir-shared allows"));
    scan(&["--state-dir-shared"], 0);
    let own = volume.join(format!("efs-scan-{}", rustix::process::geteuid().as_raw()));
    let bits = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(bits(&own), 0o700);
    // The mode that `fsGroup` leaves.
    mode(&own, 0o2770);
    mode(&own.join("spool"), 0o2770);
    scan(&["--state-dir-shared"], 0);
    assert_eq!((bits(&own), bits(&own.join("spool"))), (0o700, 0o700));
    // Nothing is written through a link that others have put there.
    let away = place.dir.path().join("away");
    fs::rename(&own, &away).unwrap();
    fs::remove_dir_all(away.join("spool")).unwrap();
    symlink(&away, &own).unwrap();
    scan(&["--state-dir-shared"], 2);
    assert!(!away.join("spool").exists());
    if is_root() {
        fs::remove_file(&own).unwrap();
        fs::create_dir(&own).unwrap();
        chown(&own, Some(NOBODY), None).unwrap();
        assert!(one_line(&scan(&["--state-dir-shared"], 2)).contains("belongs to uid 65534"));
    }
}

#[test]
fn nothing_is_read_through_a_link_at_the_destination() {
    let place = Place::new();
    place.scan(&[], 0);
    let runs = place.published().join("runs");
    let away = place.dir.path().join("away");
    fs::rename(&runs, &away).unwrap();
    symlink(&away, &runs).unwrap();
    let page = place.dir.path().join("page.html");
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(place.published()).arg("--html").arg(&page);
    let output = watched(&mut command, PATIENCE);
    assert_code(&output, 1);
    assert!(one_line(&output).contains("symbolic links"), "{}", stderr(&output));
    assert!(!page.exists());
}

#[test]
fn a_lock_that_is_not_a_regular_file_does_not_block() {
    for fifo_at in ["published/.efs-scan.lock", "state/lock"] {
        let place = Place::new();
        let path = place.dir.path().join(fifo_at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        mode(path.parent().unwrap(), 0o700);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let output = watched(&mut place.command(), PATIENCE);
        assert!([1, 2].contains(&output.status.code().unwrap()), "{}", stderr(&output));
        assert!(one_line(&output).contains("it is not a regular file"), "{}", stderr(&output));
    }
}

#[test]
fn a_configuration_that_others_can_write_to_is_a_warning_and_to_root_an_error() {
    for name in ["efs-scan.toml", "it's \\ a\nname.toml"] {
        check_shared_configuration(name);
    }
}

fn check_shared_configuration(name: &str) {
    let place = Place::new();
    let config = place.dir.path().join(name);
    fs::write(&config, "sort = \"name\"\n").unwrap();
    let scan = || {
        let mut command = efs_scan();
        watched(command.arg(place.root()).arg("--config").arg(&config), PATIENCE)
    };
    assert_code(&scan(), 0);
    mode(&config, 0o666);
    let output = scan();
    assert_code(&output, if is_root() { 2 } else { 0 });
    let said = stderr(&output);
    assert!(said.contains("others can write to the configuration"), "{said}");
    let mend = said.split(".toml: ").nth(1).unwrap().lines().next().unwrap();
    assert!(mend.starts_with("chown root:root ") && mend.contains("chmod go-w"), "{mend}");
    if is_root() {
        // The suggested command corrects it.
        assert!(Command::new("sh").args(["-c", mend]).status().unwrap().success());
        assert_code(&scan(), 0);
        chown(&config, Some(NOBODY), None).unwrap();
        assert_code(&scan(), 2);
    }
}

#[test]
fn a_configuration_that_others_can_replace_is_a_warning_and_to_root_an_error() {
    let place = Place::new();
    let (below, root) = (place.dir.path().join("shared/below"), place.root());
    fs::create_dir_all(&below).unwrap();
    let shared = below.parent().unwrap();
    let link = place.dir.path().join("link.toml");
    std::os::unix::fs::symlink(below.join("efs-scan.toml"), &link).unwrap();
    fs::write(below.join("efs-scan.toml"), "sort = \"name\"\n").unwrap();
    // A link that others can replace leads to a file that they cannot replace.
    let safe = place.dir.path().join("safe.toml");
    fs::write(&safe, "sort = \"name\"\n").unwrap();
    let replaceable = shared.join("link.toml");
    std::os::unix::fs::symlink(&safe, &replaceable).unwrap();
    let scan = |config: &Path| watched(efs_scan().arg(&root).arg("--config").arg(config), PATIENCE);
    let all = [below.join("efs-scan.toml"), link, replaceable];
    // Root's group does not count as another user.
    for (bits, is_safe) in [(0o755, true), (0o777, false), (0o1777, true), (0o775, is_root())] {
        mode(shared, bits);
        for config in &all {
            let output = scan(config);
            let said = stderr(&output);
            assert_code(&output, if is_root() && !is_safe { 2 } else { 0 });
            assert_eq!(said.contains("others can replace the configuration"), !is_safe, "{said}");
        }
        assert_code(&scan(&safe), 0);
    }
}

#[test]
fn an_object_that_is_larger_than_any_of_ours_is_not_read() {
    let place = Place::new();
    place.scan(&[], 0);
    let latest = place.published().join("latest/prod.json");
    fs::File::options().write(true).open(&latest).unwrap().set_len(3 << 30).unwrap();
    for command in ["status", "history"] {
        // The file does not fit into the memory of this process.
        let script = "ulimit -v 2000000; exec \"$@\"";
        let mut limited = Command::new("sh");
        limited.args(["-c", script, "sh"]).arg(program()).arg(command).arg("--from");
        limited.arg(place.published()).env("EFS_SCAN_CONFIG", "/dev/null");
        let output = watched(&mut limited, PATIENCE);
        match command {
            "status" => {
                assert_code(&output, 1);
                assert!(one_line(&output).contains("larger than 1024 MiB"), "{}", stderr(&output));
            }
            _ => assert_code(&output, 0),
        }
    }
}
