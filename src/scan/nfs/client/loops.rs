//! Further event loops, for a server that answers faster than a thread counts.
//!
//! Each loop is an independent client with its own owner, connections and window, so it cannot harm
//! the sessions of others. Loops share the queued directories ([`Team`]) and the ledger, which
//! locks for each listing, not for each entry.
//!
//! A further loop costs the server a client id and up to eight connections, and us their memory. So
//! loops only start once the first one has read some thousand directories and its thread is busy
//! most of the time. The limit on requests in flight is divided among them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::{Builder, Scope};
use std::time::Duration;

use mio::Waker;

use super::{NfsClient, WAKER};
use crate::log;
use crate::scan::Ended;
use crate::scan::nfs::walk::Team;
use crate::scan::nfs::window::RequestWindow;
use crate::stop::Stop;

/// The number of event loops of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loops {
    /// One per processor, at most `MOST_LOOPS`, once the first loop is overloaded. A single loop
    /// for a throttled scan.
    #[default]
    Auto,
    /// This many, from the first directories on. A single loop for a throttled scan.
    Fixed(usize),
}

/// Largest number of loops with [`Loops::Auto`].
const MOST_LOOPS: usize = 8;

/// Directories to read before further loops start.
const FEW_DIRECTORIES: u64 = 4096;

/// Share of a processor from which a loop counts as overloaded, and the time to measure it.
const BUSY: f64 = 0.6;
const BUSY_TIME: Duration = Duration::from_millis(200);

/// Smallest number of requests in flight per loop.
const LEAST_IN_FLIGHT: usize = 16;

/// Decides when to start further loops.
pub(super) struct Recruiting {
    loops: usize,
    at_once: bool,
    /// Time of the walk and processor time at the start of the measurement.
    since: (Duration, Duration),
}

impl Recruiting {
    /// Returns `None` if a single loop is enough.
    pub(super) fn new(loops: Loops, window: &RequestWindow) -> Option<Self> {
        let (loops, at_once) = match loops {
            Loops::Auto => {
                let processors = std::thread::available_parallelism().map_or(1, usize::from);
                (processors.min(MOST_LOOPS), false)
            }
            Loops::Fixed(loops) => (loops, true),
        };
        let loops = loops.min(window.most() as usize / LEAST_IN_FLIGHT);
        let since = window.processor_time();
        (loops > 1 && !window.is_throttled()).then_some(Self { loops, at_once, since })
    }

    /// True if the loop is overloaded.
    fn is_due(&mut self, listed: u64, queued: usize, window: &RequestWindow) -> bool {
        if self.at_once {
            return listed > 0;
        }
        if listed < FEW_DIRECTORIES || queued == 0 {
            return false;
        }
        let (now, cpu) = window.processor_time();
        let (before, cpu_before) = self.since;
        let time = now.saturating_sub(before);
        if time < BUSY_TIME {
            return false;
        }
        self.since = (now, cpu);
        cpu.saturating_sub(cpu_before).as_secs_f64() > BUSY * time.as_secs_f64()
    }
}

impl NfsClient {
    /// Walks until everything is read, or until `stop` is set.
    ///
    /// # Errors
    /// The operation that failed and why there is no result: the root cannot be read, or the server
    /// cannot be reached.
    pub(in super::super) fn run(
        &mut self,
        stop: &Arc<Stop>,
    ) -> Result<Ended, (&'static str, io::Error)> {
        let ended = std::thread::scope(|scope| {
            let mut start = |helper: Self| helper.start(scope, stop);
            let turning = catch_unwind(AssertUnwindSafe(|| self.turn(stop, &mut start)));
            // If this loop panicked, the helpers would wait for it, so they must end.
            match turning {
                Ok(Ok(ended)) => {
                    self.end();
                    Ok(ended)
                }
                Ok(Err(error)) => {
                    self.walk.leave_team();
                    Err(error)
                }
                Err(panic) => {
                    self.walk.leave_team();
                    resume_unwind(panic)
                }
            }
        })?;
        match self.walk.fatal.take() {
            Some(fatal) => Err(fatal),
            None => Ok(ended),
        }
    }

    /// Starts further loops if they are due.
    pub(super) fn recruit(&mut self, stop: &Arc<Stop>, start: &mut dyn FnMut(Self)) {
        let (listed, queued) = (self.walk.listed, self.walk.queued());
        let Some(recruiting) = &mut self.recruiting else { return };
        if !recruiting.is_due(listed, queued, &self.window) {
            return;
        }
        let loops = recruiting.loops;
        self.recruiting = None;
        let team = Arc::new(Team::new());
        if let Err(error) = self.join(&team) {
            return log::debug!("one event loop only: {error}");
        }
        self.window.split(loops);
        self.walk.split_queue(loops);
        for number in 1..loops {
            match self.helper(number, &team, stop) {
                Ok(helper) => start(helper),
                Err(error) => log::debug!("event loop {number}: {error}"),
            }
        }
        log::debug!("{loops} event loops, after {listed} directories");
    }

    fn join(&mut self, team: &Arc<Team>) -> io::Result<()> {
        let waker = Waker::new(self.poll.registry(), WAKER)?;
        self.walk.join(team, Arc::new(waker));
        Ok(())
    }

    /// Creates a loop that helps this one.
    fn helper(&self, number: usize, team: &Arc<Team>, stop: &Arc<Stop>) -> io::Result<Self> {
        let mut options = self.options.clone();
        // The helper needs its own client owner and its own random pauses.
        options.seed = options.seed.wrapping_add((number as u64) << 32);
        let walk = self.walk.another(options.seed);
        let window = self.window.another(stop);
        // This address is known to reach the server.
        let mut helper = Self::with(vec![self.address()], options, walk, window)?;
        helper.join(team)?;
        Ok(helper)
    }

    /// Runs a helper in a thread. If the thread cannot be started, the other loops do its work.
    fn start<'scope>(mut self, scope: &'scope Scope<'scope, '_>, stop: &'scope Arc<Stop>) {
        let help = move || {
            if let Err((operation, error)) = self.turn(stop, &mut drop) {
                log::debug!("an event loop ends: {operation}: {error}");
            }
            self.end();
        };
        if let Err(error) = Builder::new().name("efs-scan-nfs".to_owned()).spawn_scoped(scope, help)
        {
            log::debug!("no thread for an event loop: {error}");
        }
    }
}
