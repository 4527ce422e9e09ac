//! The ledger at the destination, for a machine without a disk.

use super::*;

fn world() -> World {
    World { at_destination: true, ..World::new() }
}

#[test]
fn nobody_is_reminded_twice_from_two_machines() {
    let world = world();
    // A dry run writes nothing.
    world.preview(0);
    assert!(!world.published().join("state").exists());
    world.remind(&[], 0);
    let reminded = world.reminded();
    assert_eq!(reminded.len(), 2, "{reminded:?}");
    assert!(world.ledger().exists() && !world.state().exists());
    world.remind(&[], 0);
    assert_eq!(world.reminded(), reminded);
    assert!(world.preview(0).contains("alice@example.com"));
    // A machine with a state directory that has no ledger goes on with the one at the destination.
    let elsewhere = World { at_destination: false, ..world };
    elsewhere.remind(&[], 0);
    assert_eq!(elsewhere.reminded(), reminded);
    assert!(!elsewhere.state().exists(), "no second ledger begins there");
    // Unless it is told otherwise.
    elsewhere.remind(&["--state", "directory"], 0);
    assert_eq!(elsewhere.reminded().len(), 2 * reminded.len());
}

#[test]
fn a_ledger_of_the_state_directory_goes_on_at_the_destination() {
    let world = World::new();
    world.remind(&[], 0);
    let reminded = world.reminded();
    assert_eq!(reminded.len(), 2);
    let moved = World { at_destination: true, ..world };
    moved.remind(&[], 0);
    assert_eq!(moved.reminded(), reminded);
}

#[test]
fn a_ledger_that_cannot_be_read_is_no_empty_one() {
    let world = world();
    world.remind(&[], 0);
    let reminded = world.reminded();
    for broken in ["", "{}", "{\"schema\":\"efs-scan/state/9\",\"writer\":\"w\",\"value\":{}}"] {
        std::fs::write(world.ledger(), broken).unwrap();
        let said = stderr(&world.remind(&[], 1));
        assert!(said.contains("reminders.json") && said.contains("reminded again"), "{said}");
        assert_eq!(world.reminded(), reminded);
    }
}

#[test]
fn without_a_destination_there_is_no_ledger_there() {
    let world = world();
    let mut command = world.command();
    command.env_remove("EFS_SCAN_PUBLISH").args(["remind", "--only", "apps"]);
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
