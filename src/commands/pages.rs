//! Makes pages of what is published and puts them beside it: for `efs-scan report --publish`, and
//! after a scan.

use std::path::Path;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::history::{self, History};
use crate::outbox::{Pointed, put_page};
use crate::pages::Pages;
use crate::published::{PAGE, newest_report, page_of_user};
use crate::report::Report;
use crate::service_error::ServiceResult;
use crate::store::{Destination, Store};

/// Days of history on the pages that a scan publishes.
const DAYS: u32 = 90;

/// Publishes the pages of the newest run after a scan. Returns true if that worked. It only logs what
/// went wrong, because the run itself is published.
pub(super) fn publish(to: &Destination, home_at: Option<&Path>, aws: &Aws) -> bool {
    let done = || {
        let store = to.open(aws)?;
        let (report, history) = read(&*store, DAYS)?;
        put(&*store, &Pages::new(&report, &history, Timestamp::now()).seen_at(home_at))
    };
    let done: ServiceResult<()> = done();
    if let Err(error) = &done {
        tracing::error!("{}; `efs-scan report --publish` makes the pages again", error.text);
    }
    done.is_ok()
}

/// Reads the newest run, and the history of the days before it.
pub(super) fn read(store: &dyn Store, days: u32) -> ServiceResult<(Report, History)> {
    let report = newest_report(store)?;
    let history = history::read(store, days, report.run.finished)?;
    Ok((report, history))
}

/// Publishes the pages. Those of users come first: when the overview appears, they are there.
pub(super) fn put(store: &dyn Store, pages: &Pages<'_>) -> ServiceResult<()> {
    let mut newer = 0;
    for uid in pages.uids() {
        let Some(page) = pages.of_user(uid) else { continue };
        newer += usize::from(put_page(store, &page_of_user(uid), &page)? == Pointed::Newer);
    }
    newer += usize::from(put_page(store, PAGE, &pages.overview())? == Pointed::Newer);
    match newer {
        0 => tracing::info!("published {}", store.name(PAGE)),
        1 => tracing::warn!("1 page is of a newer run, and stays as it is"),
        _ => tracing::warn!("{newer} pages are of a newer run, and stay as they are"),
    }
    Ok(())
}
