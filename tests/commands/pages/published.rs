//! Published pages change only from an older run to a newer one, in any order of writers.

use std::sync::Barrier;

use efs_scan::outbox::{Pointed, put_page};
use efs_scan::pages::Pages;
use efs_scan::published::run_of_page;
use efs_scan::store::{Condition, Directory, Put, Store};
use efs_scan::text::Shown;
use jiff::SignedDuration;

use super::{History, invented, start};
use efs_scan_testbed::scratch;

const PAGE: &str = "report/prod/latest.html";

fn page(day: i64) -> Shown {
    // In the past at the time of any test run.
    let report = invented::report(2, start() + SignedDuration::from_hours(24 * (day - 400)), 0.0);
    Pages::new(&report, &History::default(), start()).overview()
}

#[test]
fn an_older_run_leaves_the_page_of_a_newer_one() {
    let place = scratch();
    let store = Directory::new(place.path().to_owned());
    let (older, newer) = (page(1), page(2));
    assert_eq!(put_page(&store, PAGE, &older), Ok(Pointed::Here));
    assert_eq!(put_page(&store, PAGE, &newer), Ok(Pointed::Here));
    assert_eq!(put_page(&store, PAGE, &older), Ok(Pointed::Newer));
    assert_eq!(store.get(PAGE).unwrap().unwrap().bytes, newer.as_bytes());
    // Publishing the same run again may improve it.
    assert_eq!(put_page(&store, PAGE, &newer), Ok(Pointed::Here));
}

#[test]
fn a_file_that_is_not_a_page_is_replaced() {
    let place = scratch();
    let store = Directory::new(place.path().to_owned());
    let page3 = page(3);
    let cut = &page3.as_bytes()[..300];
    for there in [&b""[..], b"<html>", &[0xff; 5000], cut] {
        let before = store.get(PAGE).unwrap();
        let put = store.put(PAGE, there, Condition::since(before.as_ref()));
        assert_eq!(put, Ok(Put::Done));
        assert_eq!(put_page(&store, PAGE, &page(1)), Ok(Pointed::Here), "{there:?}");
    }
}

#[test]
fn the_newest_page_of_several_at_once_stays() {
    let place = scratch();
    let pages: Vec<Shown> = (1..=6).map(page).collect();
    let start = Barrier::new(pages.len());
    std::thread::scope(|scope| {
        for page in &pages {
            let store = Directory::new(place.path().to_owned());
            let start = &start;
            scope.spawn(move || {
                start.wait();
                put_page(&store, PAGE, page).unwrap();
            });
        }
    });
    let store = Directory::new(place.path().to_owned());
    let there = store.get(PAGE).unwrap().unwrap().bytes;
    assert_eq!(run_of_page(&there), run_of_page(pages[5].as_bytes()));
}
