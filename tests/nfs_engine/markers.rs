//! Rules that look into directories: the findings match the posix engine's on an equal tree.

use std::path::Path;
use std::sync::Arc;

use efs_scan_testbed::nfs_server::{Config, Fault, Model, Node, Op, Status, What};
use serde_json::{Value, json};

use super::walk::{assert_left, assert_polite, engine, program, serve, walk};
use efs_scan_testbed::{file, home, report, scratch};

const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n";

/// Adds the same files on disk and to the model.
struct Both<'a> {
    root: &'a Path,
    model: &'a Model,
}

impl Both<'_> {
    fn data(&self, path: &str, data: &[u8]) {
        file(self.root, path, 0);
        std::fs::write(self.root.join(path), data).unwrap();
        self.model.add(path, Node::data(data));
    }

    fn dir(&self, path: &str) {
        std::fs::create_dir_all(self.root.join(path)).unwrap();
        self.model.add(path, Node::dir());
    }
}

/// Returns path, rule and inodes of each finding of a home.
fn findings(report: &Value, name: &str) -> Vec<(String, String, u64)> {
    let mut all: Vec<_> = home(report, name)["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            (text("path"), text("rule"), finding["usage"]["inodes"].as_u64().unwrap())
        })
        .collect();
    all.sort();
    all
}

