//! Publishes daily runs of invented people, to try the program out:
//!
//!     cargo run --example gen-runs -- DIR 40 30
//!     efs-scan report --from DIR --html report.html
//!
//! DIR gets 30 runs of 40 homes; the newest one ended a moment ago.

#![allow(dead_code)] // A test has the same module, and uses other parts of it.

mod invented;

use efs_scan::outbox::publish;
use efs_scan::store::Directory;
use jiff::{SignedDuration, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let directory = args.next().ok_or("usage: gen-runs DIR [HOMES [DAYS]]")?;
    let homes = args.next().map_or(Ok(40), |homes| homes.parse())?;
    let days: i64 = args.next().map_or(Ok(30), |days| days.parse())?;
    let store = Directory::new(directory.into());
    let newest = Timestamp::now() - SignedDuration::from_mins(40);
    for day in 0..=days {
        let started = newest - SignedDuration::from_hours(24 * (days - day));
        publish(&store, &invented::report(homes, started, day as f64))?;
    }
    Ok(())
}
