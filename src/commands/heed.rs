//! Heeds signals whatever a command waits for: a server that does not answer, a lock, a full pipe.
//!
//! The command runs on a thread of its own, and is asked to end by a [`Stop`]. If it does not, this
//! thread ends the process without it. Nothing is left half: files get their names when they are
//! whole, the temporary ones are removed, and what is not sent yet waits in the spool.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::atomic;
use crate::exit::{Exit, Failure};
use crate::stop::{Stop, stop_on_signals};
use crate::sync::lock;

/// Time that a command has to end after a signal.
const PATIENCE: Duration = Duration::from_millis(1200);

/// Interval at which the signal is looked for.
const INTERVAL: Duration = Duration::from_millis(50);

/// The phase that a command is in. The line about an interrupted command names it.
#[derive(Debug, Default)]
pub(super) struct Phase(Mutex<Current>);

#[derive(Debug, Default)]
struct Current {
    doing: String,
    /// When the clock of a command that was asked to end starts again.
    since: Option<Instant>,
    waits_for_nobody: bool,
    heeds_stop: bool,
}

impl Phase {
    /// The command looks at [`Stop`] from now on, and has some time to end in good order.
    pub(super) fn heeds_stop(&self) {
        lock(&self.0).heeds_stop = true;
    }

    /// Begins a phase. `doing` comes after "interrupted while".
    pub(super) fn begin(&self, doing: impl Into<String>) {
        let mut current = lock(&self.0);
        if current.waits_for_nobody {
            current.since = Some(Instant::now());
        }
        (current.doing, current.waits_for_nobody) = (doing.into(), false);
    }

    /// Begins a phase that only computes, so that it ends by itself. Its time does not count.
    pub(super) fn compute(&self, doing: impl Into<String>) {
        self.begin(doing);
        lock(&self.0).waits_for_nobody = true;
    }

    /// The failure of a command that was asked to end at `asked` and should have ended by now.
    fn overdue(&self, asked: Instant) -> Option<Failure> {
        let current = lock(&self.0);
        let since = current.since.map_or(asked, |since| since.max(asked));
        let patience = if current.heeds_stop { PATIENCE } else { Duration::ZERO };
        if current.waits_for_nobody || since.elapsed() < patience {
            return None;
        }
        let problem = match current.doing.as_str() {
            "" => "interrupted".to_owned(),
            doing => format!("interrupted while {doing}"),
        };
        Some(Failure::new(Exit::Interrupted, problem))
    }
}

/// Runs a command, and returns soon after a signal even if the command does not.
pub(super) fn heed(
    work: impl FnOnce(&Arc<Stop>, &Phase) -> Result<Exit, Failure> + Send + 'static,
) -> Result<Exit, Failure> {
    let stop = Arc::new(Stop::default());
    stop_on_signals(&stop).map_err(Failure::fatal)?;
    let phase = Arc::new(Phase::default());
    let (send, receive) = channel();
    let (its_stop, its_phase) = (Arc::clone(&stop), Arc::clone(&phase));
    let thread = std::thread::Builder::new().name("command".to_owned()).spawn(move || {
        // The receiver is only gone when the program ends.
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
