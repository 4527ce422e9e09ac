//! How many workers a walk is worth, found out while it runs.
//!
//! A worker mostly waits for answers, and `n` workers that wait `r` for each get `n / r` of them a
//! second. That is the throughput the controller climbs: as long as the file system answers as
//! fast as before, more workers are more answers; where it is at its limit, `r` grows with `n` and
//! nothing is gained. Judging by `r`, and not by directories counted, keeps large directories and
//! moments without work from looking like a slow file system.
//!
//! - **Start**: from the number of cores, doubled once per answer time, as TCP's slow start does,
//!   or taken times four while the processors are nearly idle.
//!   It ends where doubling gained less than a fifth in two windows, where the processor is busy,
//!   or at the cap; the last step is then looked at once more, with answers that were asked for
//!   after it. Answers as fast as the fastest so far are a gain in any case.
//! - **Hold**: now and then a quarter more is tried, and kept if it gains half of what it could.
//!   Trials that gain nothing become rarer, up to one in 64 windows; one that gains nearly all of
//!   it starts the doubling again.
//! - When answers take twice as long as they used to, a quarter less is tried, and again, as long
//!   as no throughput is lost by it: so the queue that the walk itself made goes away. Where
//!   throughput falls with the workers the slowness is not the walk's doing, and is the new usual.
//!   As long as answers are slower than the fastest ever, or the processor is busy, trials go down
//!   and up by turns: what was gained by chance is lost so.
//! - With `--max-latency`, workers fall while an answer takes longer than that, down to one, and
//!   come back when it takes less than four fifths of it.
//!
//! On a local file system with warm caches workers hardly ever sleep, and their number stays the
//! number of cores.

use std::time::Duration;

use super::plan::Bounds;

/// A window in Start lasts so long at least.
const START_WINDOW: f64 = 0.010;

/// A window in Hold.
const HOLD_WINDOW: f64 = 0.100;

/// Round trips that make a mean.
const ENOUGH: u64 = 3;

/// Share of the processors from which on more workers only queue for them.
const BUSY: f64 = 0.7;

/// Waits for each round trip from which on workers wait for answers, and not for the processor.
const SLEEPY: f64 = 0.3;

/// What part of the workers that doubling adds must show as throughput.
const GAIN_OF_DOUBLING: f64 = 0.2;

/// What part of the workers that a trial adds must show as throughput.
const GAIN_OF_TRIAL: f64 = 0.5;

/// What part of them must show for doubling to begin again: the file system has changed.
const GAIN_TO_START_AGAIN: f64 = 0.8;

/// Throughput that a quarter fewer workers may cost before it counts as lost.
const KEPT_WITH_FEWER: f64 = 0.88;

/// Windows that must agree that the file system is at its limit, or has become slow.
const SURE: u32 = 2;

/// Round trips up to this many times the fastest wait in no queue.
const NO_QUEUE: f64 = 1.15;

/// And from this many times on they do.
const QUEUE: f64 = 1.3;

/// The longest that answers to what was asked before a change are waited for, and that a window
/// without an answer lasts: one stall must not stand for the time after it.
const LONGEST: f64 = 1.0;

/// Windows between trials that gained nothing, at most.
const RAREST_TRIAL: u32 = 64;

/// What was measured since the walk began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measurements {
    pub(super) now: Duration,
    /// Round trips that were waited for.
    pub(super) trips: u64,
    /// How long, together.
    pub(super) waited: Duration,
    /// Processor time of the process.
    pub(super) cpu: Duration,
    /// How often a thread of it had to wait for something other than the processor.
    pub(super) waits: u64,
    /// Whether all workers are busy and more work waits.
    pub(super) backlog: bool,
    /// Whether workers waited for `--max-ops`.
    pub(super) held_back: bool,
}

/// The controller.
#[derive(Debug)]
pub(super) struct Concurrency {
    bounds: Bounds,
    limit: usize,
    phase: Phase,
    /// The shortest mean round trip, in seconds: what an answer takes without a queue. Forgotten
    /// when fewer workers show that answers take longer without one, too.
    fastest: f64,
    /// Where the window began.
    since: Measurements,
    /// Until when answers may be to what was asked before the last change.
    settled_at: f64,
    /// Whether there was always work for more in this window.
    backlog: bool,
    held_back: bool,
}

#[derive(Debug)]
enum Phase {
    Start {
        before: Option<OperatingPoint>,
        /// Windows that showed no gain.
        doubts: u32,
    },
    Hold(Hold),
    /// Other workers than `before` are tried.
    Trial {
        before: OperatingPoint,
        pause: u32,
    },
}

/// How much of the processors the walk takes.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Of all of them.
    share: f64,
    /// Whether more workers would only queue for them.
    busy: bool,
}