/// Directories and inodes of each rule in total, listed as findings or not.
fn rules(report: &Value, name: &str) -> Vec<(String, Value, Value)> {
    let rules = home(report, name)["rules"].as_array().unwrap().iter();
    let mut all: Vec<_> = rules
        .map(|rule| {
            let id = rule["rule"].as_str().unwrap().to_owned();
            (id, rule["places"].clone(), rule["usage"]["inodes"].clone())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Checks that both engines report the same for `name`, with `places` findings.
#[track_caller]
fn same(make: impl Fn(&Both<'_>), name: &str, places: u64) {
    let dir = scratch();
    let model = Arc::new(Model::new());
    make(&Both { root: dir.path(), model: &model });
    for config in [
        Config::default(),
        // Operations for one marker per request; entries in many replies.
        Config { max_operations: 4, max_readdir: Some(3000), ..Config::default() },
    ] {
        let server = serve(config, &model);
        let nfs = program(&server, &["--top=100"], 0);
        let posix = report(dir.path(), ["--engine", "posix", "--top=100"], 0);
        assert_eq!(findings(&nfs, name), findings(&posix, name));
        assert_eq!(rules(&nfs, name), rules(&posix, name));
        let found = rules(&nfs, name).iter().filter_map(|rule| rule.1.as_u64()).sum::<u64>();
        assert_eq!(found, places, "{:?}", rules(&nfs, name));
        for key in ["files", "dirs", "apparent_bytes"] {
            if key != "apparent_bytes" {
                assert_eq!(nfs["totals"][key], posix["totals"][key], "{key}");
            }
        }
        assert_polite(&server);
        assert_left(&server);
    }
}

#[test]
fn markers_match_those_on_disk() {
    let make = |both: &Both<'_>| {
        both.data("200005/tagged/CACHEDIR.TAG", SIGNATURE);
        both.data("200005/tagged/sub/x", b"x");
        both.data("200005/unsigned/CACHEDIR.TAG", b"Signature: of somebody else's");
        both.data("200005/short/CACHEDIR.TAG", &SIGNATURE[..20]);
        both.data("200005/empty/CACHEDIR.TAG", b"");
        both.dir("200005/a-directory/CACHEDIR.TAG");
        both.data("200005/project/venv/CACHEDIR.TAG", SIGNATURE);
        both.data("200005/project/venv/pyvenv.cfg", b"home = /usr");
        both.data("200005/web/package.json", b"{}");
        both.data("200005/web/node_modules/left-pad/index.js", b"x");
        both.data("200005/no-web/node_modules/left-pad/index.js", b"x");
        both.data("200005/rust/Cargo.toml", b"");
        both.data("200005/rust/target/CACHEDIR.TAG", SIGNATURE);
        both.data("200005/rust/target/debug/x", b"x");
    };
    same(make, "200005", 4);
}

#[test]
fn markers_of_a_directory_counted_in_parts_match() {
    let make = |both: &Both<'_>| {
        for at in 0..5000 {
            both.dir(&format!("200005/wide/{at:04}"));
        }
        for at in (0..5000).step_by(500) {
            both.data(&format!("200005/wide/{at:04}/CACHEDIR.TAG"), SIGNATURE);
            both.data(&format!("200005/wide/{at:04}/node_modules/x"), b"x");
        }
        both.dir("200005/wide/node_modules");
        both.data("200005/wide/node_modules/x", b"x");
        // After the first parts of the listing.
        both.data("200005/wide/package.json", b"{}");
    };
    // The disk's order differs: other markers are read, with the same result.
    same(make, "200005", 11);
}

#[test]
fn a_marker_listed_last_claims_earlier_entries() {
    let make = |both: &Both<'_>| {
        for at in 0..1500 {
            both.dir(&format!("200005/tagged/{at:04}"));
        }
        both.data("200005/tagged/CACHEDIR.TAG", SIGNATURE);
    };
    same(make, "200005", 1);
}

fn tagged() -> Arc<Model> {
    let model = Model::new();
    model.add("200005/tagged/CACHEDIR.TAG", Node::data(SIGNATURE));
    model.add("200005/beside/CACHEDIR.TAG", Node::data(SIGNATURE));
    Arc::new(model)
}

#[test]
fn an_unreadable_marker_is_an_error() {
    for (op, status, kind) in
        [(Op::READ, Status::IO, "input_output"), (Op::LOOKUP, Status::ACCESS, "permission_denied")]
    {
        let server = serve(Config::default(), &tagged());
        server.fault(Fault::status(op, status).times(1));
        let report = program(&server, &["--threads=1"], 3);
        let sample = &report["errors"]["samples"][0];
        assert_eq!((&sample["op"], &sample["kind"]), (&json!("read"), &json!(kind)), "{sample}");
        assert_eq!(report["errors"]["count"], 1);
        assert_eq!(findings(&report, "200005").len(), 1);
        assert_polite(&server);
    }
}

#[test]
fn a_removed_marker_does_not_count() {
    for path in ["200005/tagged/CACHEDIR.TAG", "200005/tagged"] {
        let model = tagged();
        let server = serve(Config::default(), &model);
        let theirs = Arc::clone(&model);
        let remove = What::call(move || theirs.remove(path));
        // Read by PUTFH, LOOKUP, READ.
        let name = "CACHEDIR.TAG";
        server.fault(Fault::operation(Op::LOOKUP, remove).named(name));
        let outcome = walk(&engine(&server)).unwrap();
        assert_eq!(outcome.count, 0, "{outcome:?}");
        assert_polite(&server);
        assert_left(&server);
    }
}

#[test]
fn marker_reads_survive_faults() {
    for status in [Status::DELAY, Status::GRACE, Status::SERVERFAULT] {
        for op in [Op::LOOKUP, Op::READ] {
            let server = serve(Config::default(), &tagged());
            server.fault(Fault::status(op, status).times(3));
            assert_eq!(findings(&program(&server, &[], 0), "200005").len(), 2);
            assert_eq!(server.faults_fired(), 3);
            assert_left(&server);
        }
    }
    for what in [What::DropAfter, What::Truncated, What::Twice, What::Garbage] {
        let server = serve(Config::default(), &tagged());
        server.fault(Fault::operation(Op::READ, what).times(2));
        assert_eq!(findings(&program(&server, &[], 0), "200005").len(), 2);
        assert_eq!(server.faults_fired(), 2);
        assert_polite(&server);
    }
}
