//! The nfs engine against other NFS servers: nfs-ganesha on this machine, and Linux's own in
//! user-mode Linux (`tests/testbed/uml`). Its report of any tree (`interop/tree.py`) must equal
//! that of the posix engine on the server, and `du`.

#[cfg(all(feature = "aws", feature = "tls"))]
mod efs;
pub(crate) mod ganesha;
mod knfsd;
mod same;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::balancer::Balancer;
#[cfg(feature = "tls")]
use efs_scan_testbed::terminator;
use efs_scan_testbed::*;
use ganesha::{Export, Ganesha};
use jiff::Timestamp;
use same::assert_same;
use serde_json::{Value, json};

/// Options of the engine: one directory per request and several, one request at a time and many.
/// Ganesha grants 1,024 operations and accepts 100.
const WAYS: [&[&str]; 5] = [
    &[],
    &["--threads", "1"],
    &["--nfs-batch", "48"],
    &["--threads", "1", "--nfs-batch", "400"],
    &["--threads", "64", "--nfs-batch", "3"],
];

pub(crate) fn make_tree(at: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/interop/tree.py");
    let mut command = Command::new("python3");
    let output = watched(command.args(["-S", "-E"]).arg(script).arg(at), Duration::from_secs(60));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Scans with the nfs engine and returns the report.
fn by_nfs(url: &str, args: &[&str], code: i32) -> Value {
    let mut all: Vec<OsString> = vec!["--engine".into(), "nfs".into()];
    all.extend(args.iter().map(OsString::from));
    report(Path::new(url), all, code)
}

/// Scans the same tree through ganesha, which sends owners in this form.
fn through_ganesha(what: &str, owners: &str) {
    let Some(ready) = Ganesha::can_run(what) else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], owners);
    let url = server.url("/tree");
    let posix = report(&tree, [""; 0], 0);
    assert_eq!(posix["totals"]["allocated_bytes"], du(&tree));
    for way in WAYS {
        let args = [&["--nfs-uid", "0"], way].concat();
        let nfs = by_nfs(&url, &args, 0);
        assert_same(&nfs, &url, &posix, &tree.to_string_lossy(), &format!("{way:?}"));
    }
    // A part of the export as well, under a name that does not show it.
    let part = tree.join("200006");
    let url = server.url("/tree/200006");
    let nfs = by_nfs(&url, &["--nfs-uid", "0"], 0);
    let posix = report(&part, [""; 0], 0);
    assert_same(&nfs, &url, &posix, &part.to_string_lossy(), "a part of the tree");
}

#[test]
fn ganesha_gives_the_report_of_the_posix_engine() {
    through_ganesha("the nfs engine on ganesha", "Only_Numeric_Owners = true;");
}

#[test]
fn ganesha_gives_the_same_report_with_owners_by_name() {
    through_ganesha("the nfs engine on ganesha, owners by name", "Only_Numeric_Owners = false;");
}

#[test]
#[cfg(feature = "tls")]
fn ganesha_gives_the_same_report_through_tls() {
    let what = "the nfs engine on ganesha through TLS";
    let Some(ready) = Ganesha::can_run(what).filter(|_| terminator::can_run(what)) else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    let issuer = terminator::Issuer::new(dir.path(), "issuer");
    let certificate = issuer.issue("DNS:localhost", 2);
    let terminator = terminator::Terminator::start(server.address(), &certificate, "");
    let posix = report(&tree, [""; 0], 0);
    let url = format!("nfs://localhost:{}/tree", terminator.address().port());
    for way in WAYS {
        let mut command = efs_scan();
        command.args([&url, "--nfs-uid", "0", "--tls", "--format", "json"]).args(way);
        command.env("SSL_CERT_FILE", issuer.root()).env_remove("SSL_CERT_DIR");
        let output = watched(&mut command, Duration::from_secs(60));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let nfs = serde_json::from_slice(&output.stdout).unwrap();
        assert_same(&nfs, &url, &posix, &tree.to_string_lossy(), &format!("{way:?}"));
    }
}

