//! `efs-scan status`: reads the newest published run back, with the changes since the day and the
//! week before.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::cli::{StatusArgs, StatusFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::names::domain_id;
use crate::output::Output;
use crate::published::{Latest, newest, nothing_there};
use crate::report;
use crate::service_error::ServiceError;
use crate::status::{Bases, StatusApp, StatusView, table};

/// A source of names that is a domain, before the domain.
const SOURCE: &str = "sagemaker:";

pub(super) fn run(args: &StatusArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::new(readers.patience);
    let store = from.open(&aws).map_err(failed)?;
    let latest = newest(&*store).map_err(failed)?;
    let latest = latest.ok_or_else(|| Failure::fatal(nothing_there(&*store)))?;
    let bases = Bases::read(&*store, &latest);
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
    let of_run = latest.run.names.iter().filter_map(|name| name.strip_prefix(SOURCE));
    let mut domains: Vec<String> = of_run.map(str::to_owned).collect();
    if domains.is_empty() {
        domains = configured;
    }
    if domains.is_empty() {
        let problem = "--apps needs a domain: scan with --names sagemaker:DOMAIN";
        return Err(Failure::usage(problem));
    }
    let mut found = Vec::new();
    let mut failed = Vec::new();
    let mut asked = BTreeSet::new();
    for domain in &domains {
        let apps = domain_id(domain, aws).and_then(|id| match asked.insert(id.clone()) {
            true => aws.apps(&id),
            // One domain may be a source by its id and by its name.
            false => Ok(Vec::new()),
        });
        let source = format!("{SOURCE}{domain}");
        match apps {
            Ok(apps) => {
                found.extend(apps.into_iter().map(|app| StatusApp { app, source: source.clone() }));
            }
            Err(error) => failed.push(error.text),
        }
    }
    if failed.len() == domains.len() {
        return Err(Failure::fatal(failed.remove(0)));
    }
    for problem in &failed {
        tracing::warn!("apps are missing: {problem}");
    }
    Ok((found, !failed.is_empty()))
}
