//! Unusual trees: the nfs engine finds what a mount shows.

use std::sync::Arc;

use efs_scan::stop::Stop;
use efs_scan::usage::Mounts;
use efs_scan_testbed::nfs_server::{Config, Kind, Model, Node, Op, Status};
use serde_json::json;

use super::walk::{
    assert_left, assert_polite, assert_whole, engine, program, serve, sums_but, walk, walk_until,
};
use efs_scan_testbed::{ODD_NAME, home};

/// Checks that everything is found.
#[track_caller]
fn whole(model: Model) {
    let model = Arc::new(model);
    let server = serve(Config::default(), &model);
    let outcome = walk(&engine(&server)).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_left(&server);
}

/// Adds hard links within a home and between homes, and files of every kind.
fn add_links_and_kinds(model: &Model) {
    model.add("200005/a/f", Node::file(10_000).owner(200_005));
    model.link("200005/a/f", "200005/b");
    model.link("200005/a/f", "200006/c");
    model.add("200006/sparse", Node::file(1 << 40).used(8192));
    model.add("200006/odd-blocks", Node::file(700).used(700));
    model.add("200006/symlink", Node::symlink(30));
    for kind in [Kind::Fifo, Kind::Socket, Kind::Block, Kind::Char] {
        model.add(format!("200006/{kind:?}"), Node::new(kind));
    }
    model.add("200006/old", Node::file(1).mtime(-1));
    model.add("200006/empty", Node::dir());
}

/// Adds a directory of 30,000 entries, and 300 levels of directories.
fn add_wide_and_deep(model: &Model) {
    for at in 0..30_000 {
        model.add(format!("200005/wide/entry-{at}"), Node::file(at));
    }
    let mut path = "200006".to_owned();
    for at in 0..300 {
        path.push_str(&format!("/{at}"));
        model.add(&path, Node::dir());
        model.add(format!("{path}/f"), Node::file(1));
    }
}

fn add_odd_names(model: &Model) {
    model.add([b"200005/", ODD_NAME].concat(), Node::file(5000));
    model.add([b"200005/dir-", ODD_NAME, b"/x"].concat(), Node::file(1));
    model.add(format!("200005/{}", "n".repeat(255)), Node::file(1));
}

/// Makes a tree with everything that is hard to count.
#[cfg(feature = "tls")]
pub(crate) fn of_every_kind() -> Arc<Model> {
    let model = Model::new();
    add_links_and_kinds(&model);
    add_wide_and_deep(&model);
    add_odd_names(&model);
    Arc::new(model)
}

#[test]
fn links_sparse_and_special_files_count_as_on_a_mount() {
    let model = Model::new();
    add_links_and_kinds(&model);
    whole(model);
}

#[test]
fn wide_and_deep_directories_are_complete() {
    let model = Model::new();
    add_wide_and_deep(&model);
    whole(model);
}

#[test]
fn an_empty_root_is_complete() {
    whole(Model::new());
}

#[test]
fn names_are_bytes() {
    let model = Arc::new(Model::new());
    add_odd_names(&model);
    let server = serve(Config::default(), &model);
    let report = program(&server, &[], 0);
    assert_eq!(report["totals"]["files"], 3);
    let largest = &home(&report, "200005")["largest_files"][0];
    assert!(largest["path_base64"].is_string(), "{largest}");
    assert_polite(&server);
}

#[test]
fn a_closed_directory_is_an_error_with_its_path() {
    let model = Arc::new(Model::new());
    model.add("200005/closed/below", Node::file(1));
    model.update("200005/closed", |node| node.mode = 0);
    model.add("200005/beside", Node::file(1));
    let server = serve(Config::default(), &model);
    let report = program(&server, &[], 3);
    assert_eq!(report["run"]["coverage"], "partial");
    let sample = &report["errors"]["samples"][0];
    assert_eq!(sample["path"], "200005/closed");
    assert_eq!(sample["kind"], "permission_denied");
    assert_eq!(report["errors"]["count"], 1);
    assert_eq!((&report["totals"]["files"], &report["totals"]["dirs"]), (&json!(1), &json!(3)));
    assert_left(&server);
}

