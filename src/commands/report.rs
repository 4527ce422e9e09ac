//! `efs-scan report`: makes HTML pages of the newest published run, as files or at the destination.

use std::path::Path;

use jiff::Timestamp;

use super::pages;
use crate::aws::Aws;
use crate::cli::ReportArgs;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::pages::Pages;
use crate::service_error::ServiceError;

pub(super) fn run(args: &ReportArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    // Opened first, so that a wrong path fails at once.
    let html = args.html.as_deref().map(|path| Output::named("--html", path)).transpose()?;
    let aws = Aws::default();
    let store = from.open(&aws).map_err(failed)?;
    let (report, history) = pages::read(&*store, args.days).map_err(failed)?;
    let home_at = readers.home_at.as_deref();
    let pages = Pages::new(&report, &history, Timestamp::now()).seen_at(home_at);
    if let Some(output) = html {
        output.write(pages.overview().as_bytes()).map_err(Failure::fatal)?;
    }
    if let Some(directory) = &args.users {
        write_users(directory, &pages)?;
    }
    if args.publish {
        pages::put(&*store, &pages).map_err(failed)?;
    }
    Ok(Exit::Complete)
}

fn write_users(directory: &Path, pages: &Pages<'_>) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| {
        let directory = directory.display();
        Failure::fatal(format!("--users: making the directory {directory}: {error}"))
    })?;
    for uid in pages.uids() {
        let Some(page) = pages.of_user(uid) else { continue };
        let output = Output::named("--users", &directory.join(format!("{uid}.html")))?;
        output.write(page.as_bytes()).map_err(Failure::fatal)?;
    }
    Ok(())
}
