//! Makes pages of published runs and stores them at the destination, for `efs-scan report
//! --publish` and after a scan.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::grown::{self, Bounds};
use super::{facts, fleet_page};
use crate::aws::Aws;
use crate::changes::{FactsOfHomes, Scope};
use crate::history::{self, History};
use crate::log;
use crate::outbox::{Pointed, put_page};
use crate::pages::{Pages, WhatGrew};
use crate::published::{newest_report, page, page_of_user};
use crate::report::{FileSystemKey, Money, Report, Run, SamePeople};
use crate::service_error::{ServiceResult, Trouble};
use crate::store::{Destination, Store};

/// Days of history on the pages that a scan publishes.
const DAYS: u32 = 90;

/// Outcome of publishing pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paged {
    All,
    /// All, but some earlier runs could not be read for them.
    WithGaps,
    /// Some could not be written. Each failure was logged.
    Some,
}

/// Publishes the pages of the newest run after a scan, and then the page about all file systems. It
/// only logs what went wrong, because the run itself is published.
pub(super) fn publish(
    to: &Destination,
    of: &FileSystemKey,
    (home_at, same_people): (Option<&Path>, SamePeople),
    aws: &Aws,
) -> Paged {
    let done = || {
        let store = to.open(aws)?;
        let (report, history) = read(&*store, of, DAYS)?;
        let grew = what_grew(&*store, &report);
        let is_whole = history.is_whole() && !grew.is_gap();
        let pages = Pages::new(&report, &history, Timestamp::now()).seen_at(home_at).grown(grew);
        let own = put(&*store, of, &pages);
        // It says what is there, even if that is not all.
        let of_all = fleet_page::put(&*store, same_people);
        Ok(match (own && of_all, is_whole) {
            (false, _) => Paged::Some,
            (true, false) => Paged::WithGaps,
            (true, true) => Paged::All,
        })
    };
    let done: ServiceResult<Paged> = done();
    if let Err(error) = &done {
        log::error!("{}", error.text);
    }
    let paged = done.unwrap_or(Paged::Some);
    if paged == Paged::Some {
        log::error!("`efs-scan report --publish` makes the pages again");
    }
    paged
}

/// Reads the newest run of a file system, and its history over `days` days.
pub(super) fn read(
    store: &dyn Store,
    of: &FileSystemKey,
    days: u32,
) -> ServiceResult<(Report, History)> {
    let report = newest_report(store, of)?;
    let history = history::read(store, of, days, report.run.finished)?;
    Ok((report, history))
}

/// Reads what grew since the day before the run. The pages do without it rather than not being made.
pub(super) fn what_grew(store: &dyn Store, report: &Report) -> WhatGrew {
    let bounds = Bounds { most: MOST, until: Some(Instant::now() + MOST_TIME) };
    let of = (&report.file_system_key(), &report.run);
    let facts = || facts::of_report(report);
    grown_in_a_day(store, of, (&facts, report.money.as_ref()), bounds)
}

/// The largest table of directories that is read for the pages, and how long.
pub(super) const MOST: u64 = 256 << 20;
pub(super) const MOST_TIME: Duration = Duration::from_secs(60);

/// Lines of a home, at most.
const LINES: usize = 20;

/// Reads what grew since the day before a run, which the facts and the money are of.
pub(super) fn grown_in_a_day(
    store: &dyn Store,
    of: (&FileSystemKey, &Run),
    (facts, money): (&dyn Fn() -> FactsOfHomes, Option<&Money>),
    bounds: Bounds,
) -> WhatGrew {
    let day = SignedDuration::from_hours(24);
    match grown::since(store, of, day, (Scope::default(), LINES), bounds) {
        Ok(since) => WhatGrew::Known(Box::new(since.view(facts(), money.cloned()))),
        Err(not_known) => {
            let is_gap = not_known.is_gap();
            let Some(reason) = not_known.reason() else { return WhatGrew::NoRun };
            log::warn!("what grew is not on the pages: {reason}");
            if is_gap { WhatGrew::Unread(reason) } else { WhatGrew::LeftOut(reason) }
        }
    }
}

/// Number of consecutive failures after which no more pages are tried, because the store is at
/// fault.
const IN_A_ROW: usize = 5;

/// Publishes the pages, and returns true if all were written. It logs each page that cannot be
/// written, and writes the others. The overview comes last, so that users' pages exist when it does.
pub(super) fn put(store: &dyn Store, of: &FileSystemKey, pages: &Pages<'_>) -> bool {
    let (mut newer, mut failed, mut in_a_row) = (0, 0, 0);
    let overview = Some(None).filter(|_| !pages.are_some());
    let is_there = |uid: &u32| !matches!(store.get(&page_of_user(of, *uid)), Ok(None));
    let users = pages.uids().into_iter();
    let users = users.chain(pages.uids_without_page().into_iter().filter(is_there));
    for uid in users.map(Some).chain(overview) {
        let (key, made) = match uid {
            Some(uid) => (page_of_user(of, uid), pages.of_user(uid)),
            None => (page(of), Some(pages.overview())),
        };
        let Some(made) = made else { continue };
        match put_page(store, &key, &made) {
            Ok(pointed) => {
                newer += usize::from(pointed == Pointed::Newer);
                in_a_row = 0;
            }
            Err(error) => {
                log::error!("{}", error.text);
                failed += 1;
                // The refusal of a page does not affect the others.
                in_a_row += usize::from(error.trouble != Trouble::Refused);
                if in_a_row == IN_A_ROW {
                    log::error!("no more pages are tried after {IN_A_ROW} failures in a row");
                    break;
                }
            }
        }
    }
    match newer {
        0 if failed > 0 => {}
        0 if pages.are_some() => {
            log::info!("published the pages of {} users", pages.uids().len());
        }
        0 => log::info!("published {}", store.name(&page(of))),
        1 => log::warn!("1 page is of a newer run, and stays as it is"),
        _ => log::warn!("{newer} pages are of a newer run, and stay as they are"),
    }
    failed == 0
}
