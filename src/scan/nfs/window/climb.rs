//! Finds the number of requests in flight that gives the most answers a second.
//!
//! Requests in flight differ from the workers of a mount ([`crate::scan`]'s own controller): one
//! thread sends and counts all of them, so its processor time is no reason for fewer. What a
//! request more costs is memory here and a place in the server's queue.
//!
//! - **Doubling**: from 64, four times as many while answers take as long as on an idle server, and
//!   then twice as many while that makes at least 5 % more answers a second. Two windows must agree
//!   that it does not, because another program may have had the processor.
//! - **Hold**: now and then the controller tries a quarter fewer or half as many again. Fewer are
//!   kept if they cost less than 3 % in two windows, and more if they gain 3 % in one of two, or
//!   answers take as long as on an idle server. If answers take twice as long, a gain must be proven
//!   by returning to the number from before. Trials that change nothing become rarer. If the rate
//!   falls to half, fewer are tried at once.
//! - With `--max-latency`, the number falls while answers take longer than that.
//!
//! A window consists of the time in which all requests that might be in flight were, or could be.
//! Otherwise a moment without work would look like a slow server. A number counts as what was
//! allowed in the window, because a long queue or a busy server allows fewer than the limit.
//!
//! The controller of a mount's workers did this before. It settled anywhere from 500 to 1,500 where
//! 1,536 are best at 2 ms, and at 20 to 60 without a delay, so a scan took up to 1.7 or 2.5 times as
//! long. In virtual time there were three causes, which the tests simulate:
//!
//! - Doubling ended at 0.7 of a processor, where workers would only queue for it, and a busy
//!   processor ruled out trials of more. The loop was therefore held at what it had at the first
//!   window with that load, and a stall of a few milliseconds made it less.
//! - A queue of more than 8,192 directories counted as no work for more requests, although up to
//!   1,024 may be in flight then. With ten directories in each, 512 requests find that many, so the
//!   number often stayed there.
//! - It divided the limit by the round trip, whatever had been in flight.
//!
//! On real servers (benches/window.py) single windows still misled it where other programs had the
//! processors for tenths of a second: a scan stayed at 384 for four seconds because one window with
//! more had been disturbed, and went from 81 down to 18, each time compared with a disturbed one.
//! Hence the second windows, the proof, and trials that do not become as rare as they were.

mod trial;

use std::time::Duration;

use self::trial::Trial;
use crate::log;

/// The shortest windows in seconds: while doubling, if that seems to gain nothing, and afterwards.
const DOUBLING_WINDOW: f64 = 0.003;
const DOUBT_WINDOW: f64 = 0.012;
const HOLD_WINDOW: f64 = 0.050;

/// The fewest answers that make a mean.
const ENOUGH: u64 = 3;

/// Factor of the fastest answers up to which the server has no queue.
const NO_QUEUE: f64 = 1.15;

/// Factors of the number of requests while doubling: without a queue, and with one.
const LEAP: usize = 4;
const STEP: usize = 2;

/// Share of the answers a second that doubling must gain.
const GAIN: f64 = 0.05;

/// Share of the answers a second that a trial of more must gain, and one of fewer may cost.
const SMALL: f64 = 0.03;

/// Gain of a trial that starts the doubling again: the server has changed.
const LARGE: f64 = 0.3;

/// Number of windows that must agree.
const SURE: u32 = 2;

/// Windows before the first trial, and the most between trials that change nothing.
const FIRST_TRIAL: u32 = 8;
const RAREST_TRIAL: u32 = 16;

/// Most windows that a long one counts as.
const LONG_WINDOW: u32 = 4;

/// The longest time in seconds to wait for answers to requests sent before a change.
const LONGEST: f64 = 1.0;

/// Bounds of the number of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) least: usize,
    pub(super) most: usize,
    /// Mean round trip above which the number falls.
    pub(super) max_latency: Option<Duration>,
}

/// Replies since the walk began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    pub(super) now: Duration,
    pub(super) count: u64,
    /// The sum of the times from request to answer.
    pub(super) waited: Duration,
    /// The requests that may be in flight, if all of them are or could be.
    pub(super) allowed: Option<usize>,
}

