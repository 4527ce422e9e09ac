//! Finds the ledger of reminders: in the state directory, or at the destination of the runs.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::commands::state_dir;
use crate::commands::state_place::{Choice, Chosen, choose};
use crate::config::Readers;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::refuse_inside;
use crate::remind::{LEDGER, ReminderLedger, STATE};
use crate::report::Report;
use crate::service_error::ServiceError;
use crate::state::{KeepIn, Lock, State, StateDir, StateError, StateObjects, own_name};
use crate::store::{Destination, OpenDestination, Opener};

/// The ledger, and its lock unless this is a dry run.
pub(super) struct Opened {
    pub(super) ledger: ReminderLedger,
    pub(super) lock: Option<Lock>,
}

/// Opens the ledger. A dry run makes no directory and takes no lock.
pub(super) fn open(
    readers: &Readers,
    reports: &[Report],
    from: Option<&Destination>,
    (aws, now): (&Arc<Aws>, Timestamp),
    is_dry: bool,
) -> Result<Opened, Failure> {
    let local = directory(readers);
    let (state, before) = match place(readers, from, &local, aws)? {
        Some(objects) => (State::Objects(objects), Some(local)),
        None if is_dry => (local, None),
        None => (made(readers, reports)?, None),
    };
    let lock = match is_dry {
        true => None,
        false => Some(state.lock("reminding").map_err(|error| match error {
            StateError::Refused(_) | StateError::Unwritable(_) => Failure::usage(error),
            StateError::Destination(error) => failed(error),
            StateError::Held(_) => Failure::fatal(error),
        })?),
    };
    let ledger = ReminderLedger::open(state, before.as_ref(), now).map_err(failed)?;
    Ok(Opened { ledger, lock })
}

/// Returns the objects that keep the ledger; `None` if the state directory does.
fn place(
    readers: &Readers,
    from: Option<&Destination>,
    local: &State,
    aws: &Arc<Aws>,
) -> Result<Option<StateObjects>, Failure> {
    let is_conditional = !readers.buckets.unconditional;
    let destination = match (from.filter(|_| is_conditional), readers.state) {
        (Some(destination), _) => destination,
        (None, KeepIn::Destination) => {
            let problem = "--state destination needs a destination of runs with conditional writes";
            return Err(Failure::usage(problem));
        }
        (None, _) => return Ok(None),
    };
    let at = OpenDestination { destination: destination.clone(), aws: Arc::clone(aws) };
    let at: Arc<dyn Opener> = Arc::new(at);
    let objects = StateObjects::of_reminders(&at);
    let chosen = choose(Choice {
        asked: readers.state,
        to: Some(destination),
        state_dir: &readers.state_dir,
        is_shared: readers.state_dir_shared,
    });
    let why = match chosen {
        Chosen::Destination(why) => why,
        Chosen::Directory if readers.state == KeepIn::Directory => return Ok(None),
        // Without this, everybody would be reminded again.
        Chosen::Directory => {
            let is_new =
                local.read::<serde::de::IgnoredAny>(LEDGER).is_ok_and(|there| there.is_none());
            if !is_new || !objects.has(LEDGER).map_err(failed)? {
                return Ok(None);
            }
            "it is there, and the state directory has none".to_owned()
        }
    };
    log::info!("the ledger of reminders is kept at {destination}: {why}");
    Ok(Some(objects))
}

/// Returns the ledger's directory, which may not exist.
fn directory(readers: &Readers) -> State {
    let own = readers.state_dir_shared.then(|| readers.state_dir.join(own_name()));
    State::Directory(own.as_deref().unwrap_or(&readers.state_dir).join(STATE))
}

/// Makes the ledger's directory.
fn made(readers: &Readers, reports: &[Report]) -> Result<State, Failure> {
    for report in reports {
        let root = Path::new(&report.run.root);
        refuse_inside(root, &readers.state_dir, "--state-dir").map_err(Failure::usage)?;
    }
    let state_dir = state_dir(&readers.state_dir, readers.state_dir_shared)?;
    StateDir::open(&state_dir).map_err(Failure::usage)?;
    Ok(State::Directory(state_dir.join(STATE)))
}

/// A destination that does not answer ends the command before anybody is reminded.
fn failed(error: ServiceError) -> Failure {
    match error.trouble.passes() {
        true => {
            Failure::new(Exit::Unpublished, format!("{error}; nobody was reminded: retry the job"))
        }
        false => Failure::fatal(error.text),
    }
}
