//! The table of directories of random trees in which some directories are closed: the same file at any
//! number of requests in flight, with the rows of the same tree whose closed directories are empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use efs_scan_testbed::nfs_server::{Config, Model, Node, Server};
use efs_scan_testbed::{report, scratch};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use super::dirs_rows::{adds_up, read};
use super::walk::{assert_left, assert_polite, serve};

/// Names of homes, and of what is in them; no rule applies to these.
const HOMES: &[&[u8]] = &[b"200005", b"200006", b"zoe"];
const NAMES: &[&[u8]] = &[b"a", b"b", b"c", b"d\xff\n,<b>"];

/// An entry to make. It is left out if something else is in the way.
#[derive(Clone, Debug)]
enum What {
    Dir,
    File(u64),
    /// A hard link to one of the files made so far.
    Link(prop::sample::Index),
    /// A directory that nobody may read.
    Closed,
}

type Op = (Vec<&'static [u8]>, What);

fn op() -> impl Strategy<Value = Op> {
    let below = prop::collection::vec(prop::sample::select(NAMES), 0..5);
    let what = prop_oneof![
        1 => Just(What::Dir),
        4 => prop::sample::select(&[0, 100, 5000, 70_000][..]).prop_map(What::File),
        4 => any::<prop::sample::Index>().prop_map(What::Link),
        2 => Just(What::Closed),
    ];
    (prop::sample::select(HOMES), below, what).prop_map(|(home, mut path, what)| {
        path.insert(0, home);
        (path, what)
    })
}

/// A tree as a list of its entries, each after the directory that it is in.
#[derive(Default)]
struct Tree {
    entries: Vec<(Vec<u8>, Entry)>,
    kinds: BTreeMap<Vec<u8>, bool>,
}

#[derive(Clone)]
enum Entry {
    Dir { closed: bool },
    File { size: u64, mtime: i64 },
    Link(Vec<u8>),
}

impl Tree {
    fn of(ops: &[Op]) -> Self {
        let mut tree = Self::default();
        let mut files: Vec<Vec<u8>> = Vec::new();
        for (at, (path, what)) in ops.iter().enumerate() {
            let (_, above) = path.split_last().expect("a home");
            if !(1..=above.len()).all(|len| tree.dir(above[..len].join(&b'/'))) {
                continue;
            }
            let path = path.join(&b'/');
            if tree.kinds.contains_key(&path) {
                continue;
            }
            let entry = match what {
                What::Dir => Entry::Dir { closed: false },
                What::Closed => Entry::Dir { closed: true },
                What::File(size) => {
                    files.push(path.clone());
                    Entry::File { size: *size, mtime: 1_700_000_000 + at as i64 * 9_000_000 }
                }
                What::Link(_) if files.is_empty() => continue,
                What::Link(index) => Entry::Link(files[index.index(files.len())].clone()),
            };
            tree.push(path, entry);
        }
        tree
    }

    fn push(&mut self, path: Vec<u8>, entry: Entry) {
        self.kinds.insert(path.clone(), matches!(entry, Entry::Dir { .. }));
        self.entries.push((path, entry));
    }

    /// Makes the directory if nothing is there. Returns false if there is something else.
    fn dir(&mut self, path: Vec<u8>) -> bool {
        if let Some(is_dir) = self.kinds.get(&path) {
            return *is_dir;
        }
        self.push(path, Entry::Dir { closed: false });
        true
    }

    /// The directories that cannot be read, but for those in others.
    fn closed(&self) -> Vec<&[u8]> {
        let closed =
            self.entries.iter().filter(|entry| matches!(entry.1, Entry::Dir { closed: true }));
        let closed: Vec<&[u8]> = closed.map(|entry| &*entry.0).collect();
        let is_seen = |path: &&[u8]| !closed.iter().any(|above| is_in(path, above));
        closed.iter().copied().filter(is_seen).collect()
    }

    /// Makes the tree below `export`: as it is, or with closed directories that are open and empty, because
    /// what was in them is beside `export`. Links count alike in both.
    fn model(&self, emptied: bool) -> Arc<Model> {
        let model = Model::new();
        model.add("export", Node::dir());
        model.add("hidden", Node::dir());
        let closed = self.closed();
        let place = |path: &[u8]| {
            let hidden = emptied && closed.iter().any(|above| is_in(path, above));
            [if hidden { b"hidden/".as_slice() } else { b"export/" }, path].concat()
        };
        for (path, entry) in &self.entries {
            let to = place(path);
            match entry {
                Entry::Dir { closed } => {
                    let mode = if *closed && !emptied { 0 } else { 0o755 };
                    model.add(to, Node::dir().mode(mode));
                }
                Entry::File { size, mtime } => {
                    model.add(to, Node::file(*size).mtime(*mtime));
                }
                Entry::Link(old) => model.link(place(old), to),
            }
        }
        Arc::new(model)
    }
}

fn is_in(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn scan(server: &Server, table: &Path, (min, threads): (&str, &str), code: i32) -> Value {
    let url = format!("nfs://{}/export", server.address());
    let dirs = format!("--dirs={}", table.display());
    let args = ["--engine=nfs", "--nfs-uid=0", "--dirs-min", min, "--threads", threads, &*dirs];
    report(url.as_ref(), args, code)
}

fn check(ops: &[Op], min: &str) -> Result<(), TestCaseError> {
    let tree = Tree::of(ops);
    let place = scratch();
    let table = place.path().join("dirs.parquet");
    let closed = tree.closed().len();
    let (real, emptied) = (tree.model(false), tree.model(true));
    let server = serve(Config::default(), &real);
    let mut first: Option<Vec<u8>> = None;
    for threads in ["1", "2", "64"] {
        let report = scan(&server, &table, (min, threads), if closed > 0 { 3 } else { 0 });
        prop_assert_eq!(report["errors"]["count"].as_u64(), Some(closed as u64));
        adds_up(&read(&table), &report);
        let bytes = std::fs::read(&table).unwrap();
        prop_assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "{}", threads);
    }
    assert_polite(&server);
    assert_left(&server);
    let rows = read(&table);
    let server = serve(Config::default(), &emptied);
    let report = scan(&server, &table, (min, "8"), 0);
    let want = read(&table);
    adds_up(&want, &report);
    for (got, want) in rows.iter().zip(&want) {
        prop_assert_eq!(got, want);
    }
    prop_assert_eq!(rows.len(), want.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").map_or(16, |number| number.parse().unwrap()),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_cannot_be_read_has_no_rows_and_nothing_else_differs(
        ops in prop::collection::vec(op(), 1..40),
        min in prop::sample::select(&["0", "12000", "90000", "1MiB"][..]),
    ) {
        check(&ops, min)?;
    }
}
