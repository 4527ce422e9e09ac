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
    assert!(bob.contains("<h1>Disk usage of bob on prod</h1>") && !bob.contains("200005"));
    assert!(page.contains("<h1>Disk usage of prod</h1>"));
}

/// A uid may have a home on several file systems.
#[test]
fn pages_of_users_of_another_file_system_have_their_own_place() {
    let place = scratch();
    let to = published(place.path(), &[]);
    let users = place.path().join("users");
    let pages = |of: &str| {
        let arguments = ["--from", &to, "--file-system", of, "--users", users.to_str().unwrap()];
        let output = report(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    pages("prod");
    let first = std::fs::read(users.join("200005.html")).unwrap();
    published(place.path(), &["--name=lab"]);
    pages("lab");
    assert_eq!(std::fs::read(users.join("200005.html")).unwrap(), first);
    assert!(users.join("lab/200005.html").exists());
    // The first one keeps its place, and a new directory has a place for each.
    pages("prod");
    assert!(!users.join("prod").exists());
    std::fs::remove_dir_all(&users).unwrap();
    pages("prod");
    assert!(users.join("prod/200005.html").exists() && !users.join("200005.html").exists());
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

/// Publishes several file systems at once, each with its pages, from a process of its own.
fn several(place: &Path, keys: &[&str]) -> String {
    let to = place.join("to").to_str().unwrap().to_owned();
    std::thread::scope(|scope| {
        for (at, key) in keys.iter().enumerate() {
            let to = &to;
            scope.spawn(move || {
                let root = place.join(key);
                file(&root, "200005/.cache/pip/a", 300_000 + 100_000 * at);
                let mut command = efs_scan();
                command.arg(&root).args(["--name", key, "--publish", to, "--publish-report"]);
                command.arg("--state-dir").arg(place.join(format!("state-{key}")));
                let output = watched(&mut command, Duration::from_secs(120));
                assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            });
        }
    });
    to
}

fn index(to: &str) -> String {
    let page = std::fs::read_to_string(Path::new(to).join("report/index.html")).unwrap();
    check_markup(&page);
    page
}

#[test]
fn four_publishers_at_once_end_with_a_page_of_all_four() {
    let place = scratch();
    let keys = ["dev", "prod", "shared", "stage"];
    let to = several(place.path(), &keys);
    let page = index(&to);
    assert!(page.contains("Disk usage of 4 file systems"));
    for key in keys {
        assert!(page.contains(&format!("<a href=\"{key}/latest.html\">{key}</a>")), "{key}");
        assert!(Path::new(&to).join(format!("report/{key}/latest.html")).exists());
    }
}

#[test]
fn a_page_of_several_file_systems_is_made_by_the_command() {
    let place = scratch();
    let to = several(place.path(), &["prod", "stage"]);
    let html = place.path().join("all.html");
    let html = html.to_str().unwrap();
    let made = |more: &[&str], code: i32| {
        let output = report(&[&["--from", &to], more].concat());
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        stderr(&output)
    };
    made(&["--html", html], 0);
    let page = std::fs::read_to_string(html).unwrap();
    check_markup(&page);
    assert!(page.contains("Disk usage of 2 file systems") && !page.contains("latest.html"));
    // One that is chosen has the page of its homes.
    made(&["--html", html, "--file-system", "stage"], 0);
    assert!(std::fs::read_to_string(html).unwrap().contains("id=\"homes\""));
    let users = place.path().join("users");
    for more in [["--users", users.to_str().unwrap()], ["--user", "200005"]] {
        let said = made(&[&["--html", html], &more[..]].concat(), 2);
        assert!(said.contains("prod, stage") && said.contains("--file-system"), "{said}");
    }
    // Publishing makes the pages of all, and their index.
    std::fs::remove_dir_all(Path::new(&to).join("report")).unwrap();
    made(&["--publish"], 0);
    assert!(index(&to).contains("href=\"prod/latest.html\""));
    // A broken one is named, and the others are shown.
    std::fs::write(Path::new(&to).join("latest/prod.json"), "garbage").unwrap();
    let said = made(&["--publish"], 1);
    assert!(said.contains("latest/prod.json"), "{said}");
    assert!(index(&to).contains("The newest run cannot be read of prod."));
    made(&["--html", html], 3);
    assert!(std::fs::read_to_string(html).unwrap().contains("not readable"));
}

#[test]
fn one_file_system_has_the_page_of_all_at_the_same_address() {
    let place = scratch();
    let to = several(place.path(), &["prod"]);
    let page = index(&to);
    assert!(page.contains("Disk usage of prod") && page.contains("href=\"prod/latest.html\""));
    // Pages of one person leave it as it is.
    std::fs::remove_file(Path::new(&to).join("report/index.html")).unwrap();
    let output = report(&["--from", &to, "--publish", "--user", "200005"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!Path::new(&to).join("report/index.html").exists());
}
