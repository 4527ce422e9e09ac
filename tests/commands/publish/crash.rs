//! Publishing that breaks off between any two calls and continues later.

use std::cell::Cell;

use efs_scan::outbox::{Pointed, publish};
use efs_scan::store::{Directory, Store};
use serde_json::Value;

use super::contract::{
    LATEST, assert_named, assert_points_to, assert_there, everything, report_at,
};
use super::turns::*;
use efs_scan_testbed::*;

/// Publishes a run after an older one or none, breaks off at each call in turn, and continues.
fn break_off(first: Option<u32>, lost: bool, open: &dyn Fn(usize) -> Box<dyn Store>) {
    let new = report_at(2);
    for calls in 0.. {
        let store = open(calls);
        if let Some(first) = first {
            publish(&*store, &report_at(first)).unwrap();
        }
        let before = everything(&*store);
        let breaks = Breaks { store: &*store, left: Cell::new(calls), lost };
        let done = publish(&breaks, &new);
        if done.is_ok() {
            assert!(calls >= 7, "three objects, two pointers read and written: {calls} calls");
            assert_points_to(&*store, &new);
            return;
        }
        let after = everything(&*store);
        for (key, object) in &before {
            let moves =
                ["latest/prod.json", "du/prod.txt", "du/latest.txt"].contains(&key.as_str());
            assert!(moves || after[key] == *object, "{key} changed at call {calls}");
        }
        if let Some(latest) = after.get(LATEST) {
            let latest: Value = serde_json::from_slice(&latest.bytes).unwrap();
            let id = latest["run"]["id"].as_str().unwrap();
            if id == new.run.id {
                // The run it names exists.
                assert_named(&*store, &new);
            } else {
                assert_eq!(id, report_at(first.unwrap()).run.id);
            }
        }
        assert_eq!(publish(&*store, &new).unwrap(), Pointed::Here, "after call {calls}");
        assert_points_to(&*store, &new);
        let objects = 3 + 3 * (1 + usize::from(first.is_some()));
        assert_eq!(everything(&*store).len(), objects, "after call {calls}");
    }
}

#[test]
fn publishing_that_breaks_off_anywhere_can_be_finished() {
    let place = scratch();
    for lost in [false, true] {
        for first in [None, Some(1)] {
            for versions in [Versions::Counted, Versions::Content] {
                break_off(first, lost, &|_| Box::new(Memory::new(versions)));
            }
            break_off(first, lost, &|calls| {
                let path = place.path().join(format!("{lost}-{first:?}-{calls}"));
                Box::new(Directory::new(path))
            });
        }
    }
}

#[test]
fn a_run_that_breaks_off_and_is_overtaken_changes_no_pointer() {
    let (old, new) = (report_at(1), report_at(2));
    for calls in 0..7 {
        let store = Memory::new(Versions::Content);
        let breaks = Breaks { store: &store, left: Cell::new(calls), lost: false };
        publish(&breaks, &old).unwrap_err();
        publish(&store, &new).unwrap();
        assert_eq!(publish(&store, &old).unwrap(), Pointed::Newer);
        assert_points_to(&store, &new);
        assert_there(&store, &old);
    }
}
