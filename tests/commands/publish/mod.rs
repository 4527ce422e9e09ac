//! Publishing to a directory, and its failures.

mod clocks;
mod concurrent;
pub(crate) mod contract;
mod coverage;
mod crash;
mod daily;
mod dirs;
mod fleet_page;
mod identity;
pub(crate) mod kill;
mod layout;
mod lock;
mod many_homes;
pub(crate) mod migrate;
mod nothing_lost;
pub(crate) mod place;
mod refused;
mod shared_places;
mod spool;
pub(crate) mod state_contract;
mod turns;

use std::sync::Arc;

use efs_scan::aws::Aws;
use efs_scan::state::State;
use efs_scan::store::{Destination, Directory, OpenDestination, Opener};
use efs_scan_testbed::*;

#[test]
fn a_directory_keeps_the_contract_of_a_store() {
    let place = scratch();
    contract::contract(&Directory::new(place.path().join("published")));
}

#[test]
fn a_state_directory_keeps_the_contract_of_state() {
    let place = scratch();
    state_contract::state_contract(&|| State::Directory(place.path().join("state")));
}

#[test]
fn objects_in_a_directory_keep_the_contract_of_state() {
    let place = scratch();
    let destination = Destination::Directory(place.path().join("published"));
    let at = OpenDestination { destination, aws: Arc::new(Aws::default()) };
    state_contract::objects_contract(&(Arc::new(at) as Arc<dyn Opener>));
}

#[test]
fn four_file_systems_are_published_to_a_directory_at_once() {
    let place = scratch();
    let path = place.path().join("published");
    contract::several_file_systems(|| Box::new(Directory::new(path.clone())));
}

#[test]
fn a_directory_that_several_write_to_ends_with_the_newest_run() {
    let place = scratch();
    for round in 0..5 {
        let at = place.path().join(round.to_string());
        contract::several_publish(|| Box::new(Directory::new(at.clone())));
    }
}

/// Keys also come from `latest/prod.json`, which others may be able to write.
#[test]
fn keys_cannot_lead_outside_of_a_directory() {
    use efs_scan::store::{Condition, Store};
    let place = scratch();
    let secret = file(place.path(), "secret", 3);
    std::fs::create_dir(place.path().join("published")).unwrap();
    let store = Directory::new(place.path().join("published"));
    let absolute = secret.to_str().unwrap();
    for key in ["../secret", "runs/../../secret", "./../secret", "a//b", "", "a/", "..", absolute] {
        assert!(store.get(key).is_err(), "{key}");
        assert!(store.put(key, b"!", Condition::Absent).is_err(), "{key}");
    }
    assert_eq!(std::fs::read(secret).unwrap(), b"xxx");
}
