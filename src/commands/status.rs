//! `efs-scan status`: reads the newest published run back, with the changes since the day and the
//! week before.

use jiff::Timestamp;

use crate::aws::{App, Aws};
use crate::cli::{StatusArgs, StatusFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::names::domain_id;
use crate::output::Output;
use crate::published::{Latest, newest, nothing_there};
use crate::report;
use crate::service_error::ServiceError;
use crate::status::{Bases, StatusView, table};

pub(super) fn run(args: &StatusArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::default();
    let store = from.open(&aws).map_err(failed)?;
    let latest = newest(&*store).map_err(failed)?;
    let latest = latest.ok_or_else(|| Failure::fatal(nothing_there(&*store)))?;
    let bases = Bases::read(&*store, &latest);
    let apps = match args.apps {
        true => Some(apps(&latest, readers.domain, &aws)?),
        false => None,
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
        false if bases.unread => Exit::Partial,
        false => Exit::Complete,
    })
}

/// Lists the apps of the configured domain, or else of the domain that named the run's homes.
fn apps(latest: &Latest, configured: Option<String>, aws: &Aws) -> Result<Vec<App>, Failure> {
    let of_run = || {
        let names = latest.run.names.iter();
        names.filter_map(|name| name.strip_prefix("sagemaker:")).next().map(str::to_owned)
    };
    let domain = configured.or_else(of_run).ok_or_else(|| {
        Failure::usage("--apps needs a domain: scan with --names sagemaker:DOMAIN")
    })?;
    let apps = domain_id(&domain, aws).and_then(|id| aws.apps(&id));
    apps.map_err(|error| Failure::fatal(error.text))
}
