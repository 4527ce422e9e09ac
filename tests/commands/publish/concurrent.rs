//! Two hosts publishing to the same destination, in every order that matters.

use std::sync::Mutex;

use efs_scan::outbox::publish;
use efs_scan::published::DU_LATEST;
use efs_scan::report::{DuNames, du};
use efs_scan::store::{Condition, Store};

use super::contract::{self, DU, assert_there, report_at};
use super::turns::*;
use efs_scan_testbed::at_once;

#[test]
fn the_store_of_these_tests_keeps_the_contract() {
    for versions in [Versions::Counted, Versions::Content] {
        let memory = Memory::new(versions);
        contract::contract(&memory);
        let memory = Memory::new(versions);
        contract::several_publish(|| Box::new(memory.clone()));
        let memory = Memory::new(versions);
        contract::several_file_systems(|| Box::new(memory.clone()));
    }
}

/// Publishes an older and a newer run at once, and returns the orders with a wrong result.
fn wrong_orders(versions: Versions, start: &Memory, right: &dyn Fn(&Memory) -> bool) -> String {
    let (older, newer) = (report_at(1), report_at(2));
    let older_one = |store: &dyn Store| assert!(publish(store, &older).is_ok());
    let newer_one = |store: &dyn Store| assert!(publish(store, &newer).is_ok());
    let mut wrong = Vec::new();
    let orders = in_every_order(start, &[&older_one, &newer_one], 2, |memory, order| {
        assert_there(memory, &older);
        assert_there(memory, &newer);
        if !right(memory) {
            wrong.push(order.to_owned());
        }
    });
    assert!(orders >= 10, "two times three calls or more have {orders} orders");
    match wrong.iter().min_by_key(|order| order.len()) {
        None => String::new(),
        Some(order) => {
            let wrong = wrong.len();
            format!("{versions:?}: {wrong} of {orders} orders (0 is the older run):\n{order}")
        }
    }
}

fn latest_id(memory: &Memory) -> String {
    let latest = memory.get("latest/prod.json").unwrap().unwrap();
    let latest: serde_json::Value = serde_json::from_slice(&latest.bytes).unwrap();
    latest["run"]["id"].as_str().unwrap().to_owned()
}

/// Returns the initial states: empty, or with an older run, whose `du` may equal that of either new
/// run.
fn starts(versions: Versions) -> Vec<Memory> {
    let empty = Memory::new(versions);
    let before = empty.copy();
    publish(&before, &report_at(0)).unwrap();
    let mut starts = vec![empty, before.copy()];
    for same in [1, 2] {
        let start = before.copy();
        let seen = start.get(DU).unwrap();
        let text = du(&report_at(same), DuNames::Raw);
        start.put(DU, &text, Condition::since(seen.as_ref())).unwrap();
        starts.push(start);
    }
    starts
}

/// One test for both, because there are many orders. Each mostly waits for its two threads to take turns.
#[test]
fn latest_json_and_the_du_files_are_of_the_newest_run_in_every_order() {
    let (newest, text) = (report_at(2).run.id, du(&report_at(2), DuNames::Raw));
    let is_newest = |memory: &Memory| {
        let of = |key| memory.get(key).unwrap().unwrap().bytes == text;
        latest_id(memory) == newest && [DU, DU_LATEST].into_iter().all(of)
    };
    let cases = [Versions::Counted, Versions::Content]
        .map(|versions| starts(versions).into_iter().map(move |start| (versions, start)));
    let wrong = Mutex::new(String::new());
    at_once(cases.into_iter().flatten(), |(versions, start)| {
        let found = wrong_orders(versions, &start, &is_newest);
        *wrong.lock().unwrap() += &found;
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}
