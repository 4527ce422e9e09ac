//! `efs-scan publish`: sends the runs that wait in the spool.

use super::heed::Phase;
use super::state_dir;
use crate::aws::Aws;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::send_waiting;
use crate::state::{StateDir, shown};
use crate::stop::Stop;

pub(super) fn run(loaded: Loaded, stop: &Stop, phase: &Phase) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let readers = loaded.readers().map_err(Failure::usage)?;
    let state_dir = state_dir(&readers.state_dir, readers.state_dir_shared)?;
    let state = StateDir::open(&state_dir).map_err(Failure::usage)?;
    let spool = shown(&state.path("spool"));
    phase.begin(format!("publishing; what is not sent waits in {}", spool.display()));
    let _lock = state.lock("publishing").map_err(Failure::fatal)?;
    let sent = send_waiting(&state, &Aws::new(readers.patience, readers.buckets.clone()), stop);
    Ok(match (stop.is_set(), sent.waiting) {
        (_, 0) if sent.problems.is_empty() => {
            log::summary!(runs = sent.runs, "published");
            Exit::Complete
        }
        (true, 1..) => Exit::Interrupted,
        _ => Exit::Unpublished,
    })
}
