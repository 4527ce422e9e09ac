//! `efs-scan remind`: e-mail to owners whose homes are over quota or hold much trash.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::asked::asked;
use super::heed::Phase;
use super::state_dir;
use crate::aws::Aws;
use crate::cli::RemindArgs;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::output::{Output, refuse_inside};
use crate::published::{is_stale, newest_report};
use crate::remind::{self, ReminderLedger, Work};
use crate::report::{Coverage, HomeKind, Report};
use crate::service_error::ServiceError;
use crate::state::{Lock, StateDir, own_name};
use crate::stop::Stop;

pub(super) fn run(
    args: &RemindArgs,
    loaded: Loaded,
    stop: &Stop,
    phase: &Phase,
) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let reminding = loaded.reminding().map_err(Failure::usage)?;
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let book = reminding.addresses.open().map_err(Failure::usage)?;
    let aws = Aws::new(readers.patience);
    let store = from.open(&aws).map_err(failed)?;
    let report = newest_report(&*store).map_err(failed)?;
    let now = Timestamp::now();
    if is_stale(report.run.finished, now) {
        let finished = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
        let problem = format!(
            "nobody is reminded of old figures: the newest run in {from} finished {finished}"
        );
        return Err(Failure::new(Exit::Stale, problem));
    }
    let asked = asked(&report, &args.users)?;
    let mut sorted = remind::sort(&report, &book, reminding.trash);
    if let Some(homes) = &asked {
        sorted.keep(homes);
    }
    // A dry run makes no directory and waits for no lock.
    let (state_dir, locked) = match (args.dry_run, readers.state_dir_shared) {
        (true, true) => (readers.state_dir.join(own_name()), None),
        (true, false) => (readers.state_dir.clone(), None),
        (false, shared) => lock(&report, &readers.state_dir, shared)?,
    };
    let directory = state_dir.join(remind::STATE);
    let mut ledger = ReminderLedger::open(&directory, now).map_err(Failure::fatal)?;
    let work = Work::new(&report, &reminding, readers.home_at.as_deref(), &sorted, &ledger);
    let exit = match locked {
        None => {
            let text = remind::preview(&work, &ledger);
            Output::Stdout.show(&text).map_err(Failure::fatal)?;
            Exit::Complete
        }
        Some(_lock) => remind::send(&work, &mut ledger, &aws, stop)?,
    };
    Ok(match exit {
        Exit::Complete if warn_of_unread(&report, asked.as_ref()) => Exit::Partial,
        exit => exit,
    })
}

/// Makes and locks the reminders' directory in the state directory, and returns the latter.
fn lock(
    report: &Report,
    configured: &Path,
    shared: bool,
) -> Result<(PathBuf, Option<Lock>), Failure> {
    refuse_inside(Path::new(&report.run.root), configured, "--state-dir")
        .map_err(Failure::usage)?;
    let state_dir = state_dir(configured, shared)?.into_owned();
    StateDir::open(&state_dir).map_err(Failure::usage)?;
    let state = StateDir::open(&state_dir.join(remind::STATE)).map_err(Failure::usage)?;
    let lock = state.lock("reminding").map_err(Failure::fatal)?;
    Ok((state_dir, Some(lock)))
}

/// Warns of homes that the run did not read completely, and returns true if there may be any among
/// those that were asked for.
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
        tracing::warn!(
            "the newest run is {coverage}: of {unread} homes that it did not read completely \
             nobody is reminded"
        );
    }
    unread > 0 || interrupted
}

fn failed(error: ServiceError) -> Failure {
    Failure::fatal(error.text)
}
