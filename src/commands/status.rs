//! `efs-scan status`: reads the newest published run back, with the changes since the day and the
//! week before.

use jiff::Timestamp;

use super::domains::{apps_of, domains_of};
use super::file_systems::only;
use crate::aws::Aws;
use crate::cli::{StatusArgs, StatusFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::published::{Latest, newest, nothing_there};
use crate::report;
use crate::service_error::ServiceError;
use crate::status::{Bases, StatusApp, StatusView, table};

pub(super) fn run(args: &StatusArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let store = from.open(&aws).map_err(failed)?;
    let of = only(&*store, &args.file_systems)?;
    let latest = newest(&*store, &of).map_err(failed)?;
    let latest = latest.ok_or_else(|| Failure::fatal(nothing_there(&*store)))?;
    let bases = Bases::read(&*store, &of, &latest);
    let (apps, silent) = match args.apps {
        true => {
            let (apps, silent) = apps(&latest, readers.domains, &aws)?;
            (Some(apps), silent)
        }
        false => (None, false),
    };
    let mut view = StatusView::new(from.to_string(), latest, &bases, apps, Timestamp::now());
    if !args.users.is_empty() {
        let missing = view.restrict(&args.users);
        if !missing.is_empty() {
            let problem = format!("no home for {} in the newest run", missing.join(", "));
            return Err(Failure::usage(problem));
        }
    }
    let text = match args.format {
        StatusFormat::Table => table(&view),
        StatusFormat::Json => report::json(&view).map_err(Failure::fatal)?,
    };
    Output::Stdout.show(&text).map_err(Failure::fatal)?;
    Ok(match view.stale && args.fail_if_stale {
        true => Exit::Stale,
        false if bases.unread || silent => Exit::Partial,
        false => Exit::Complete,
    })
}

/// Lists the apps of all domains that named the run's homes, or else of the configured ones. Returns
/// true as well if a domain did not answer while another did.
fn apps(
    latest: &Latest,
    configured: Vec<String>,
    aws: &Aws,
) -> Result<(Vec<StatusApp>, bool), Failure> {
    let mut domains = domains_of(latest.run.names.iter());
    if domains.is_empty() {
        domains = configured;
    }
    if domains.is_empty() {
        let problem = "--apps needs a domain: scan with --names sagemaker:DOMAIN";
        return Err(Failure::usage(problem));
    }
    let found = apps_of(&domains, aws)?;
    let apps = found.apps.into_iter().map(|(source, app)| StatusApp { app, source });
    Ok((apps.collect(), found.unanswered))
}