/// Several servers with one tree behind one address, like EFS's state partitions. All of them
/// report the host's name as their owner.
#[test]
fn several_ganeshas_behind_a_balancer_give_the_same_report() {
    let Some(ready) = Ganesha::can_run("the nfs engine on several ganeshas") else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let posix = report(&tree, [""; 0], 0);
    let server = |number: usize| {
        let dir = dir.path().join(number.to_string());
        std::fs::create_dir(&dir).unwrap();
        let exports = [Export { path: &tree, name: "/tree" }];
        ready.serve(&dir, &exports, "Slot_Table_Size = 8;")
    };
    let servers: Vec<Ganesha> = (0..3).map(server).collect();
    for many in 1..=servers.len() {
        let balancer = Balancer::start(servers[..many].iter().map(Ganesha::address).collect());
        let url = format!("nfs://{}/tree", balancer.address());
        for (threads, wanted) in [("8", 1), ("24", 3), ("64", 8)] {
            let args = ["--nfs-uid", "0", "--nfs-batch", "1", "--threads", threads];
            let nfs = by_nfs(&url, &args, 0);
            let said = format!("{threads} requests to {many} servers");
            assert_same(&nfs, &url, &posix, &tree.to_string_lossy(), &said);
            assert_eq!(balancer.take_connections(), wanted, "connections: {said}");
        }
        for way in WAYS {
            let nfs = by_nfs(&url, &[&["--nfs-uid", "0"], way].concat(), 0);
            let said = format!("{way:?} to {many} servers");
            assert_same(&nfs, &url, &posix, &tree.to_string_lossy(), &said);
            // At most the 8 allowed connections, and no additional ones.
            assert!(balancer.take_connections() <= 8, "connections: {said}");
        }
    }
}

#[test]
fn homes_that_a_user_may_not_see_are_missing_and_named() {
    let Some(ready) = Ganesha::can_run("homes of others through ganesha") else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    let report = by_nfs(&server.url("/tree"), &["--nfs-uid", "200009"], 3);
    assert_eq!(report["run"]["coverage"], "partial", "{report}");
    assert_eq!(report["errors"]["by_kind"]["permission_denied"], 5, "{}", report["errors"]);
    assert_eq!(home(&report, "200009")["coverage"], "complete");
    assert_eq!(home(&report, "200009")["usage"]["files"], 5);
    for name in ["1", "200005", "200006", "200007", "200008"] {
        assert_eq!(home(&report, name)["coverage"], "partial", "{name}");
        assert_eq!(home(&report, name)["usage"]["files"], 0, "{name}");
    }
}

