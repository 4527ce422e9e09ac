//! `efs-scan report`: pages from published runs.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use super::markup::check_markup;
use efs_scan_testbed::*;

fn report(args: &[&str]) -> Output {
    run(["report"].iter().chain(args))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Scans a tree with hostile names and publishes it; returns the tree and the destination.
fn published(place: &Path, more: &[&str]) -> String {
    let root = place.join("efs");
    file(&root, "200005/.cache/pip/a", 300_000);
    file(&root, "200006/<b>\u{202e}/node_modules/x.js", 200_000);
    file(&root, "200006/<b>\u{202e}/package.json", 10);
    file(&root, "<script>alert(1)<", 10);
    file(&raw(&root, ODD_NAME), "f", 60_000);
    let names = place.join("names.csv");
    std::fs::write(&names, "200005,<script>alert(1)</script>\n200006,bob\n").unwrap();
    let to = place.join("to").to_str().unwrap().to_owned();
    let mut command = efs_scan();
    command.arg(&root).arg("--names").arg(format!("csv:{}", names.display()));
    command.args(["--name=prod", "--publish", &to, "--quota", "250KiB"]).args(more);
    command.arg("--state-dir").arg(place.join("state"));
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    to
}

#[test]
fn a_published_run_becomes_pages() {
    let place = scratch();
    let to = published(place.path(), &[]);
    assert!(!Path::new(&to).join("report").exists());
    let (html, users) = (place.path().join("report.html"), place.path().join("users"));
    let output = report(&[
        "--from",
        &to,
        "--html",
        html.to_str().unwrap(),
        "--users",
        users.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = std::fs::read_to_string(&html).unwrap();
    check_markup(&page);
    for shown in [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "a\\xff\\n,&lt;b&gt;&quot;",
        "200006/<wbr>&lt;b&gt;\\u{202e}/<wbr>node_modules",
        "over quota",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let mut made: Vec<String> = std::fs::read_dir(&users)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    made.sort();
    let uid = rustix::process::geteuid().as_raw();
    let mut want = vec![format!("{uid}.html"), "200005.html".to_owned(), "200006.html".to_owned()];
    want.sort();
    assert_eq!(made, want);
    let bob = std::fs::read_to_string(users.join("200006.html")).unwrap();
    check_markup(&bob);
    assert!(bob.contains("Disk usage of bob") && !bob.contains("200005"));
}

#[test]
fn pages_are_published_by_the_command_and_by_a_configured_scan() {
    let place = scratch();
    let to = published(place.path(), &[]);
    let output = report(&["--from", &to, "--publish"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let latest = Path::new(&to).join("report/prod/latest.html");
    let first = std::fs::read_to_string(&latest).unwrap();
    check_markup(&first);
    assert!(Path::new(&to).join("report/prod/users/200006.html").exists());

    published(place.path(), &["--publish-report"]);
    let second = std::fs::read_to_string(&latest).unwrap();
    let run = |page: &str| efs_scan::published::run_of_page(page.as_bytes()).map(str::to_owned);
    assert!(run(&second) > run(&first), "the page is of the new run");
    // The page has both runs.
    assert!(second.contains("The chart as a table"));
}

#[test]
fn errors_are_one_line() {
    let place = scratch();
    let to = published(place.path(), &[]);
    let empty = place.path().join("empty");
    let (empty, there) = (empty.to_str().unwrap(), place.path().to_str().unwrap());
    let html = place.path().join("x.html");
    let html = html.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--html", html], 2, "where are runs published?"),
        (&["--from", empty, "--html", html], 1, "nothing is published there yet"),
        (&["--from", &to, "--html", there], 2, "not a regular file"),
        (&["--from", &to, "--html", "/nowhere/x.html"], 2, "--html /nowhere/x.html"),
        (&["--from", "gs://x", "--html", html], 2, "publish to s3://BUCKET/PREFIX"),
    ];
    for (args, code, said) in cases {
        let output = report(args);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {line}");
        assert!(line.contains(said) && line.lines().count() == 1, "{args:?}: {line}");
    }
    assert!(!Path::new(html).exists());
    assert_eq!(report(&["--from", &to]).status.code(), Some(2), "nothing is asked for");
    // latest/prod.json names a report that does not exist.
    std::fs::remove_dir_all(Path::new(&to).join("runs")).unwrap();
    let output = report(&["--from", &to, "--html", html]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("is gone, which ") && said.contains("latest/prod.json names"), "{said}");
}
