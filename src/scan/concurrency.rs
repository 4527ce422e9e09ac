//! Controller that finds the best number of workers while the walk runs.
//!
//! A worker mostly waits for answers. With `n` workers and a round trip of `r`, throughput is `n /
//! r` answers a second, and the controller maximizes that. As long as the file system answers as
//! fast as before, more workers mean more answers; at its limit `r` grows with `n`, and nothing is
//! gained. The controller judges by `r` and not by directories counted, so large directories and
//! moments without work do not look like a slow file system.
//!
//! - **Start**: the number of workers begins at the number of cores and doubles once per round
//!   trip, as in TCP's slow start, or quadruples while the processors are nearly idle. Doubling
//!   ends after two windows that gained less than a fifth or found the processors busy, or at the cap.
//!   The last step is then measured again, with answers to requests that were sent after it. A step
//!   is always kept while answers arrive as fast as the fastest so far.
//! - **Hold**: now and then the controller tries a quarter more workers, and keeps them if that
//!   gains a fifth of what is possible. Trials that gain nothing become rarer, up to one in 64
//!   windows. A trial that gains nearly all that is possible starts the doubling again.
//! - When answers take twice as long as usual, the controller tries a quarter fewer workers, again
//!   and again, as long as all that costs less than a twentieth of the throughput: this drains a queue
//!   that the walk itself made. If throughput falls with the workers, the walk is not the cause, and
//!   the slower answers become the new usual. While answers are slower than the fastest ever, or the
//!   processor is busy, trials alternate between fewer and more, which undoes gains by chance.
//! - With `--max-latency`, the number of workers falls, down to one, while answers take longer than
//!   that, and rises again when they take less than four fifths of it.
//!
//! On a local file system with warm caches, workers hardly ever sleep, and their number stays at
//! the number of cores.

mod measurements;

use crate::log;
use std::time::Duration;

use super::plan::Bounds;
use measurements::{Load, OperatingPoint};

pub(super) use measurements::Measurements;

/// The shortest window in Start, in seconds.
const START_WINDOW: f64 = 0.010;

/// The shortest window in Hold, in seconds.
const HOLD_WINDOW: f64 = 0.100;

/// The fewest round trips that make a mean.
const ENOUGH: u64 = 3;

/// Share of the processors above which more workers only queue for them.
const BUSY: f64 = 0.7;

/// Waits per round trip above which workers wait for answers and not for the processor.
const SLEEPY: f64 = 0.3;

/// The part of the workers added by doubling that must show as throughput.
const GAIN_OF_DOUBLING: f64 = 0.2;

/// The part of the workers added by a trial that must show as throughput. A trial adds a
/// quarter where there are four or more, so this is 5 % of the throughput.
const GAIN_OF_TRIAL: f64 = 0.2;

/// The part of the workers added by a trial that must show as throughput to restart the doubling:
/// the file system has changed.
const GAIN_TO_START_AGAIN: f64 = 0.8;

/// The share of the throughput that must remain with fewer workers, however many steps were taken.
const KEPT_WITH_FEWER: f64 = 0.95;

/// Number of windows that must agree that the file system is at its limit, or has become slow.
const SURE: u32 = 2;

/// Factor of the fastest round trip up to which there is no queue.
const NO_QUEUE: f64 = 1.15;

/// Factor of the fastest round trip from which there is a queue.
const QUEUE: f64 = 1.3;

/// The longest time in seconds to wait for answers to requests sent before a change, and the
/// longest window without an answer: one stall must not count for the time after it.
const LONGEST: f64 = 1.0;

/// The most windows between trials that gain nothing.
const RAREST_TRIAL: u32 = 64;

/// The controller of the number of workers.
#[derive(Debug)]
pub(super) struct Concurrency {
    bounds: Bounds,
    limit: usize,
    phase: Phase,
    /// The shortest mean round trip in seconds, which is the one without a queue. Replaced if fewer
    /// workers show that answers have become slower even without a queue.
    fastest: f64,
    /// Measurements at the beginning of the window.
    since: Measurements,
    /// Until this time, in seconds, answers may be to requests sent before the last change.
    settled_at: f64,
    /// True if there was work for more workers throughout this window.
    backlog: bool,
    held_back: bool,
}

#[derive(Debug)]
enum Phase {
    Start {
        before: Option<OperatingPoint>,
        /// Number of windows without a gain or with busy processors.
        doubts: u32,
    },
    Hold(Hold),
    /// A trial of another number of workers than `before`.
    Trial {
        before: OperatingPoint,
        pause: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// The usual mean round trip, in seconds.
    usual: Option<f64>,
    /// Number of consecutive windows with much longer round trips.
    slow: u32,
    /// Windows until the next trial.
    wait: u32,
    /// Windows between trials.
    pause: u32,
    /// True if the next trial may be of fewer workers.
    down: bool,
}

impl Concurrency {
    /// Begins with the measurements from before the walk.
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

    /// Lowers the cap to `most`.
    pub(super) fn cap(&mut self, most: usize) {
        self.bounds.most = self.bounds.most.min(most);
        self.bounds.least = self.bounds.least.min(most);
        self.limit = self.limit.min(most);
    }

    /// Returns the time until the next measurements are due.
    pub(super) fn tick(&self) -> Duration {
        match self.phase {
            Phase::Start { .. } => Duration::from_secs_f64(START_WINDOW),
            Phase::Hold(_) | Phase::Trial { .. } => Duration::from_secs_f64(HOLD_WINDOW / 4.0),
        }
    }

    /// Takes measurements and returns the number of workers from now on.
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
        // Nothing can be judged without an answer.
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
            // Workers that wait for answers sleep for each one. On a machine shared with other
            // programs, workers that hardly sleep are as busy as they can be, even if they get
            // little of the processor. With fewer workers than cores, none of them queues for a
            // processor.
            busy: cpu >= BUSY * self.bounds.cores as f64
                || (self.limit >= self.bounds.cores && waits < SLEEPY),
        };
        self.fastest = latency.min(self.fastest);
        let before = self.limit;
        self.judge(OperatingPoint { workers: before, latency }, load);
        log::debug!(
            workers = before,
            round_trip_ms = latency * 1e3,
            then = self.limit,
            "concurrency: {load:?}"
        );
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
            // A trial this close to the limit is not kept.
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
        // New threads take processor time once, so one busy window proves little.
        if load.busy {
            match before {
                Some(_) if doubts + 1 < SURE => {
                    self.phase = Phase::Start { before, doubts: doubts + 1 };
                }
                Some(before) => self.try_other(self.limit, before, 1),
                None => self.settle(Some(step.latency), 1),
            }
            return;
        }
        // The first answers of a window may date from before the step, and one window proves
        // little.
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
            // With a queue, trials alternate between fewer and more, which undoes gains by chance.
            if queue && fewer < self.limit && hold.down {
                return self.try_other(fewer, step, hold.pause);
            }
            if room {
                return self.try_other(more, step, hold.pause);
            }
            hold.down = true;
        }
        // The usual round trip changes slowly, so a sudden change shows.
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
            // Answers are slow even with fewer workers.
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
            true => self.try_other(fewer, step.at_least(before.throughput()), pause),
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
