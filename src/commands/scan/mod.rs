//! A scan: [`prepare`] opens everything that the scan needs, [`walk`] lists the file system, and
//! [`deliver`] makes the report, writes it and publishes it.

mod deliver;
mod engine;
mod file_system;
mod prepare;
mod users;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::aws::Aws;
use crate::config::{Config, Loaded};
use crate::exit::{Exit, Failure};
use crate::stop::Stop;
use crate::sys;

/// Time that an interrupted scan has to end its walk. After that the program ends without a report:
/// the root may be on a server that does not answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Scans on a thread of its own, so that this one can react to signals while the scan blocks.
pub(super) fn run(loaded: Loaded, show_progress: bool) -> Result<Exit, Failure> {
    let config = loaded.check().map_err(Failure::usage)?;
    if config.settings.nice {
        // Before any other thread starts: threads inherit the idle classes.
        sys::idle().map_err(|error| Failure::fatal(format!("--nice: {error}")))?;
    }
    let stop = super::stoppable()?;
    let root = config.root.clone();
    let walk_ended = Arc::new(AtomicBool::new(false));
    let (send, receive) = channel();
    let (its_stop, its_walk_ended) = (Arc::clone(&stop), Arc::clone(&walk_ended));
    std::thread::spawn(move || {
        // The receiver is only gone when the program ends.
        let _ = send.send(scan(&config, show_progress, &its_stop, &its_walk_ended));
    });
    let mut stopped: Option<Instant> = None;
    loop {
        match receive.recv_timeout(Duration::from_millis(50)) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Disconnected) => {
                let problem = "the scan panicked; please report this with the message above";
                return Err(Failure::fatal(problem));
            }
            // Relaxed: only a moment's delay depends on it.
            Err(RecvTimeoutError::Timeout) if walk_ended.load(Ordering::Relaxed) => {}
            Err(RecvTimeoutError::Timeout) if stop.is_set() => {
                if stopped.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    let problem = format!("interrupted while {} does not answer", root.display());
                    return Err(Failure::new(Exit::Interrupted, problem));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn scan(
    config: &Config,
    show_progress: bool,
    stop: &Arc<Stop>,
    walk_ended: &AtomicBool,
) -> Result<Exit, Failure> {
    let aws = Aws::default();
    let mut prepared = prepare::prepare(config, &aws)?;
    let walked = walk::walk(config, &mut prepared, &aws, show_progress, stop);
    walk_ended.store(true, Ordering::Relaxed);
    deliver::deliver(config, prepared, walked?, &aws, stop)
}
