//! The page about all file systems: publishers of several never lose each other's runs on it.

use efs_scan::outbox::{publish, put_fleet_page};
use efs_scan::pages::{Fleet, FleetMember};
use efs_scan::published::{FLEET_PAGE, file_systems, newest};
use efs_scan::report::{Report, SamePeople};
use efs_scan::service_error::ServiceResult;
use efs_scan::store::{Condition, Directory, Put, Store};
use efs_scan::text::Shown;
use efs_scan_testbed::scratch;
use jiff::Timestamp;
use serde_json::json;

use super::contract::report_at;
use super::turns::*;

const KEYS: [&str; 2] = ["prod", "stage"];

/// The run of a file system at that minute, with a size that identifies it.
fn report(key: &str, minute: u32) -> Report {
    let mut json = serde_json::to_value(report_at(minute)).unwrap();
    json["run"]["identity"] = json!({ "key": key });
    serde_json::from_value(json).unwrap()
}

/// Makes the page of what is published.
fn page(store: &dyn Store) -> ServiceResult<Shown> {
    let mut fleet = Fleet { members: vec![], broken: vec![], same_people: SamePeople::ByDomain };
    for key in file_systems(store)? {
        let latest = newest(store, &key)?.unwrap();
        fleet.members.push(FleetMember { key, latest, trend: Vec::new(), is_linked: false });
    }
    Ok(fleet.page(Timestamp::UNIX_EPOCH))
}

fn put(store: &dyn Store) -> ServiceResult<()> {
    put_fleet_page(store, &|| page(store))
}

/// Returns what is wrong with the page that is there: it is not the one that is to be made now.
fn wrong(store: &dyn Store) -> Option<String> {
    let there = store.get(FLEET_PAGE).unwrap().unwrap().bytes;
    let now = page(store).unwrap();
    (there != now.as_bytes()).then(|| String::from_utf8_lossy(&there).into_owned())
}

#[test]
fn the_page_has_the_newest_runs_in_every_order() {
    for versions in [Versions::Counted, Versions::Content] {
        let start = Memory::new(versions);
        for key in KEYS {
            publish(&start, &report(key, 1)).unwrap();
            put(&start).unwrap();
        }
        let works = KEYS.map(|key| {
            // Of the steps of a publication, only the last one matters to the page.
            let latest = format!("latest/{key}.json");
            let (after, seen) = (start.copy(), start.get(&latest).unwrap());
            publish(&after, &report(key, 2)).unwrap();
            let newer = after.get(&latest).unwrap().unwrap().bytes;
            move |store: &dyn Store| {
                let condition = Condition::since(seen.as_ref());
                assert_eq!(store.put(&latest, &newer, condition), Ok(Put::Done));
                put(store).unwrap();
            }
        });
        let mut bad = Vec::new();
        let orders = in_every_order(&start, &[&works[0], &works[1]], 3, |memory, order| {
            if wrong(memory).is_some() {
                bad.push(order.to_owned());
            }
        });
        assert!(orders > 80, "{orders}");
        let shortest = bad.iter().min_by_key(|order| order.len());
        assert!(bad.is_empty(), "{} of {orders} orders:\n{}", bad.len(), shortest.unwrap());
    }
}

/// A page of older knowledge comes late: it was made before another publisher wrote one of newer runs.
#[test]
fn a_page_of_older_runs_never_replaces_one_of_newer_runs() {
    let memory = Memory::new(Versions::Content);
    publish(&memory, &report("prod", 1)).unwrap();
    publish(&memory, &report("stage", 1)).unwrap();
    let rounds = std::cell::Cell::new(0);
    put_fleet_page(&memory, &|| {
        let old = page(&memory)?;
        if rounds.replace(rounds.get() + 1) == 0 {
            publish(&memory, &report("stage", 2)).unwrap();
            put(&memory).unwrap();
        }
        Ok(old)
    })
    .unwrap();
    assert_eq!(wrong(&memory), None);
    assert_eq!(rounds.get(), 2);
}

/// Whoever comes late twice finds a page with its run: somebody made it of what was there before.
#[test]
fn a_publisher_that_is_always_late_ends() {
    let memory = Memory::new(Versions::Counted);
    publish(&memory, &report("prod", 1)).unwrap();
    publish(&memory, &report("stage", 1)).unwrap();
    let rounds = std::cell::Cell::new(0);
    put_fleet_page(&memory, &|| {
        let old = page(&memory)?;
        rounds.set(rounds.get() + 1);
        publish(&memory, &report("stage", 1 + rounds.get())).unwrap();
        put(&memory).unwrap();
        Ok(old)
    })
    .unwrap();
    assert_eq!(wrong(&memory), None);
    assert_eq!(rounds.get(), 2);
}

#[test]
fn a_file_that_is_not_the_page_is_replaced() {
    let place = scratch();
    let store = Directory::new(place.path().to_owned());
    publish(&store, &report("prod", 1)).unwrap();
    for there in [&b""[..], b"<html>", &[0xff; 5000]] {
        let before = store.get(FLEET_PAGE).unwrap();
        assert_eq!(store.put(FLEET_PAGE, there, Condition::since(before.as_ref())), Ok(Put::Done));
        put(&store).unwrap();
        assert_eq!(wrong(&store), None);
    }
}

#[test]
fn many_publishers_at_once_end_with_a_page_of_all() {
    let place = scratch();
    let keys: Vec<String> = (0..12).map(|at| format!("fs-{at}")).collect();
    std::thread::scope(|scope| {
        for key in &keys {
            let store = Directory::new(place.path().to_owned());
            scope.spawn(move || {
                for minute in 0..4 {
                    publish(&store, &report(key, minute)).unwrap();
                    put(&store).unwrap();
                }
            });
        }
    });
    let store = Directory::new(place.path().to_owned());
    assert_eq!(wrong(&store), None);
    let there = String::from_utf8(store.get(FLEET_PAGE).unwrap().unwrap().bytes).unwrap();
    assert!(there.contains("Disk usage of 12 file systems") && there.contains("48 MiB"), "{there}");
}