#[test]
fn missing_attributes_are_errors_with_the_entrys_name() {
    let model = Arc::new(Model::new());
    for (name, status) in [("acc", Status::ACCESS), ("io", Status::IO), ("mv", Status::MOVED)] {
        model.add(format!("200005/{name}"), Node::file(5).no_attrs(status));
    }
    model.add("200005/gone", Node::file(5).no_attrs(Status::NOENT));
    model.add("200005/there", Node::file(5));
    let server = serve(Config::default(), &model);
    let outcome = walk(&engine(&server)).unwrap();
    let found: Vec<_> = outcome.errors.iter().map(|(path, op, _)| (&**path, *op)).collect();
    assert_eq!(found, [("200005/acc", "stat"), ("200005/io", "stat"), ("200005/mv", "stat")]);
    assert_eq!((outcome.vanished, outcome.sums[0]), (1, 1));
    assert!(outcome.errors[2].2.contains("NFS4ERR_MOVED"), "{outcome:?}");
    assert_polite(&server);
}

#[test]
fn owners_can_be_names() {
    let model = Arc::new(Model::new());
    model.add("0/a", Node::file(4096).owner_name("root@localdomain"));
    model.add("0/b", Node::file(4096).owner_name("nobody-here@example.com"));
    model.add("0/c", Node::file(4096).owner_name("0"));
    model.add("0/d", Node::file(4096).owner(200_005));
    let server = serve(Config::default(), &model);
    let report = program(&server, &[], 0);
    // The home's own directory, a and c belong to root.
    let home = home(&report, "0");
    let usage = &home["usage"];
    assert_eq!((&usage["files"], &usage["allocated_bytes"]), (&json!(4), &json!(5 * 4096)));
    assert_eq!(home["foreign"]["inodes"], 2, "{home}");
}

#[test]
fn nested_file_systems_are_entered_only_on_request() {
    let model = Arc::new(Model::new());
    model.add("200005/here", Node::file(1));
    model.add("200005/nested", Node::dir().root_of((7, 0)));
    model.add("200005/nested/there", Node::file(1));
    model.add("nested-home", Node::dir().root_of((8, 0)));
    model.add("nested-home/there", Node::file(1));
    let server = serve(Config::default(), &model);
    let outcome = walk(&engine(&server)).unwrap();
    assert_eq!(outcome.sums, sums_but(&model, &["200005/nested", "nested-home"]));
    assert_eq!(outcome.count, 0);
    let report = program(&server, &[], 0);
    assert_eq!(report["left_out"]["mounts"], 2, "{}", report["left_out"]);
    let stop = Arc::new(Stop::default());
    let outcome = walk_until(&engine(&server), &stop, Mounts::Cross).unwrap();
    assert_whole(&server, &model, &outcome);
    let report = program(&server, &["--cross-mounts"], 0);
    assert_eq!(report["totals"]["files"], 3);
}

/// Directory listings include the owners: finding a user's other directories lists the root once
/// more, and no home.
#[test]
fn a_scan_of_one_user_finds_other_directories_of_that_user() {
    let model = Arc::new(Model::new());
    for (home, uid) in [("200005", 200_005), ("proj", 200_005), ("other", 200_006)] {
        model.add(home, Node::dir().owner(uid));
        model.add(format!("{home}/sub/f"), Node::file(1).owner(uid));
    }
    let server = serve(Config::default(), &model);
    let report = program(&server, &["--user", "200005", "--sort", "name"], 0);
    let names = report["homes"].as_array().unwrap().iter().map(|home| &home["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["200005", "proj"]);
    assert_eq!(report["totals"]["files"], 2);
    let counts = server.counts();
    assert_eq!(counts.of(Op::READDIR), 2 + 2 * 2, "the root twice, two homes with a directory");
    assert_eq!(counts.of(Op::LOOKUP), 0);
    assert_left(&server);
}

#[test]
fn a_path_below_the_servers_root_can_be_the_root() {
    let model = Arc::new(Model::new());
    model.add("export/a b/200005/f", Node::file(1));
    model.add("export/beside", Node::file(1));
    let server = serve(Config::default(), &model);
    let mut engine = engine(&server);
    engine.target = format!("nfs://{}/export/a%20b/", server.address()).parse().unwrap();
    let outcome = walk(&engine).unwrap();
    assert_eq!((outcome.sums[0], outcome.sums[1]), (1, 2));
    assert_left(&server);
}
