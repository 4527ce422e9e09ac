//! Homes that grew fast since the day before, by the runs that are published.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::time::{Duration, Instant};

use crate::aws::Aws;
use crate::changes::{GrewMost, Scope};
use crate::commands::grown::{Bounds, NotKnown, explained, place, reader};
use crate::config::Config;
use crate::dirs::DirsReader;
use crate::log;
use crate::published::day_before;
use crate::report::{Coverage, Growth, Report};
use crate::store::Store;
use crate::text::printable;

/// The largest table of directories that is read, and how long.
const MOST: u64 = 1 << 30;
const MOST_TIME: Duration = Duration::from_secs(120);

/// Lines of a home among which the place that grew most is.
const LINES: usize = 20;

/// Homes of which the place that grew most is looked for.
const HOMES: usize = 1000;

/// Opens the table of directories of this run, if it has one.
type Own<'a> = dyn Fn() -> Option<File> + 'a;

/// Compares the homes with those of the day before, if growth can be an alarm. What is not known is
/// logged, and is no failure of the scan.
pub(super) fn of(config: &Config, report: &Report, own: &Own<'_>, aws: &Aws) -> Option<Growth> {
    // An interrupted run did not see most homes.
    if config.growth.is_off() || report.run.coverage == Coverage::Interrupted {
        return None;
    }
    let growth = compared(config, report, own, aws).unwrap_or_else(Growth::unknown);
    if let Some(reason) = &growth.unknown {
        log::warn!("growth is not known: {}", printable(reason.as_bytes()));
    }
    Some(growth)
}

fn compared(config: &Config, report: &Report, own: &Own<'_>, aws: &Aws) -> Result<Growth, String> {
    let Some(to) = &config.publishing.to else {
        return Err("runs are not published anywhere, so there is none to compare with".to_owned());
    };
    let failed = |error: crate::service_error::ServiceError| error.text;
    let store = to.open(aws).map_err(failed)?;
    let before = day_before(&*store, &report.run).map_err(failed)??;
    let homes = (&before.homes, before.all_homes);
    let mut growth = Growth::of(&report.homes, homes, before.base, config.growth);
    if growth.homes.is_empty() {
        return Ok(growth);
    }
    let bounds = Bounds { most: MOST, until: Some(Instant::now() + MOST_TIME) };
    match places(&*store, report, &growth, own, bounds) {
        Ok(mut places) => {
            for home in &mut growth.homes {
                home.place = places.remove(&home.name_bytes()).map(place);
            }
        }
        Err(not_known) => {
            if let Some(reason) = not_known.reason() {
                log::warn!("where homes grew is not known: {}", printable(reason.as_bytes()));
            }
        }
    }
    Ok(growth)
}

/// The places that grew most, by the names of their homes.
fn places(
    store: &dyn Store,
    report: &Report,
    growth: &Growth,
    own: &Own<'_>,
    bounds: Bounds,
) -> Result<HashMap<Vec<u8>, GrewMost>, NotKnown> {
    let since = growth.since.as_ref().ok_or(NotKnown::NoTable)?;
    let own = own().ok_or(NotKnown::NoTable)?;
    let damaged = |problem| NotKnown::Unread(format!("the table of this run: {problem}"));
    let own = DirsReader::open(own).map_err(damaged)?;
    let old = reader(store, &report.file_system_key(), &since.run, bounds)?;
    // The root as a home has an empty path there.
    let path = |name: Vec<u8>| if name == b"." { Vec::new() } else { name };
    let names = growth.homes.iter().take(HOMES).map(|home| path(home.name_bytes()));
    let scope = Scope { homes: Some(names.collect::<BTreeSet<_>>()), path: None };
    let explained = explained([old, own], (scope, LINES), bounds)?;
    let places = explained.grew_most(1).into_iter().filter(|place| !place.outside);
    Ok(places.map(|place| (place.home.clone(), place)).collect())
}
