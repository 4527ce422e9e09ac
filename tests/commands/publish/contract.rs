//! The contract of every store, and of publishing to it. Tests pass an empty store. This module is
//! independent of the other test modules, so it runs on any store.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::Command;
use std::sync::OnceLock;

use efs_scan::outbox::{Pointed, publish};
use efs_scan::published::{DU_LATEST, Keys};
use efs_scan::report::{DuNames, Report, du};
use efs_scan::service_error::{ServiceError, ServiceResult, Trouble};
use efs_scan::store::{Condition, Object, Put, ReadSize, Store, Version};
use serde_json::{Value, json};

/// Returns the JSON report of a small tree.
fn scanned() -> &'static Value {
    static SCANNED: OnceLock<Value> = OnceLock::new();
    SCANNED.get_or_init(|| {
        let tree = tempfile::tempdir().unwrap();
        for home in ["200005", "200006"] {
            std::fs::create_dir_all(tree.path().join(home)).unwrap();
            std::fs::write(tree.path().join(home).join("file"), "text").unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_efs-scan"));
        let command = command.arg(tree.path()).args(["--format=json", "--quiet", "--no-publish"]);
        let output = command.env("EFS_SCAN_CONFIG", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// Key of the summary of the reports' file system.
pub(crate) const LATEST: &str = "latest/prod.json";

/// Key of its newest run in the form of `du`.
pub(crate) const DU: &str = "du/prod.txt";

/// Returns the report of a run at that minute, with a size that identifies it.
pub(crate) fn report_at(minute: u32) -> Report {
    let mut json = scanned().clone();
    json["run"]["identity"] = json!({ "key": "prod" });
    json["run"]["id"] = format!("20260301T00{minute:02}00.000000Z").into();
    json["run"]["started"] = format!("2026-03-01T00:{minute:02}:00Z").into();
    json["totals"]["allocated_bytes"] = (u64::from(minute + 1) << 20).into();
    serde_json::from_value(json).unwrap()
}

/// Returns all objects of a store.
pub(crate) fn everything(store: &dyn Store) -> BTreeMap<String, Object> {
    let get = |key: String| {
        let object = store.get(&key).unwrap().unwrap_or_else(|| panic!("{key} is listed"));
        (key, object)
    };
    store.list("", "").unwrap().keys.into_iter().map(get).collect()
}

/// Checks that the run exists and that everything points to it.
pub(crate) fn assert_points_to(store: &dyn Store, report: &Report) {
    assert_named(store, report);
    let text = String::from_utf8(store.get(DU_LATEST).unwrap().unwrap().bytes).unwrap();
    assert_eq!(text, String::from_utf8(du(report, DuNames::Raw)).unwrap(), "{DU_LATEST}");
}

/// Checks that the run exists, and that its file system's objects belong to it.
pub(crate) fn assert_named(store: &dyn Store, report: &Report) {
    let latest = store.get(LATEST).unwrap().unwrap();
    let latest: Value = serde_json::from_slice(&latest.bytes).unwrap();
    assert_eq!(latest["run"]["id"], *report.run.id);
    assert_there(store, report);
    let want = String::from_utf8(du(report, DuNames::Raw)).unwrap();
    let text = String::from_utf8(store.get(DU).unwrap().unwrap().bytes).unwrap();
    assert_eq!(text, want, "{DU} is of the run that {LATEST} names");
}

/// Checks that the objects of the run exist and are complete.
pub(crate) fn assert_there(store: &dyn Store, report: &Report) {
    let keys = Keys::of(report);
    let run = store.get(&keys.run).unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&run.bytes).unwrap(), *report);
    for key in [&keys.homes, &keys.findings] {
        let table = store.get(key).unwrap().unwrap();
        let is_whole = table.bytes.starts_with(b"PAR1") && table.bytes.ends_with(b"PAR1");
        assert!(is_whole, "{key}");
    }
}

/// Checks everything.
pub(crate) fn contract(store: &dyn Store) {
    assert_eq!(
        store.list("", "").unwrap().keys,
        Vec::<String>::new(),
        "an empty store was asked for"
    );
    objects_change_only_as_the_condition_says(store);
    an_object_may_be_made_piece_by_piece(store);
    only_what_is_discarded_may_go(store);
    versions_differ_between_contents(store);
    keys_are_listed_in_order_after_a_known_key(store);
    objects_arrive_in_the_requested_order(store);
    a_check_leaves_nothing(store);
    what_is_not_ours_stays(store);
    runs_are_published_once_and_in_order(store);
}

fn objects_change_only_as_the_condition_says(store: &dyn Store) {
    let key = "contract/dt=2026-03-01/an object.json";
    let bytes = || store.get(key).unwrap().map(|object| object.bytes);
    let put = |bytes: &[u8], condition: Condition| store.put(key, bytes, condition).unwrap();
    assert_eq!(bytes(), None);
    let never = Version("\"00000000000000000000000000000000\"".to_owned());
    assert_eq!(put(b"x", Condition::Unchanged(never)), Put::Conflict, "there is none");
    assert_eq!(bytes(), None);
    assert_eq!(put(b"one", Condition::Absent), Put::Done);
    assert_eq!(put(b"two", Condition::Absent), Put::Conflict);
    assert_eq!(bytes().unwrap(), b"one");
    let one = store.get(key).unwrap().unwrap();
    assert_eq!(store.get(key).unwrap().unwrap(), one, "reading changes nothing");
    assert_eq!(put(b"two", Condition::Unchanged(one.version.clone())), Put::Done);
    assert_eq!(put(b"six", Condition::Unchanged(one.version.clone())), Put::Conflict);
    assert_eq!(bytes().unwrap(), b"two");
    assert_ne!(store.get(key).unwrap().unwrap().version, one.version);
    // Every byte, no bytes, and many bytes.
    let many: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    for content in [&b""[..], b"\r\n\0\xff", &many] {
        let seen = store.get(key).unwrap();
        assert_eq!(put(content, Condition::since(seen.as_ref())), Put::Done);
        assert_eq!(bytes().unwrap(), content);
    }
    assert_eq!(store.get("contract/dt=2026-03-01/an object").unwrap(), None, "a part of a key");
    assert!(store.name(key).ends_with(key), "{}", store.name(key));
}

fn an_object_may_be_made_piece_by_piece(store: &dyn Store) {
    let key = "contract/pieces.json";
    // Some writes are so large that a store which needs the length first makes a file.
    for pieces in [3_u32, 300] {
        let piece = |at: u32| vec![at as u8; 40_000 + at as usize];
        let fill = |to: &mut dyn Write| (0..pieces).try_for_each(|at| to.write_all(&piece(at)));
        let want: Vec<u8> = (0..pieces).flat_map(piece).collect();
        let breaks = |to: &mut dyn Write| {
            fill(to)?;
            Err(io::Error::other("no more of it"))
        };
        let seen = store.get(key).unwrap();
        let condition = || Condition::since(seen.as_ref());
        let said = store.put_filled(key, &breaks, condition()).unwrap_err();
        assert!(said.text.contains("no more of it") && said.text.contains(key), "{}", said.text);
        assert_eq!(store.get(key).unwrap(), seen, "nothing is written");
        assert_eq!(store.put_filled(key, &fill, condition()).unwrap(), Put::Done);
        assert_eq!(store.put_filled(key, &fill, condition()).unwrap(), Put::Conflict);
        let now = store.get(key).unwrap().unwrap();
        assert!(now.bytes == want, "{} bytes instead of {}", now.bytes.len(), want.len());
        let head = store.head(key, 1000).unwrap().unwrap();
        assert_eq!((head.bytes, head.version), (want[..1000].to_vec(), now.version));
    }
    assert_eq!(store.head("contract/none", 10).unwrap(), None);
    store.put("contract/empty", b"", Condition::Absent).unwrap();
    assert_eq!(store.head("contract/empty", 10).unwrap().unwrap().bytes, b"");
}

fn only_what_is_discarded_may_go(store: &dyn Store) {
    for key in ["discard/a", "discard/ab", "discard/b"] {
        assert_eq!(store.put(key, b"x", Condition::Absent).unwrap(), Put::Done);
    }
    for key in ["discard/a", "discard/a", "discard/none"] {
        store.discard(key).unwrap();
    }
    let mut left = store.list("discard/", "").unwrap().keys;
    // A store with rules of its own deletes it some time.
    left.retain(|key| key != "discard/a");
    assert_eq!(left, ["discard/ab", "discard/b"]);
}

fn versions_differ_between_contents(store: &dyn Store) {
    // Including an earlier version of the same size, written immediately.
    let key = "contract/versions";
    let mut seen: Vec<Version> = Vec::new();
    for at in 0..100 {
        let condition = seen.last().cloned().map_or(Condition::Absent, Condition::Unchanged);
        assert_eq!(store.put(key, format!("{at:03}").as_bytes(), condition).unwrap(), Put::Done);
        let version = store.get(key).unwrap().unwrap().version;
        let before = seen.iter().position(|old| *old == version);
        assert_eq!(before, None, "content {at} has the version of another one: {version:?}");
        seen.push(version);
    }
    for stale in &seen[..99] {
        let put = store.put(key, b"xxx", Condition::Unchanged(stale.clone())).unwrap();
        assert_eq!(put, Put::Conflict);
    }
    assert_eq!(store.get(key).unwrap().unwrap().bytes, b"099");
}

fn keys_are_listed_in_order_after_a_known_key(store: &dyn Store) {
    // `-` sorts before `/` and `0` after it: the order is that of whole keys, not of components.
    let mut keys = vec!["list/dt=2/b", "list/dt=2/a", "list/dt=2-/c", "list/dt=20/d", "list/e"];
    keys.extend(["list/dt=1/z", "list/dt=2/a=b", "list/dt=2.x", "lists/f"]);
    for key in &keys {
        assert_eq!(store.put(key, b"", Condition::Absent).unwrap(), Put::Done, "{key}");
    }
    keys.sort_unstable();
    let prefixes = ["list/", "list/dt=", "list/dt=2", "list/dt=2/", "list", "list/dt=2/a", "none/"];
    let mut afters = keys.clone();
    afters.extend(["", "list", "list/", "list/dt=2", "list/dt=2/", "list/dt=2/aa", "m", "a"]);
    afters.extend(["list/dt=2!", "list/dt=1", "list/dt=2/zz", "list/f"]);
    for prefix in prefixes {
        for after in &afters {
            let want = keys.iter().filter(|key| key.starts_with(prefix) && *key > after);
            let listed = store.list(prefix, after).unwrap().keys;
            assert!(listed.iter().eq(want.clone()), "{prefix} after {after}: {listed:?}");
        }
    }
}

fn objects_arrive_in_the_requested_order(store: &dyn Store) {
    // More objects than are requested at a time, of every size, and a missing one.
    let keys: Vec<String> = (0..40).map(|at| format!("each/{at}")).collect();
    let content = |at: usize| vec![b'a' + (at % 26) as u8; at * at * 50];
    for (at, key) in keys.iter().enumerate().filter(|(at, _)| *at != 7) {
        assert_eq!(store.put(key, &content(at), Condition::Absent).unwrap(), Put::Done);
    }
    let keys: Vec<&str> = keys.iter().rev().map(String::as_str).collect();
    for (extent, most) in [(ReadSize::Whole, usize::MAX), (ReadSize::First(10_000), 10_000)] {
        let mut next = 0;
        let take = &mut |at: usize, object: ServiceResult<Option<Object>>| {
            assert_eq!(at, next);
            next += 1;
            let which = 39 - at;
            // An empty object has no first byte; what the store replies is up to it.
            if which > 0 || extent == ReadSize::Whole {
                let mut want = content(which);
                want.truncate(most);
                let got = object.unwrap().map(|object| object.bytes);
                assert_eq!(got, (which != 7).then_some(want), "{which}");
            }
            Ok(())
        };
        store.get_each(&keys, extent, take).unwrap();
        assert_eq!(next, 40);
    }
    // A caller that has seen enough gets no more objects.
    let mut taken = 0;
    let take = &mut |_, _| {
        taken += 1;
        Err(ServiceError::new(Trouble::Refused, "enough"))
    };
    assert_eq!(store.get_each(&keys, ReadSize::Whole, take).unwrap_err().text, "enough");
    assert_eq!(taken, 1);
}

fn a_check_leaves_nothing(store: &dyn Store) {
    let before = everything(store);
    for _ in 0..2 {
        store.check().unwrap();
        store.check_kept("each/1").unwrap();
        store.check_kept("each/none").unwrap();
    }
    assert_eq!(everything(store), before);
}

fn what_is_not_ours_stays(store: &dyn Store) {
    for foreign in [&b"{\"run\":\"mine\"}"[..], b"[]", b"", b"\xff", b"{\"run\":{\"id\":7}}"] {
        let seen = store.get(LATEST).unwrap();
        let put = store.put(LATEST, foreign, Condition::since(seen.as_ref())).unwrap();
        assert_eq!(put, Put::Done);
        let error = publish(store, &report_at(50)).unwrap_err();
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
        assert!(error.text.contains(&store.name(LATEST)) && !error.text.contains('\n'), "{error}");
        assert_eq!(store.get(LATEST).unwrap().unwrap().bytes, foreign);
        assert_eq!(store.get(DU).unwrap(), None, "its companion neither");
    }
    // As after a run that was stored by hand: publishing continues from it.
    let seen = store.get(LATEST).unwrap();
    let ours = json!({
        "schema": "efs-scan/latest/0",
        "run": {
            "id": "20200101T000000.000000Z",
            "started": "2020-01-01T00:00:00Z",
            "finished": "2020-01-01T00:00:00Z",
        },
        "report": "runs/fs=prod/dt=2020-01-01/20200101T000000.000000Z.json",
    });
    store.put(LATEST, ours.to_string().as_bytes(), Condition::since(seen.as_ref())).unwrap();
}

fn runs_are_published_once_and_in_order(store: &dyn Store) {
    let [older, newer, newest] = [9, 10, 11].map(report_at);
    assert_eq!(publish(store, &newer).unwrap(), Pointed::Here);
    assert_points_to(store, &newer);
    let before = everything(store);
    assert_eq!(publish(store, &newer).unwrap(), Pointed::Here);
    assert_eq!(everything(store), before, "a second time changes nothing");

    assert_eq!(publish(store, &older).unwrap(), Pointed::Newer);
    assert_points_to(store, &newer);
    assert_there(store, &older);
    let mut after = everything(store);
    let keys = Keys::of(&older);
    for key in [&keys.run, &keys.homes, &keys.findings] {
        assert!(after.remove(key).is_some(), "{key}");
    }
    assert_eq!(after, before, "an older run adds its objects only");

    // Also for two runs with the same text of `du`.
    let mut same = report_at(12);
    same.totals = newest.totals.clone();
    for report in [&newest, &same] {
        assert_eq!(publish(store, report).unwrap(), Pointed::Here);
        assert_points_to(store, report);
    }
    assert_eq!(publish(store, &newest).unwrap(), Pointed::Newer);
    assert_points_to(store, &same);
}

/// Publishes from several threads at once to an empty destination, which each thread opens for
/// itself.
pub(crate) fn several_publish<'a>(open: impl Fn() -> Box<dyn Store + 'a> + Sync) {
    const MINUTES: u32 = 24;
    // Each thread has its own runs in its own order, and an old run that all share.
    let orders = [[7, 1], [5, 3], [11, 2], [23, 0]].map(|[step, first]| {
        (0..MINUTES / 4).map(move |at| (first + at * step * 4) % MINUTES).chain([0])
    });
    std::thread::scope(|scope| {
        for order in orders {
            let open = &open;
            scope.spawn(move || {
                let store = open();
                for minute in order {
                    let report = report_at(minute);
                    // Being overtaken repeatedly is no failure: it would be retried later.
                    while let Err(error) = publish(&*store, &report) {
                        assert!(error.trouble.passes(), "{error}");
                    }
                }
            });
        }
    });
    let store = open();
    assert_points_to(&*store, &report_at(MINUTES - 1));
    for minute in 0..MINUTES {
        assert_there(&*store, &report_at(minute));
    }
    assert_eq!(store.list("", "").unwrap().keys.len(), 3 + 3 * MINUTES as usize);
}

/// Publishes four file systems at once to an empty destination, which each thread opens for itself,
/// like monitors on several machines that do not know of each other.
pub(crate) fn several_file_systems<'a>(open: impl Fn() -> Box<dyn Store + 'a> + Sync) {
    const RUNS: u32 = 4;
    let keys = ["fs-0123456789abcdef0", "prod", "stage", "mnt-efs"];
    let report = |key: &str, minute: u32| {
        let mut json = serde_json::to_value(report_at(minute)).unwrap();
        json["run"]["identity"] = json!({ "key": key });
        serde_json::from_value::<Report>(json).unwrap()
    };
    std::thread::scope(|scope| {
        for (at, key) in keys.iter().enumerate() {
            let (open, report) = (&open, &report);
            scope.spawn(move || {
                let store = open();
                for minute in 0..RUNS {
                    let report = report(key, minute * 4 + at as u32);
                    while let Err(error) = publish(&*store, &report) {
                        assert!(error.trouble.passes(), "{error}");
                    }
                }
            });
        }
    });
    let store = open();
    let found = efs_scan::published::file_systems(&*store).unwrap();
    let mut want = keys;
    want.sort_unstable();
    assert_eq!(found.iter().map(|key| key.as_str()).collect::<Vec<_>>(), want);
    for (at, key) in keys.iter().enumerate() {
        let newest = report(key, (RUNS - 1) * 4 + at as u32);
        let latest = store.get(&format!("latest/{key}.json")).unwrap().unwrap();
        let latest: Value = serde_json::from_slice(&latest.bytes).unwrap();
        assert_eq!(latest["run"]["id"], *newest.run.id, "{key}");
        let du_of = store.get(&format!("du/{key}.txt")).unwrap().unwrap();
        assert_eq!(du_of.bytes, du(&newest, DuNames::Raw), "{key}");
        for minute in 0..RUNS {
            assert_there(&*store, &report(key, minute * 4 + at as u32));
        }
    }
    let du = String::from_utf8(store.get(DU_LATEST).unwrap().unwrap().bytes).unwrap();
    assert!(du.contains("several file systems"), "{du}");
    let runs = keys.len() * RUNS as usize;
    assert_eq!(store.list("", "").unwrap().keys.len(), 2 * keys.len() + 1 + 3 * runs);
}