/// The controller.
#[derive(Debug)]
pub(super) struct Climb {
    range: Range,
    limit: usize,
    phase: Phase,
    /// The shortest mean time of an answer, in seconds.
    fastest: f64,
    last: Answers,
    window: Window,
    /// Until this time, in seconds, answers may be to requests sent before the last change.
    settled_at: f64,
}

/// A window of time in which the number of requests was used up.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    seconds: f64,
    count: u64,
    waited: f64,
    /// The sum of the numbers allowed, each times its seconds.
    allowed: f64,
}

/// A number of requests, and what it brings.
#[derive(Clone, Copy, Debug)]
struct Point {
    allowed: usize,
    /// Answers a second.
    rate: f64,
    /// Mean time of an answer in seconds.
    latency: f64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Doubling { before: Option<Point>, gained: bool, doubts: u32 },
    Hold(Hold),
    Trial(Trial),
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// The mean of the last windows with this number.
    usual: Option<Point>,
    /// Windows until the next trial.
    wait: u32,
    /// Windows between trials.
    pause: u32,
    /// Number of consecutive windows with much slower answers.
    slow: u32,
    /// True if the next trial is of fewer requests.
    down: bool,
}

impl Climb {
    pub(super) fn new(range: Range, since: Answers) -> Self {
        let phase = match range.start < range.most {
            true => Phase::Doubling { before: None, gained: false, doubts: 0 },
            false => Phase::Hold(Hold::new(None)),
        };
        Self {
            limit: range.start,
            range,
            phase,
            fastest: f64::INFINITY,
            last: since,
            window: Window::default(),
            settled_at: 0.0,
        }
    }

    /// Lowers the most to `most`.
    pub(super) fn cap(&mut self, most: usize) {
        self.range.most = self.range.most.min(most);
        self.range.least = self.range.least.min(most);
        self.limit = self.limit.min(most);
    }

    /// Returns the time until a window may end.
    pub(super) fn tick(&self) -> Duration {
        Duration::from_secs_f64(match self.phase {
            Phase::Doubling { .. } => DOUBLING_WINDOW / 2.0,
            Phase::Hold(_) | Phase::Trial(_) => HOLD_WINDOW / 4.0,
        })
    }

    /// Takes what has been answered until now and returns the number of requests from now on.
    pub(super) fn sample(&mut self, answers: Answers) -> usize {
        let last = std::mem::replace(&mut self.last, answers);
        let now = answers.now.as_secs_f64();
        let (Some(allowed), Some(_)) = (answers.allowed, last.allowed) else { return self.limit };
        if now < self.settled_at {
            return self.limit;
        }
        let window = &mut self.window;
        let seconds = answers.now.saturating_sub(last.now).as_secs_f64();
        window.seconds += seconds;
        window.allowed += allowed as f64 * seconds;
        window.count += answers.count.saturating_sub(last.count);
        window.waited += answers.waited.saturating_sub(last.waited).as_secs_f64();
        if window.count == 0 || window.waited <= 0.0 {
            return self.limit;
        }
        let latency = window.waited / window.count as f64;
        let (shortest, enough) = match self.phase {
            Phase::Doubling { doubts: 0, .. } => (DOUBLING_WINDOW.max(latency), allowed as u64),
            Phase::Doubling { .. } => (DOUBT_WINDOW.max(latency), allowed as u64),
            _ => (HOLD_WINDOW.max(3.0 * latency), 2 * allowed as u64),
        };
        if window.seconds < shortest || window.count < enough.max(ENOUGH) {
            return self.limit;
        }
        let rate = window.count as f64 / window.seconds;
        let point =
            Point { allowed: (window.allowed / window.seconds).round() as usize, rate, latency };
        let before = self.limit;
        self.fastest = self.fastest.min(latency);
        self.window = Window::default();
        self.judge(point);
        log::debug!(
            in_flight = point.allowed,
            round_trip_ms = latency * 1e3,
            answers_per_second = rate,
            then = self.limit,
            "window: {:?}",
            self.phase
        );
        if self.limit != before {
            self.settled_at = now + latency.min(LONGEST);
        }
        self.limit
    }

