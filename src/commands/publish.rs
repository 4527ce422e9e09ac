//! `efs-scan publish`: sends the runs that wait in the spool.

use crate::aws::Aws;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::send_waiting;
use crate::state::StateDir;

pub(super) fn run(loaded: Loaded) -> Result<Exit, Failure> {
    let stop = super::stoppable()?;
    let readers = loaded.readers().map_err(Failure::usage)?;
    let state = StateDir::open(&readers.state_dir).map_err(Failure::usage)?;
    let _lock = state.lock("publishing").map_err(Failure::fatal)?;
    let sent = send_waiting(&state, &Aws::default(), &stop)?;
    Ok(match (stop.is_set(), sent.waiting) {
        (_, 0) => {
            tracing::info!(target: log::SUMMARY, runs = sent.runs, "published");
            Exit::Complete
        }
        (true, _) => Exit::Interrupted,
        (false, _) => Exit::Unpublished,
    })
}
