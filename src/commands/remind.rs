//! `efs-scan remind`: sends e-mail to owners whose homes are over quota or hold much trash, and to
//! owners of long-running apps.

mod apps;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file_systems::only;
use super::heed::Phase;
use super::selected::find_homes_of;
use super::state_dir;
use crate::aws::Aws;
use crate::cli::{RemindArgs, RemindOf};
use crate::config::{Loaded, Readers};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::{Output, refuse_inside};
use crate::published::{is_stale, newest_report};
use crate::remind::{self, HomeWork, ReminderLedger, Work};
use crate::report::{Coverage, HomeKind, HomeReport, Report};
use crate::service_error::ServiceError;
use crate::state::{Lock, StateDir, own_name};
use crate::stop::Stop;
use crate::text::printable;

pub(super) fn run(
    args: &RemindArgs,
    loaded: Loaded,
    stop: &Stop,
    phase: &Phase,
) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let reminding = loaded.reminding().map_err(Failure::usage)?;
    let readers = loaded.readers().map_err(Failure::usage)?;
    let book = reminding.addresses.open().map_err(Failure::usage)?;
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let now = Timestamp::now();
    let with_apps = match args.only {
        Some(only) => only == RemindOf::Apps,
        None => reminding.apps.is_on,
    };
    let mut partial = PartialFailure::default();
    let report = match args.only {
        Some(RemindOf::Apps) => None,
        _ => partial.unless(report(args, &readers, &aws, now), with_apps)?,
    };
    let apps = match with_apps {
        true => {
            let found = apps::find(&readers, report.as_ref(), &reminding, &book, &aws, now);
            partial.unless(found, report.is_some())?
        }
        false => None,
    };
    if let Some(apps::Found { unanswered: true, .. }) = apps {
        partial.note(Exit::Partial);
    }
    let mut apps = apps.map(|found| found.apps);
    let (asked, missing) = match &report {
        Some(report) => find_homes_of(report, &args.users),
        None => (None, args.users.iter().map(String::as_str).collect()),
    };
    let missing = apps::keep(apps.as_mut(), &args.users, missing);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        match report {
            Some(_) => {
                let problem = format!("no home for {missing} in the newest run");
                return Err(Failure::usage(problem));
            }
            // It is normal to have no long-running apps.
            None => log::info!("no app runs for long of {}", printable(missing.as_bytes())),
        }
    }
    let sorted_apps = apps.as_ref().map(|apps| remind::sort_apps(apps, &book));
    let reasons = |home: &HomeReport| remind::has_reasons(home, reminding.trash);
    let due: Vec<HomeReport> =
        report.iter().flat_map(|report| report.homes.iter().filter(reasons)).collect();
    let sorted = report.as_ref().map(|report| {
        let mut sorted = remind::sort(report, &due, &book, reminding.trash);
        if let Some(homes) = &asked {
            sorted.keep(homes);
        }
        sorted
    });
    // A dry run makes no directory and takes no lock.
    let (state_dir, locked) = match (args.dry_run, readers.state_dir_shared) {
        (true, true) => (readers.state_dir.join(own_name()), None),
        (true, false) => (readers.state_dir.clone(), None),
        (false, shared) => lock(report.as_ref(), &readers.state_dir, shared)?,
    };
    let directory = state_dir.join(remind::STATE);
    let mut ledger = ReminderLedger::open(&directory, now).map_err(Failure::fatal)?;
    let homes = report.as_ref().zip(sorted.as_ref());
    let home_at = readers.home_at.as_deref();
    let homes = homes.map(|(report, sorted)| HomeWork { report, home_at, sorted });
    let work = Work::new(&reminding, homes, sorted_apps.as_ref(), now, &ledger);
    let exit = match locked {
        None => {
            let text = remind::preview(&work, &ledger);
            Output::Stdout.show(&text).map_err(Failure::fatal)?;
            Exit::Complete
        }
        Some(_lock) => remind::send(&work, &mut ledger, &aws, stop)?,
    };
    if report.as_ref().is_some_and(|report| warn_of_unread(report, asked.as_ref())) {
        partial.note(Exit::Partial);
    }
    Ok(match exit {
        Exit::Complete => partial.0.unwrap_or(Exit::Complete),
        exit => exit,
    })
}

/// Exit code for the case that only some parts of the command failed.
#[derive(Default)]
struct PartialFailure(Option<Exit>);

impl PartialFailure {
    fn note(&mut self, exit: Exit) {
        self.0.get_or_insert(exit);
    }

    /// Returns the part's result. Logs a failure instead of returning it if there is another part
    /// to do.
    fn unless<T>(&mut self, found: Result<T, Failure>, other: bool) -> Result<Option<T>, Failure> {
        match found {
            Ok(found) => Ok(Some(found)),
            // Errors in the configuration end the command, so that they are seen first.
            Err(failure) if other && failure.exit != Exit::Usage => {
                log::error!("{}", failure.problem);
                self.note(failure.exit);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Reads the newest run, and refuses a stale one.
fn report(
    args: &RemindArgs,
    readers: &Readers,
    aws: &Aws,
    now: Timestamp,
) -> Result<Report, Failure> {
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let store = from.open(aws).map_err(failed)?;
    let report = newest_report(&*store, &only(&*store, &args.file_systems)?).map_err(failed)?;
    if is_stale(report.run.finished, now) {
        let finished = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
        let problem = format!(
            "nobody is reminded of old figures: the newest run in {from} finished {finished}"
        );
        return Err(Failure::new(Exit::Stale, problem));
    }
    Ok(report)
}

/// Makes and locks the directory of reminders in the state directory. Returns the state directory.
fn lock(
    report: Option<&Report>,
    configured: &Path,
    shared: bool,
) -> Result<(PathBuf, Option<Lock>), Failure> {
    if let Some(report) = report {
        let root = Path::new(&report.run.root);
        refuse_inside(root, configured, "--state-dir").map_err(Failure::usage)?;
    }
    let state_dir = state_dir(configured, shared)?.into_owned();
    StateDir::open(&state_dir).map_err(Failure::usage)?;
    let state = StateDir::open(&state_dir.join(remind::STATE)).map_err(Failure::usage)?;
    let lock = state.lock("reminding").map_err(Failure::fatal)?;
    Ok((state_dir, Some(lock)))
}

/// Warns of homes that the run did not read completely. Returns true if any of the selected homes
/// may be among them.
fn warn_of_unread(report: &Report, asked: Option<&BTreeSet<Vec<u8>>>) -> bool {
    let homes = report.homes.iter().filter(|home| {
        let is_asked = asked.is_none_or(|asked| asked.contains(&home.name_bytes()));
        home.kind != HomeKind::Outside && is_asked
    });
    let unread = homes.filter(|home| home.coverage != Coverage::Complete).count();
    // The report of an interrupted run lacks the homes that the walk did not reach.
    let interrupted = report.run.coverage == Coverage::Interrupted;
    if unread > 0 || interrupted {
        let coverage = report.run.coverage.name();
        log::warn!(
            "the newest run is {coverage}: owners of {unread} homes that it did not read \
             completely are not reminded"
        );
    }
    unread > 0 || interrupted
}

fn failed(error: ServiceError) -> Failure {
    Failure::fatal(error.text)
}
