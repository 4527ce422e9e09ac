//! Publishing to a directory, and what can go wrong on the way there.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod common;
#[path = "publish/concurrent.rs"]
mod concurrent;
#[path = "publish/contract.rs"]
mod contract;
#[path = "publish/coverage.rs"]
mod coverage;
#[path = "publish/crash.rs"]
mod crash;
#[path = "publish/daily.rs"]
mod daily;
#[path = "publish/kill.rs"]
mod kill;
#[path = "publish/layout.rs"]
mod layout;
#[path = "publish/lock.rs"]
mod lock;
#[path = "publish/place.rs"]
mod place;
#[path = "publish/refused.rs"]
mod refused;
#[path = "publish/spool.rs"]
mod spool;
#[path = "publish/turns.rs"]
mod turns;

use common::*;
use efs_scan::store::Directory;

#[test]
fn a_directory_keeps_the_contract_of_a_store() {
    let place = scratch();
    contract::contract(&Directory::new(place.path().join("published")));
}

#[test]
fn a_directory_that_several_write_to_ends_with_the_newest_run() {
    let place = scratch();
    for round in 0..5 {
        let at = place.path().join(round.to_string());
        contract::several_publish(|| Box::new(Directory::new(at.clone())));
    }
}
