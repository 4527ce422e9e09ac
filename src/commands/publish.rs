//! `efs-scan publish`: sends the runs that wait in the spool.

use super::heed::Phase;
use super::state_dir;
use crate::aws::Aws;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::{adopt_spooled, send_waiting};
use crate::state::{StateDir, shown};
use crate::stop::Stop;

pub(super) fn run(loaded: Loaded, stop: &Stop, phase: &Phase) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let readers = loaded.readers().map_err(Failure::usage)?;
    let state_dir = state_dir(&readers.state_dir, readers.state_dir_shared)?;
    let state = StateDir::open(&state_dir).map_err(Failure::usage)?;
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    adopt_spooled(&state);
    let parts = state.parts().map_err(Failure::fatal)?;
    let (mut runs, mut waiting, mut problems) = (0, 0, 0);
    let mut held = None;
    for part in parts {
        let part = state.part(&part).map_err(Failure::usage)?;
        let spool = shown(&part.path("spool"));
        phase.begin(format!("publishing; what is not sent waits in {}", spool.display()));
        let _lock = match part.lock("publishing") {
            Ok(lock) => lock,
            // It sends what waits there when its scan ends. The others do not wait for that.
            Err(error) => {
                held.get_or_insert(error);
                continue;
            }
        };
        let sent = send_waiting(&part, &aws, stop);
        runs += sent.runs;
        waiting += sent.waiting;
        problems += sent.problems.len();
    }
    if let Some(error) = held {
        return Err(Failure::fatal(error));
    }
    Ok(match (stop.is_set(), waiting) {
        (_, 0) if problems == 0 => {
            log::summary!(runs = runs, "published");
            Exit::Complete
        }
        (true, 1..) => Exit::Interrupted,
        _ => Exit::Unpublished,
    })
}