impl Load {
    /// How many times the workers there would be time for, as far as that is sensible at once.
    fn room(self) -> f64 {
        if 4.0 * self.share < 0.5 { 4.0 } else { (0.8 / self.share).clamp(1.0, 2.0) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Mean round trip as it usually is, in seconds.
    usual: Option<f64>,
    /// Windows in a row in which it took much longer.
    slow: u32,
    /// Windows to go until another number is tried, and between trials.
    wait: u32,
    pause: u32,
    /// Whether that may be fewer.
    down: bool,
}

/// A number of workers and the mean round trip with it, in seconds.
#[derive(Clone, Copy, Debug)]
struct OperatingPoint {
    workers: usize,
    latency: f64,
}

impl OperatingPoint {
    fn throughput(self) -> f64 {
        self.workers as f64 / self.latency
    }

    /// How much of the workers that were added shows as throughput.
    fn gain(self, before: Self) -> f64 {
        let change = self.workers as f64 / before.workers as f64;
        (self.throughput() / before.throughput() - 1.0) / (change - 1.0)
    }
}

impl Concurrency {
    /// `since` is what was measured before the walk.
    pub(super) fn new(bounds: Bounds, since: Measurements) -> Self {
        let phase = match bounds.start < bounds.most {
            true => Phase::Start { before: None, doubts: 0 },
            false => Phase::Hold(Hold::new(None, 1)),
        };
        Self {
            limit: bounds.start,
            bounds,
            phase,
            fastest: f64::INFINITY,
            since,
            settled_at: 0.0,
            backlog: true,
            held_back: false,
        }
    }

    /// There cannot be more than `most`.
    pub(super) fn cap(&mut self, most: usize) {
        self.bounds.most = self.bounds.most.min(most);
        self.bounds.least = self.bounds.least.min(most);
        self.limit = self.limit.min(most);
    }

    /// How long to wait for the next sample.
    pub(super) fn tick(&self) -> Duration {
        match self.phase {
            Phase::Start { .. } => Duration::from_secs_f64(START_WINDOW),
            Phase::Hold(_) | Phase::Trial { .. } => Duration::from_secs_f64(HOLD_WINDOW / 4.0),
        }
    }

    /// Looks at what was measured and says how many workers there shall be.
    pub(super) fn sample(&mut self, sample: Measurements) -> usize {
        let now = sample.now.as_secs_f64();
        self.backlog &= sample.backlog;
        self.held_back |= sample.held_back;
        if now < self.settled_at {
            self.begin_window(sample);
            return self.limit;
        }
        let length = now - self.since.now.as_secs_f64();
        let trips = sample.trips - self.since.trips;
        let waited = sample.waited.saturating_sub(self.since.waited).as_secs_f64();
        // Without an answer there is nothing to judge by.
        if trips == 0 || waited <= 0.0 {
            if length > LONGEST {
                self.begin_window(sample);
            }
            return self.limit;
        }
        let latency = waited / trips as f64;
        let starting = matches!(self.phase, Phase::Start { .. });
        let (shortest, enough) = match starting {
            true => (START_WINDOW.max(latency), ENOUGH.max(self.limit as u64)),
            false => (HOLD_WINDOW.max(3.0 * latency), 2 * ENOUGH.max(self.limit as u64)),
        };
        if length < shortest || trips < enough {
            return self.limit;
        }
        let cpu = sample.cpu.saturating_sub(self.since.cpu).as_secs_f64() / length;
        let waits = sample.waits.saturating_sub(self.since.waits) as f64 / trips as f64;
        let load = Load {
            share: cpu / self.bounds.cores as f64,
            // On a machine that others use as well, workers that got little of the processor are
            // as busy as they can be; those that wait for answers go to sleep for each. With fewer
            // workers than cores none of them queues for a processor.
            busy: cpu >= BUSY * self.bounds.cores as f64
                || (self.limit >= self.bounds.cores && waits < SLEEPY),
        };
        self.fastest = latency.min(self.fastest);
        let before = self.limit;
        self.judge(OperatingPoint { workers: before, latency }, load);
        let round_trip_ms = latency * 1e3;
        tracing::debug!(workers = before, round_trip_ms, ?load, then = self.limit, "concurrency");
        if self.limit != before && !matches!(self.phase, Phase::Start { .. }) {
            // An open takes two round trips on NFS.
            self.settled_at = now + (2.0 * latency).min(LONGEST);
        }
        self.begin_window(sample);
        self.limit
    }

    fn begin_window(&mut self, sample: Measurements) {
        self.since = sample;
        self.backlog = sample.backlog;
        self.held_back = false;
    }

    /// Decides at the end of a window.
    fn judge(&mut self, step: OperatingPoint, load: Load) {
        if let Some(max) = self.bounds.max_latency.map(|max| max.as_secs_f64())
            && step.latency > 0.8 * max
        {
            // What is tried at the edge is not kept.
            if let Phase::Trial { before, .. } = self.phase {
                self.limit = self.limit.min(before.workers);
            }
            if step.latency > max {
                let fewer = self.limit as f64 * (max / step.latency).clamp(0.5, 0.9);
                self.limit = (fewer as usize).max(self.bounds.least);
            }
            return self.settle(None, 1);
        }
        match self.phase {
            Phase::Start { before, doubts } => self.start(before, doubts, step, load),
            Phase::Hold(hold) => self.hold(hold, step, load),
            Phase::Trial { before, pause } => self.end_trial(before, step, pause, load),
        }
    }

    fn start(
        &mut self,
        before: Option<OperatingPoint>,
        doubts: u32,
        step: OperatingPoint,
        load: Load,
    ) {
        if load.busy {
            match before {
                Some(before) => self.try_other(self.limit, before, 1),
                None => self.settle(Some(step.latency), 1),
            }
            return;
        }
        // The first answers of a window may be to fewer workers, and one window proves little.
        if let Some(before) = before
            && step.latency > NO_QUEUE * self.fastest
            && step.gain(before) < GAIN_OF_DOUBLING
        {
            if doubts + 1 < SURE {
                self.phase = Phase::Start { before: Some(before), doubts: doubts + 1 };
                return;
            }
            self.limit = before.workers;
            return self.settle(Some(before.latency), 1);
        }
        if !self.backlog || self.held_back {
            self.phase = Phase::Start { before, doubts: 0 };
            return;
        }
        let more = (load.room() * self.limit as f64).ceil() as usize;
        self.limit = more.min(self.bounds.most);
        match self.limit == self.bounds.most {
            true => self.try_other(self.limit, step, 1),
            false => self.phase = Phase::Start { before: Some(step), doubts: 0 },
        }
    }

    fn hold(&mut self, mut hold: Hold, step: OperatingPoint, load: Load) {
        let usual = hold.usual.unwrap_or(step.latency);
        let fewer = self.fewer();
        if step.latency > 2.0 * usual && fewer < self.limit {
            hold.slow += 1;
            if hold.slow < SURE {
                self.phase = Phase::Hold(hold);
                return;
            }
            return self.try_other(fewer, step, hold.pause);
        }
        if hold.wait <= 1 {
            let queue = load.busy || step.latency > QUEUE * self.fastest;
            let more = (self.limit + (self.limit / 4).max(1)).min(self.bounds.most);
            let room = more > self.limit && !load.busy && self.backlog && !self.held_back;
            // Down and up by turns where there is a queue: what was gained by chance is lost so.
            if queue && fewer < self.limit && hold.down {
                return self.try_other(fewer, step, hold.pause);
            }
            if room {
                return self.try_other(more, step, hold.pause);
            }
            hold.down = true;
        }
        // Follows the file system's mood slowly, so that a sudden change is seen.
        let usual = usual + (step.latency - usual) / 16.0;
        let wait = hold.wait.saturating_sub(1);
        self.phase = Phase::Hold(Hold { usual: Some(usual), slow: 0, wait, ..hold });
    }

    fn fewer(&self) -> usize {
        (self.limit * 3 / 4).max(self.bounds.least)
    }

    fn try_other(&mut self, workers: usize, before: OperatingPoint, pause: u32) {
        self.limit = workers;
        self.phase = Phase::Trial { before, pause };
    }

    fn end_trial(&mut self, before: OperatingPoint, step: OperatingPoint, pause: u32, load: Load) {
        let longer = (2 * pause).min(RAREST_TRIAL);
        if step.workers > before.workers {
            let gain = step.gain(before);
            let again = gain >= GAIN_TO_START_AGAIN && !load.busy;
            if again && self.limit < self.bounds.most {
                return self.start(None, 0, step, load);
            }
            if gain >= GAIN_OF_TRIAL || step.latency <= NO_QUEUE * self.fastest {
                return self.settle(Some(step.latency), 1);
            }
            self.limit = before.workers;
            return self.settle(Some(before.latency), longer);
        }
        if step.throughput() < KEPT_WITH_FEWER * before.throughput() {
            // It is slow with fewer, too.
            if before.latency > 2.0 * self.fastest {
                self.fastest = step.latency;
            }
            self.limit = before.workers;
            self.phase =
                Phase::Hold(Hold { down: false, ..Hold::new(Some(before.latency), longer) });
            return;
        }
        let fewer = self.fewer();
        match fewer < self.limit {
            true => self.try_other(fewer, step, pause),
            false => self.settle(Some(step.latency), pause),
        }
    }

    fn settle(&mut self, usual: Option<f64>, pause: u32) {
        self.phase = Phase::Hold(Hold::new(usual, pause));
    }
}

impl Hold {
    fn new(usual: Option<f64>, pause: u32) -> Self {
        Self { usual, slow: 0, wait: pause, pause, down: true }
    }
}

#[cfg(test)]
mod tests;
