//! Makes pages of the newest published run, and puts them into files or beside the runs.

use std::path::Path;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::cli::ReportArgs;
use crate::config::Readers;
use crate::exit::{Exit, Failure};
use crate::history::{self, History};
use crate::outbox::{Pointed, put_page};
use crate::output::Output;
use crate::pages::Pages;
use crate::published::{PAGE, newest_report, page_of_user};
use crate::report::Report;
use crate::service_error::{ServiceError, ServiceResult};
use crate::store::{Destination, Store};

/// How far back the pages look that a scan publishes.
const DAYS: u32 = 90;

/// `efs-scan report`.
pub(crate) fn run(args: &ReportArgs, readers: &Readers) -> Result<Exit, Failure> {
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    // A wrong path shows before anything is read.
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

/// Publishes the pages of the newest run after a scan. Whether that went well: what did not is
/// logged, because the run itself is published.
pub(crate) fn publish(to: &Destination, home_at: Option<&Path>, aws: &Aws) -> bool {
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

/// The newest run, and those of so many days before it.
fn read(store: &dyn Store, days: u32) -> ServiceResult<(Report, History)> {
    let report = newest_report(store)?;
    let history = history::read(store, days, report.run.finished)?;
    Ok((report, history))
}

/// The pages of users first: who reads about everybody finds what is behind it.
fn put(store: &dyn Store, pages: &Pages<'_>) -> ServiceResult<()> {
    let mut newer = 0;
    for uid in pages.uids() {
        let Some(page) = pages.of_user(uid) else { continue };
        newer += usize::from(put_page(store, &page_of_user(uid), &page)? == Pointed::Newer);
    }
    newer += usize::from(put_page(store, PAGE, &pages.overview())? == Pointed::Newer);
    match newer {
        0 => tracing::info!("published {}", store.name(PAGE)),
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