#[test]
fn a_path_that_is_not_exported_is_a_fatal_error() {
    let Some(ready) = Ganesha::can_run("paths that ganesha does not export") else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    file(&tree, "200005/file", 1);
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    for (path, said) in [
        ("/elsewhere", "No such file or directory"),
        ("/tree/missing", "No such file or directory"),
        ("/tree/200005/file", "Not a directory"),
    ] {
        let url = server.url(path);
        let output = run([url.as_str(), "--engine", "nfs", "--nfs-uid", "0"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(&url) && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn linux_gives_the_report_of_the_posix_engine() {
    let Some(facts) = knfsd::facts() else { return };
    let posix = facts.report("posix");
    assert_eq!(posix["totals"]["allocated_bytes"], facts.number("allocated"));
    for way in ["auto", "one", "many"] {
        let nfs = facts.report(way);
        assert_same(&nfs, "nfs://127.0.0.1/tree", &posix, "/tmp/efs/tree", way);
    }
    // As seen through a mount.
    assert_same(&facts.report("mounted"), "/mnt/efs/tree", &posix, "/tmp/efs/tree", "mounted");
}

#[test]
fn several_linux_servers_behind_a_balancer_give_the_same_report() {
    let Some(facts) = knfsd::facts() else { return };
    let (nfs, posix) = (facts.report("several"), facts.report("posix"));
    assert_same(&nfs, "nfs://127.0.0.1:3049/tree", &posix, "/tmp/efs/tree", "several");
    assert_eq!(facts.number("several.connections"), 3);
}

/// Returns level and text of the only line of a check.
fn line<'a>(report: &'a Value, check: &str) -> (&'a str, &'a str) {
    let lines = report["checks"].as_array().unwrap().iter();
    let found: Vec<&Value> = lines.filter(|line| line["check"] == check).collect();
    let [line] = found.as_slice() else { panic!("{check}: {report}") };
    (line["level"].as_str().unwrap(), line["text"].as_str().unwrap())
}

#[test]
fn a_check_says_how_linux_answers() {
    let Some(facts) = knfsd::facts() else { return };
    // A warning, because the batches that are asked for are not tried on Linux.
    let report = facts.report_of("checked", 3);
    let (level, text) = line(&report, "server");
    assert!(level == "ok" && text.contains(": 8 connections lead to one server"), "{text}");
    assert_eq!(line(&report, "reading").0, "ok", "{report}");
    let (level, text) = line(&report, "batches");
    assert!(level == "warn" && text.contains("may be Linux"), "{text}");
    // A warning, because the mount lacks nocto.
    let report = facts.report_of("checked.mount", 3);
    assert!(line(&report, "mount").1.contains("nocto"), "{report}");
    let (level, text) = line(&report, "reading");
    assert!(level == "ok" && text.contains("closed to all but their owners"), "{text}");
    let report = facts.report("checked.several");
    let (level, text) = line(&report, "server");
    assert!(level == "ok" && text.contains(": 8 connections lead to 3 servers"), "{text}");
    let report = facts.report_of("gone", 1);
    let (level, text) = line(&report, "root");
    assert!(level == "fail" && text.contains("does not answer within 5 s"), "{text}");
    let report = facts.report_of("gone.server", 1);
    assert!(line(&report, "root").1.contains("connect to nfs://127.0.0.1/tree"), "{report}");
    for squashed in ["squashed", "squashed.mount"] {
        let report = facts.report_of(squashed, 1);
        let (level, text) = line(&report, "reading");
        assert!(level == "fail" && text.contains("squashes root"), "{squashed}: {text}");
    }
    assert!(facts.get("squashed.said").is_some_and(|said| said.contains("no home can be read")));
}

#[test]
fn a_check_says_how_ganesha_answers() {
    let Some(ready) = Ganesha::can_run("efs-scan check on ganesha") else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let check = |url: &str, args: &[&str]| {
        let output = run([&["check", url, "--format", "json"], args].concat());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report)
    };
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    let url = server.url("/tree");
    let (code, report) = check(&url, &["--nfs-uid", "0"]);
    assert_eq!(code, Some(0), "{report}");
    let (level, text) = line(&report, "server");
    assert!(level == "ok" && text.contains(": 8 connections lead to one server"), "{text}");
    let (level, text) = line(&report, "reading");
    assert!(level == "ok" && text.contains("of other users, can be listed"), "{text}");
    // Batches are tried, because ganesha does not say that it is Linux.
    let (code, report) = check(&url, &["--nfs-uid", "0", "--nfs-batch", "8"]);
    assert_eq!((code, line(&report, "batches").0), (Some(0), "ok"), "{report}");
    // As a user who may not read the homes of others.
    let (code, report) = check(&url, &["--nfs-uid", "200009"]);
    assert_eq!((code, line(&report, "reading").0), (Some(1), "fail"), "{report}");
    let (code, report) = check(&server.url("/elsewhere"), &["--nfs-uid", "0"]);
    assert_eq!((code, line(&report, "root").0), (Some(1), "fail"), "{report}");
    drop(server);
    let (code, report) = check(&url, &["--nfs-uid", "0"]);
    let (level, text) = line(&report, "root");
    assert!(code == Some(1) && level == "fail" && text.contains("refused"), "{text}");
}

#[test]
fn linux_gets_one_request_for_each_directory() {
    let Some(facts) = knfsd::facts() else { return };
    let dirs = facts.report("posix")["totals"]["dirs"].as_u64().unwrap();
    // Files that a rule reads, the large directory, and the beginning and end of a session.
    const MORE: u64 = 60;
    for way in ["auto", "one", "many"] {
        let requests = facts.number(&format!("{way}.requests"));
        assert!(
            (dirs..=dirs + MORE).contains(&requests),
            "{way}: {requests} for {dirs} directories"
        );
    }
}

#[test]
fn directories_may_go_while_linux_lists_them() {
    let Some(facts) = knfsd::facts() else { return };
    // Partial, because entries that vanished were not counted.
    let report = facts.report_of("vanishing", 3);
    // A removed directory cannot be distinguished from one whose handle the server dropped.
    let errors = &report["errors"];
    assert_eq!(errors["by_kind"], json!({"moved": errors["vanished"]}), "{report}");
    // No file that stayed is missing; the others existed when their parent was listed.
    let usage = &home(&report, "200005")["usage"];
    assert_eq!(usage["files"], 500, "{report}");
    assert!((101..=201).contains(&usage["dirs"].as_u64().unwrap()), "{report}");
    assert!(report["errors"]["vanished"].as_u64().unwrap() > 0, "{report}");
    // 200 directories, some requested more than once, at 50 per second.
    let time = |what: &str| report["run"][what].as_str().unwrap().parse::<Timestamp>().unwrap();
    let seconds = time("finished").duration_since(time("started")).as_secs_f64();
    assert!((3.0..20.0).contains(&seconds), "{seconds} s: {report}");
}