    /// Decides at the end of a window.
    fn judge(&mut self, point: Point) {
        if let Some(max) = self.range.max_latency.map(|max| max.as_secs_f64())
            && point.latency > 0.8 * max
        {
            // A trial this close to the limit is not kept.
            if let Phase::Trial(trial) = self.phase {
                self.limit = self.limit.min(trial.before.allowed);
            }
            if point.latency > max {
                let fewer = self.limit as f64 * (max / point.latency).clamp(0.5, 0.9);
                self.limit = (fewer as usize).max(self.range.least);
            }
            self.phase = Phase::Hold(Hold::new(None));
            return;
        }
        match self.phase {
            Phase::Doubling { before, gained, doubts } => {
                self.double(before, gained, doubts, point);
            }
            Phase::Hold(hold) => self.hold(hold, point),
            Phase::Trial(trial) => self.end_trial(trial, point),
        }
    }

    fn double(&mut self, before: Option<Point>, gained: bool, doubts: u32, point: Point) {
        let idle = self.is_idle(point);
        let gain = before.map_or(f64::INFINITY, |before| point.rate / before.rate - 1.0);
        if let Some(before) = before
            && !idle
            && gain < GAIN
        {
            if doubts + 1 < SURE {
                self.phase = Phase::Doubling { before: Some(before), gained, doubts: doubts + 1 };
                return;
            }
            self.limit = before.allowed;
            let hold = Hold::new(Some(before));
            // If no step has gained anything, fewer than those at the start may do.
            let wait = if gained { 2 } else { 1 };
            self.phase = Phase::Hold(Hold { wait, down: !gained, ..hold });
            return;
        }
        if point.allowed < self.limit || self.limit >= self.range.most {
            self.phase = Phase::Hold(Hold::new(Some(point)));
            return;
        }
        self.limit = (self.limit * if idle { LEAP } else { STEP }).min(self.range.most);
        let gained = gained || before.is_some() && gain >= LARGE;
        self.phase = Phase::Doubling { before: Some(point), gained, doubts: 0 };
    }

    fn hold(&mut self, mut hold: Hold, point: Point) {
        let usual = hold.usual.filter(|usual| usual.allowed == point.allowed).unwrap_or(point);
        hold.slow = match hold.usual.is_some_and(|usual| point.is_slow_beside(usual)) {
            true => hold.slow + 1,
            false => 0,
        };
        // A window of slow answers is longer, and counts as several.
        let windows = (3.0 * point.latency / HOLD_WINDOW) as u32;
        hold.wait = hold.wait.saturating_sub(windows.clamp(1, LONG_WINDOW));
        if hold.slow == 0 {
            let mean = |old: f64, new: f64| old + (new - old) / 4.0;
            let rate = mean(usual.rate, point.rate);
            hold.usual = Some(Point { rate, latency: mean(usual.latency, point.latency), ..point });
        }
        let (fewer, more) = (self.fewer(point.allowed), point.allowed + (point.allowed / 2).max(1));
        let more = if point.allowed < self.limit { self.limit } else { more.min(self.range.most) };
        let next = match (hold.slow, hold.wait) {
            (0, 1..) => self.limit,
            (0, 0) if (hold.down || more == self.limit) && fewer < point.allowed => fewer,
            (0, 0) => more,
            (slow, _) if slow >= SURE && fewer < point.allowed => {
                // The usual rate is that of a server which was faster.
                hold.usual = Some(point);
                fewer
            }
            _ => self.limit,
        };
        self.phase = match hold.usual.filter(|_| next != self.limit) {
            Some(before) => {
                let (limit, kept) = (self.limit, before);
                Phase::Trial(Trial { hold, limit, before, kept, first: None, gained: None })
            }
            None => Phase::Hold(hold),
        };
        self.limit = next;
    }

    /// True if answers take as long as on a server without a queue.
    fn is_idle(&self, point: Point) -> bool {
        point.latency <= NO_QUEUE * self.fastest
    }

    fn fewer(&self, allowed: usize) -> usize {
        (allowed * 3 / 4).max(self.range.least)
    }
}

impl Point {
    /// True if the server has become much slower: half as many answers a second as usual, or fewer,
    /// where the number of requests does not explain it.
    fn is_slow_beside(self, usual: Self) -> bool {
        let share = (self.allowed as f64 / usual.allowed as f64).min(1.0);
        2.0 * self.rate < usual.rate * share
    }
}

impl Hold {
    fn new(usual: Option<Point>) -> Self {
        Self { usual, wait: FIRST_TRIAL, pause: FIRST_TRIAL, slow: 0, down: true }
    }
}
