//! `efs-scan status`: shows the newest published run, with the changes since the day and the week
//! before.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::domains::{apps_of, domains_of};
use super::file_systems::{chosen, read_each};
use super::grown::{self, Bounds};
use super::selected::no_home;
use crate::aws::Aws;
use crate::changes::Scope;
use crate::cli::{By, StatusArgs, StatusFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::Output;
use crate::published::{Latest, newest, nothing_there};
use crate::report::{self, FileSystemKey};
use crate::service_error::ServiceError;
use crate::status::{Bases, Fleet, Lines, Member, StatusApp, StatusView, table};
use crate::store::{Destination, Store};
use crate::text::printable;

pub(super) fn run(args: &StatusArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let store = from.open(&aws).map_err(failed)?;
    let chosen = chosen(&*store, &args.file_systems)?;
    let lines = match args.by {
        None => Lines::All,
        Some(By::FileSystem) => Lines::FileSystems,
        Some(By::Group) => Lines::Groups,
        Some(By::Person) => Lines::People(readers.same_people),
    };
    let alone = chosen.len() == 1;
    let (mut members, mut unreadable) = (Vec::new(), Vec::new());
    let (mut gaps, mut missing) = (false, None);
    // Sums by person or group do not say where homes grew.
    let bounds = (args.by.is_none() && chosen.len() <= MOST_WITH_PLACES).then(|| match alone {
        true => Bounds { most: MOST, until: None },
        false => Bounds { most: MOST_OF_EACH, until: Some(Instant::now() + MOST_TIME) },
    });
    let too_many = args.by.is_none() && bounds.is_none();
    let read = read_each(&chosen, |of| {
        let (latest, mut bases) = runs(&*store, of, bounds)?;
        if too_many && bases.day_run().is_some() {
            let reason = format!("there are more than {MOST_WITH_PLACES} file systems");
            bases.grew_left_out = Some(reason);
        }
        Ok((latest, bases))
    });
    for (of, runs) in chosen.into_iter().zip(read) {
        match runs.and_then(|runs| member(args, &from, runs, &readers.domains, &aws)) {
            Ok(read) => {
                gaps |= read.gaps;
                // A user need not have a home on every file system.
                let without = missing.get_or_insert_with(|| read.missing.clone());
                without.retain(|user| read.missing.contains(user));
                members.push(Member { key: of, view: read.view });
            }
            Err(failure) if alone || failure.exit == Exit::Usage => return Err(failure),
            Err(failure) => {
                log::error!("{}", printable(failure.problem.as_bytes()));
                gaps = true;
                unreadable.push(of);
            }
        }
    }
    if members.is_empty() {
        return Err(Failure::fatal("no file system could be read"));
    }
    let missing = missing.unwrap_or_default();
    if !missing.is_empty() {
        return Err(no_home(&missing, "in the newest run", !unreadable.is_empty()));
    }
    if !args.users.is_empty() && !alone {
        members.retain(|member| member.view.shows_any());
    }
    let fleet = Fleet::new(from.to_string(), members, unreadable, lines);
    let text = match (args.format, &fleet.file_systems[..]) {
        (StatusFormat::Table, [only]) if args.by.is_none() && alone => table(&only.view),
        (StatusFormat::Json, [only]) if args.by.is_none() && alone => {
            report::json(&only.view).map_err(Failure::fatal)?
        }
        (StatusFormat::Table, _) => fleet.table(lines),
        (StatusFormat::Json, _) => report::json(&fleet).map_err(Failure::fatal)?,
    };
    Output::Stdout.show(&text).map_err(Failure::fatal)?;
    Ok(match fleet.is_stale() && args.fail_if_stale {
        true => Exit::Stale,
        false if gaps => Exit::Partial,
        false => Exit::Complete,
    })
}

/// The largest tables of directories that are read for the status, which is looked at often.
const MOST: u64 = 64 << 20;

/// The same, where there are several file systems.
const MOST_OF_EACH: u64 = 16 << 20;

/// With more file systems than this, no table of directories is read: a status takes a second.
const MOST_WITH_PLACES: usize = 16;

/// How long the tables of several file systems are read.
const MOST_TIME: Duration = Duration::from_secs(4);

/// The status of one file system.
struct Read {
    view: StatusView,
    /// True if data is missing because it could not be read.
    gaps: bool,
    /// Users without a line in it.
    missing: Vec<String>,
}

/// Reads the newest run of a file system, and the runs to compare it with; within `bounds`, the tables
/// of directories, too.
fn runs(
    store: &dyn Store,
    of: &FileSystemKey,
    bounds: Option<Bounds>,
) -> Result<(Latest, Bases), Failure> {
    let latest = newest(store, of).map_err(|error| Failure::fatal(error.text))?;
    let latest = latest.ok_or_else(|| Failure::fatal(nothing_there(store)))?;
    let mut bases = Bases::read(store, of, &latest);
    if let (Some(day), Some(bounds)) = (bases.day_run(), bounds) {
        let runs = [day, &latest.run.id];
        let grew = grown::between(store, of, runs, (Scope::default(), LINES), bounds);
        match grew {
            Ok(explained) => bases.add_grew(explained.grew_most(1)),
            Err(not_known) => {
                bases.grew_unread = not_known.is_gap();
                bases.grew_left_out = not_known.reason();
            }
        }
    }
    Ok((latest, bases))
}

/// Lines of a home among which the place that grew most is.
const LINES: usize = 20;

fn member(
    args: &StatusArgs,
    from: &Destination,
    (latest, bases): (Latest, Bases),
    domains: &[String],
    aws: &Aws,
) -> Result<Read, Failure> {
    for error in &bases.unread {
        log::warn!("no comparison: {}", error.text);
    }
    let unread = !bases.unread.is_empty() || bases.grew_unread;
    let (apps, silent) = match args.apps {
        true => {
            let (apps, silent) = apps(&latest, domains.to_vec(), aws)?;
            (Some(apps), silent)
        }
        false => (None, false),
    };
    let mut view = StatusView::new(from.to_string(), latest, bases, apps, Timestamp::now());
    let missing = match args.users.is_empty() {
        true => Vec::new(),
        false => view.restrict(&args.users).into_iter().map(str::to_owned).collect(),
    };
    Ok(Read { view, gaps: unread || silent, missing })
}

/// Lists the apps of the domains that named the run's homes, or else of the configured ones. The
/// flag is true if a domain did not answer while another did.
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
