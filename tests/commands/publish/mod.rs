//! Publishing to a directory, and its failures.

mod concurrent;
pub(crate) mod contract;
mod coverage;
mod crash;
mod daily;
mod kill;
mod layout;
mod lock;
mod nothing_lost;
mod place;
mod refused;
mod spool;
mod turns;

use efs_scan::store::Directory;
use efs_scan_testbed::*;

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
