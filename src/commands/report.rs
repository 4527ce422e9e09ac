//! `efs-scan report`: makes HTML pages of the newest published run, as files or at the destination.

use std::path::Path;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::cli::ReportArgs;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::history::{self, History};
use crate::outbox::{Pointed, put_page};
use crate::output::Output;
use crate::pages::Pages;
use crate::published::{PAGE, newest_report, page_of_user};
use crate::report::Report;
use crate::service_error::{ServiceError, ServiceResult};
use crate::store::{Destination, Store};

/// Days of history on the pages that a scan publishes.
const DAYS: u32 = 90;

pub(super) fn run(args: &ReportArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    // Opened first, so that a wrong path fails at once.
    let html = args.html.as_deref().map(|path| open("--html", path)).transpose()?;
    let aws = Aws::default();
    let store = from.open(&aws).map_err(failed)?;
    let (report, history) = read(&*store, args.days).map_err(failed)?;
    let home_at = readers.home_at.as_deref();
    let pages = Pages::new(&report, &history, Timestamp::now()).seen_at(home_at);
    if let Some(output) = html {
        output.write(pages.overview().as_bytes()).map_err(Failure::fatal)?;
    }
    if let Some(directory) = &args.users {
        write_users(directory, &pages)?;
    }
    if args.publish {
        put(&*store, &pages).map_err(failed)?;
    }
    Ok(Exit::Complete)
}

/// Publishes the pages of the newest run after a scan. Returns true if that worked. It only logs what
/// went wrong, because the run itself is published.
pub(super) fn publish_pages(to: &Destination, home_at: Option<&Path>, aws: &Aws) -> bool {
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
fn read(store: &dyn Store, days: u32) -> ServiceResult<(Report, History)> {
    let report = newest_report(store)?;
    let history = history::read(store, days, report.run.finished)?;
    Ok((report, history))
}

/// Publishes the pages. Those of users come first: when the overview appears, they are there.
fn put(store: &dyn Store, pages: &Pages<'_>) -> ServiceResult<()> {
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

fn write_users(directory: &Path, pages: &Pages<'_>) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| {
        let directory = directory.display();
        Failure::fatal(format!("--users: making the directory {directory}: {error}"))
    })?;
    for uid in pages.uids() {
        let Some(page) = pages.of_user(uid) else { continue };
        let output = open("--users", &directory.join(format!("{uid}.html")))?;
        output.write(page.as_bytes()).map_err(Failure::fatal)?;
    }
    Ok(())
}

fn open(flag: &str, path: &Path) -> Result<Output, Failure> {
    Output::named(flag, path).map_err(Failure::usage)
}
