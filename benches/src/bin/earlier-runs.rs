//! `earlier-runs DESTINATION RUNS`: publishes daily runs before the newest one of the only file system at a
//! destination that is a directory, made of its report.
//!
//! Sizes differ from day to day; each day one home is new, and some are gone on one day. The tables are what
//! a scan of that day would have published. Of a report only the beginning stays: readers of many runs read
//! no more, and a year of reports would fill the disk.

use std::fs::OpenOptions;

use anyhow::{Context as _, ensure};
use efs_scan::outbox::publish;
use efs_scan::published::{Keys, file_systems, newest_report};
use efs_scan::report::{HomeKind, HomeReport, Report};
use efs_scan::store::Directory;
use efs_scan::units::AllocatedBytes;

/// Bytes of a report that stay.
const HEAD: u64 = 20_000;

/// Seconds of a day.
const DAY: i64 = 86_400;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let mut arg = || args.next().context("usage: earlier-runs DESTINATION RUNS");
    let place = std::path::PathBuf::from(arg()?);
    let runs: i64 = arg()?.to_string_lossy().parse()?;
    let store = Directory::new(place.clone());
    let problem = |error: efs_scan::service_error::ServiceError| anyhow::anyhow!(error.text);
    let all = file_systems(&store).map_err(problem)?;
    ensure!(all.len() == 1, "{} has {} file systems", place.display(), all.len());
    let newest = newest_report(&store, &all[0]).map_err(problem)?;
    for day in 1..=runs {
        let report = earlier(&newest, day)?;
        publish(&store, &report).map_err(problem)?;
        let path = place.join(Keys::of(&report).run);
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(file.metadata()?.len().min(HEAD))?;
    }
    Ok(())
}

/// Makes the run of so many days before.
fn earlier(newest: &Report, day: i64) -> anyhow::Result<Report> {
    let before = |at: jiff::Timestamp| {
        at.checked_sub(jiff::SignedDuration::from_secs(day * DAY)).context("before all time")
    };
    let mut report = newest.clone();
    let run = &mut report.run;
    (run.started, run.finished) = (before(run.started)?, before(run.finished)?);
    run.id = run.started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
    let homes = newest.homes.iter().enumerate();
    let homes = homes.filter_map(|(at, home)| of_day(home, at as i64, day));
    report.homes = homes.collect();
    Ok(report)
}

/// The home at position `at` on that day; `None` if it is gone.
fn of_day(mut home: HomeReport, at: i64, day: i64) -> Option<HomeReport> {
    if home.kind == HomeKind::Outside {
        return Some(home);
    }
    if at % 500 == day {
        return None;
    }
    if at == 0 {
        home.name = (300_000 + day).to_string();
    }
    let bytes = home.usage.allocated_bytes.0;
    home.usage.allocated_bytes =
        AllocatedBytes(bytes.saturating_add_signed(4096 * (at * day % 5 - 2)));
    Some(home)
}
