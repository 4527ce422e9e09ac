//! Ends a command on a signal even while it waits for a server, a lock or a full pipe.
//!
//! The command runs on a thread of its own, and a [`Stop`] requests its end. If it does not end,
//! this thread ends the process. Nothing is left incomplete: files get their names when they are
//! complete, temporary files are removed, and unsent runs stay in the spool.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::atomic;
use crate::exit::{Exit, Failure};
use crate::scan::LONGEST_END;
use crate::stop::{Stop, stop_on_signals};
use crate::sync::lock;

/// Time that a command has to end after a signal: the scan's engine needs up to [`LONGEST_END`], and
/// then there is a report to write.
const PATIENCE: Duration = LONGEST_END.saturating_add(Duration::from_millis(700));

/// Interval of checks for a signal.
const INTERVAL: Duration = Duration::from_millis(50);

/// The current phase of a command, which the message about an interrupt names.
#[derive(Debug, Default)]
pub(super) struct Phase(Mutex<Current>);

#[derive(Debug, Default)]
struct Current {
    doing: String,
    /// Start of the time limit, if it began after the signal.
    since: Option<Instant>,
    is_computing: bool,
    heeds_stop: bool,
}

impl Phase {
    /// Declares that the command observes [`Stop`] from now on, and so gets time to end by itself.
    pub(super) fn heeds_stop(&self) {
        lock(&self.0).heeds_stop = true;
    }

    /// Begins a phase. `doing` completes the sentence "interrupted while …".
    pub(super) fn begin(&self, doing: impl Into<String>) {
        let mut current = lock(&self.0);
        if current.is_computing {
            current.since = Some(Instant::now());
        }
        (current.doing, current.is_computing) = (doing.into(), false);
    }

    /// Begins a phase that only computes, so it always ends. Its time does not count against the
    /// limit.
    pub(super) fn compute(&self, doing: impl Into<String>) {
        self.begin(doing);
        lock(&self.0).is_computing = true;
    }

    /// Returns the failure of a command that was asked to end at `asked` and has exceeded its time
    /// limit.
    fn overdue(&self, asked: Instant) -> Option<Failure> {
        let current = lock(&self.0);
        let since = current.since.map_or(asked, |since| since.max(asked));
        let patience = if current.heeds_stop { PATIENCE } else { Duration::ZERO };
        if current.is_computing || since.elapsed() < patience {
            return None;
        }
        let problem = match current.doing.as_str() {
            "" => "interrupted".to_owned(),
            doing => format!("interrupted while {doing}"),
        };
        Some(Failure::new(Exit::Interrupted, problem))
    }
}

/// Runs a command, and returns soon after a signal even if the command does not end.
pub(super) fn heed(
    work: impl FnOnce(&Arc<Stop>, &Phase) -> Result<Exit, Failure> + Send + 'static,
) -> Result<Exit, Failure> {
    let stop = Arc::new(Stop::default());
    stop_on_signals(&stop).map_err(Failure::fatal)?;
    let phase = Arc::new(Phase::default());
    let (send, receive) = channel();
    let (its_stop, its_phase) = (Arc::clone(&stop), Arc::clone(&phase));
    let thread = std::thread::Builder::new().name("command".to_owned()).spawn(move || {
        // The receiver lives until the program ends.
        let _ = send.send(work(&its_stop, &its_phase));
    });
    thread.map_err(|error| Failure::fatal(format!("starting a thread: {error}")))?;
    let mut asked: Option<Instant> = None;
    loop {
        match receive.recv_timeout(INTERVAL) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Disconnected) => {
                let problem = "efs-scan panicked; please report this with the message above";
                return Err(Failure::fatal(problem));
            }
            Err(RecvTimeoutError::Timeout) if stop.is_set() => {
                let asked = *asked.get_or_insert_with(Instant::now);
                if let Some(failure) = phase.overdue(asked) {
                    atomic::remove_unfinished();
                    return Err(failure);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
