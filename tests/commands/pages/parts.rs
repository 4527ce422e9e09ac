//! The parts of a home in the treemap, from real scans.

use std::path::Path;
use std::time::Duration;

use efs_scan_testbed::*;

/// Scans, publishes and renders the page; returns the titles in the treemap with their sizes.
fn parts(root: &Path, more: &[&str]) -> Vec<String> {
    let scratch = scratch();
    let place = scratch.path();
    let to = place.join("to");
    let mut command = efs_scan();
    command.arg(root).args(["--quiet", "--publish"]).arg(&to).args(more);
    command.arg("--state-dir").arg(place.join("state"));
    assert_eq!(watched(&mut command, Duration::from_secs(60)).status.code(), Some(0));
    let html = place.join("page.html");
    let output = run(["report", "--from", to.to_str().unwrap(), "--html", html.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let page = std::fs::read_to_string(html).unwrap();
    let titles = page.split("<title>").skip(1).map(|rest| rest.split_once('<').unwrap().0);
    titles.map(str::to_owned).collect()
}

/// Returns the treemap's title of a part, for one home.
#[track_caller]
fn size_of<'a>(parts: &'a [String], path: &str) -> &'a str {
    let found = parts.iter().find_map(|title| title.strip_prefix(&format!("200010, {path}: ")));
    found.unwrap_or_else(|| panic!("{path} is not in {parts:#?}"))
}

#[test]
fn hard_links_within_a_home_hide_nothing() {
    let scratch = scratch();
    let root = scratch.path();
    let home = root.join("200010");
    file(&home, ".cache/uv/a/w", 5_000_000);
    file(&home, "proj/.venv/pyvenv.cfg", 1);
    std::fs::create_dir(home.join("proj/.venv/lib")).unwrap();
    std::fs::hard_link(home.join(".cache/uv/a/w"), home.join("proj/.venv/lib/w")).unwrap();
    file(&home, "work/data", 3 << 20);
    file(&home, ".cache/pip/x", 2 << 20);
    // A finding that contains the two others of the cache and excludes them from its size.
    file(&home, ".cache/foo/x", 1 << 20);
    let parts = parts(root, &[]);
    // Contents and directories, as far as file systems agree on sizes of directories.
    for (path, size) in [("work", "3.0 MiB (rest)"), (".cache/pip", "2.0 MiB (cache)")] {
        assert_eq!(size_of(&parts, path), size, "{parts:#?}");
    }
    assert!(size_of(&parts, ".cache/foo").ends_with("MiB (cache)"), "{parts:#?}");
    assert!(size_of(&parts, "proj/.venv").ends_with("MiB (environment)"), "{parts:#?}");
    // The environment's usage is not counted again.
    assert!(size_of(&parts, ".cache/uv").ends_with("KiB (cache)"), "{parts:#?}");
}

#[test]
fn hard_links_between_homes_hide_nothing() {
    let scratch = scratch();
    let root = scratch.path();
    file(root, "200005/.cache/pip/x", 4 << 20);
    std::fs::create_dir_all(root.join("200010/.cache/pip")).unwrap();
    std::fs::hard_link(root.join("200005/.cache/pip/x"), root.join("200010/.cache/pip/x")).unwrap();
    file(root, "200010/app/package.json", 1);
    file(root, "200010/app/node_modules/x.js", 2 << 20);
    let parts = parts(root, &[]);
    assert_eq!(size_of(&parts, "app/node_modules"), "2.0 MiB (cache)", "{parts:#?}");
}

#[test]
fn files_outside_homes_are_shown_by_their_path() {
    let scratch = scratch();
    let root = scratch.path();
    file(root, "200010/a", 1);
    let deleted = ".nfs000000000000123400000001";
    file(root, deleted, 2 << 20);
    let parts = parts(root, &[]);
    let title = format!("(outside homes), {deleted}: 2 MiB (trash)");
    let part = |other: &String| *other == title;
    assert!(parts.iter().any(part), "{parts:#?}");
}

#[test]
fn a_root_that_is_a_home_keeps_dots_in_names() {
    let scratch = scratch();
    let root = scratch.path();
    file(root, ".cache/pip/x", 2 << 20);
    let parts = parts(root, &["--home-depth=0"]);
    let part = |title: &String| title.ends_with(", .cache/pip: 2.0 MiB (cache)");
    assert!(parts.iter().any(part), "{parts:#?}");
}

#[test]
fn the_root_is_no_environment() {
    let scratch = scratch();
    let root = scratch.path();
    file(root, "pyvenv.cfg", 1);
    file(root, "lib/x", 1 << 20);
    let parts = parts(root, &["--home-depth=0"]);
    let part = |title: &String| title.ends_with(", lib: 1.0 MiB (rest)");
    assert!(parts.iter().any(part), "{parts:#?}");
}
