//! How many workers a walk is worth, found out while it runs.
//!
//! A worker mostly waits for answers, and `n` workers that wait `r` for each get `n / r` of them a
//! second. That is the throughput the controller climbs: as long as the file system answers as
//! fast as before, more workers are more answers; where it is at its limit, `r` grows with `n` and
//! nothing is gained. Judging by `r`, and not by directories counted, keeps large directories and
//! moments without work from looking like a slow file system.
//!
//! - **Start**: from the number of cores, doubled once per answer time, as TCP's slow start does,
//!   or times four while the processors are nearly idle.
//!   It ends where doubling gained less than a fifth in two windows, where the processor is busy,
//!   or at the cap; the last step is then looked at once more, with answers that were asked for
//!   after it. Answers as fast as the fastest of late are a gain in any case.
//! - **Hold**: now and then a quarter more is tried, and kept if it gains a third of what it could.
//!   Trials that gain nothing become rarer, up to one in 64 windows; one that gains nearly all of
//!   it starts the doubling again.
//! - When answers take twice as long as they used to, a quarter less is tried, and again, as long
//!   as no throughput is lost by it: so the queue that the walk itself made goes away. Where
//!   throughput falls with the workers the slowness is not the walk's doing, and is the new usual.
//! - With `--max-latency`, workers fall while an answer takes longer than that, down to one, and
//!   come back when it takes less than four fifths of it.
//!
//! On a local file system with warm caches workers hardly ever sleep, and their number stays the
//! number of cores.

use std::time::Duration;

use super::root::Bounds;

/// A window in Start lasts so long at least.
const START_WINDOW: f64 = 0.010;

/// A window in Hold.
const HOLD_WINDOW: f64 = 0.100;

/// Round trips that make a mean.
const ENOUGH: u64 = 3;

/// Share of the processors, or of one each worker, from which on more workers only queue for them.
const BUSY: f64 = 0.7;

/// Waits for each round trip from which on workers wait for answers, and not for the processor.
const SLEEPY: f64 = 0.3;

/// What part of the workers that doubling adds must show as throughput.
const GAIN_OF_DOUBLING: f64 = 0.2;

/// What part of the workers that a trial adds must show as throughput.
const GAIN_OF_TRIAL: f64 = 0.33;

/// And where requests wait in a queue already.
const GAIN_IN_QUEUE: f64 = 0.6;

/// Round trips this many times the fastest do.
const QUEUE: f64 = 1.4;

/// What part of them must show for doubling to begin again: the file system has changed.
const GAIN_TO_START_AGAIN: f64 = 0.8;

/// Throughput that a quarter fewer workers may cost before it counts as lost.
const KEPT_WITH_FEWER: f64 = 0.88;

/// Windows that must agree that the file system is at its limit, or has become slow.
const SURE: u32 = 2;

/// Round trips this many times the fastest wait in no queue.
const NO_QUEUE: f64 = 1.25;

/// How the fastest mean is forgotten, in a second.
const FASTEST_FADES: f64 = 0.01;

/// Windows between trials that gained nothing, at most.
const RAREST_TRIAL: u32 = 64;

/// What was measured since the walk began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
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
    /// The shortest mean round trip of late, in seconds: what an answer takes without a queue.
    fastest: f64,
    /// Where the window began.
    since: Sample,
    /// Until when answers may be to what was asked before the last change.
    settled_at: f64,
    /// Whether there was always work for more in this window.
    backlog: bool,
    held_back: bool,
}

#[derive(Debug)]
enum Phase {
    Start {
        before: Option<Step>,
        /// Windows that showed no gain.
        doubts: u32,
    },
    Hold(Hold),
    /// Other workers than `before` are tried.
    Trial {
        before: Step,
        pause: u32,
    },
}

/// How much of the processors the walk takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// Four times the workers would take less than half of them.
    Idle,
    Some,
    /// More workers would only queue for them.
    Busy,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Mean round trip as it usually is, in seconds.
    usual: Option<f64>,
    /// Windows in a row in which it took much longer.
    slow: u32,
    /// Windows to go until more is tried, and between trials.
    wait: u32,
    pause: u32,
}

/// A number of workers and the mean round trip with it, in seconds.
#[derive(Clone, Copy, Debug)]
struct Step {
    workers: usize,
    latency: f64,
}

impl Step {
    fn throughput(self) -> f64 {
        self.workers as f64 / self.latency
    }
}

impl Concurrency {
    /// `since` is what was measured before the walk.
    pub(super) fn new(bounds: Bounds, since: Sample) -> Self {
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

    /// How long to wait for the next sample.
    pub(super) fn tick(&self) -> Duration {
        match self.phase {
            Phase::Start { .. } => Duration::from_secs_f64(START_WINDOW),
            Phase::Hold(_) | Phase::Trial { .. } => Duration::from_secs_f64(HOLD_WINDOW / 4.0),
        }
    }

    /// Looks at what was measured and says how many workers there shall be.
    pub(super) fn sample(&mut self, sample: Sample) -> usize {
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
        // Until the first answer there is nothing to judge by.
        if trips == 0 || waited <= 0.0 {
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
        // On a machine that others use as well, workers that got little of the processor are as
        // busy as they can be; those that wait for answers go to sleep for each.
        let waits = sample.waits.saturating_sub(self.since.waits) as f64 / trips as f64;
        let busy = cpu >= BUSY * self.limit.min(self.bounds.cores) as f64 || waits < SLEEPY;
        self.fastest = latency.min(self.fastest * (1.0 + FASTEST_FADES * length));
        let load = match busy {
            true => Load::Busy,
            false if 4.0 * cpu < 0.5 * self.bounds.cores as f64 => Load::Idle,
            false => Load::Some,
        };
        let before = self.limit;
        self.judge(Step { workers: before, latency }, load);
        let round_trip_ms = latency * 1e3;
        tracing::debug!(workers = before, round_trip_ms, ?load, then = self.limit, "concurrency");
        if self.limit != before && !matches!(self.phase, Phase::Start { .. }) {
            // An open takes two round trips on NFS.
            self.settled_at = now + 2.0 * latency;
        }
        self.begin_window(sample);
        self.limit
    }

    fn begin_window(&mut self, sample: Sample) {
        self.since = sample;
        self.backlog = sample.backlog;
        self.held_back = false;
    }

    /// Decides at the end of a window.
    fn judge(&mut self, step: Step, load: Load) {
        if let Some(max) = self.bounds.max_latency.map(|max| max.as_secs_f64())
            && step.latency > 0.8 * max
        {
            if step.latency > max {
                let fewer = self.limit as f64 * (max / step.latency).clamp(0.5, 0.9);
                self.limit = (fewer as usize).max(self.bounds.least);
            }
            return self.settle(None, 1);
        }
        match self.phase {
            Phase::Start { before, doubts } => self.start(before, doubts, step, load),
            Phase::Hold(hold) => self.hold(hold, step, load),
            Phase::Trial { before, pause } => self.end_trial(before, step, pause),
        }
    }

    /// How much of the workers that were added shows as throughput. Where answers come as fast as
    /// they ever did there is no queue, whatever a single window says.
    fn gained(&self, before: Step, step: Step) -> f64 {
        if step.latency <= NO_QUEUE * self.fastest {
            return 1.0;
        }
        let change = step.workers as f64 / before.workers as f64;
        (step.throughput() / before.throughput() - 1.0) / (change - 1.0)
    }

    fn start(&mut self, before: Option<Step>, doubts: u32, step: Step, load: Load) {
        if load == Load::Busy {
            return self.settle(Some(step.latency), 1);
        }
        if let Some(before) = before
            && self.gained(before, step) < GAIN_OF_DOUBLING
        {
            // The first answers of a window may be to fewer workers, and one window proves little.
            if doubts + 1 < SURE {
                self.phase = Phase::Start { before: Some(before), doubts: doubts + 1 };
                return;
            }
            self.limit = before.workers;
            return self.settle(Some(before.latency), 1);
        }
        if !self.backlog || self.held_back {
            return;
        }
        let factor = if load == Load::Idle { 4 } else { 2 };
        self.limit = (factor * self.limit).min(self.bounds.most);
        self.phase = match self.limit == self.bounds.most {
            true => Phase::Trial { before: step, pause: 1 },
            false => Phase::Start { before: Some(step), doubts: 0 },
        };
    }

    fn hold(&mut self, mut hold: Hold, step: Step, load: Load) {
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
        let more = (self.limit + (self.limit / 4).max(1)).min(self.bounds.most);
        let room = more > self.limit && load != Load::Busy && self.backlog && !self.held_back;
        if room && hold.wait <= 1 {
            return self.try_other(more, step, hold.pause);
        }
        // Follows the file system's mood slowly, so that a sudden change is seen.
        let usual = usual + (step.latency - usual) / 16.0;
        let wait = hold.wait.saturating_sub(1);
        self.phase = Phase::Hold(Hold { wait, ..Hold::new(Some(usual), hold.pause) });
    }

    fn fewer(&self) -> usize {
        (self.limit * 3 / 4).max(self.bounds.least)
    }

    fn try_other(&mut self, workers: usize, before: Step, pause: u32) {
        self.limit = workers;
        self.phase = Phase::Trial { before, pause };
    }

    fn end_trial(&mut self, before: Step, step: Step, pause: u32) {
        if step.workers > before.workers {
            let gained = self.gained(before, step);
            if gained >= GAIN_TO_START_AGAIN && self.limit < self.bounds.most {
                return self.start(None, 0, step, Load::Some);
            }
            let queued = before.latency > QUEUE * self.fastest;
            if gained >= if queued { GAIN_IN_QUEUE } else { GAIN_OF_TRIAL } {
                return self.settle(Some(step.latency), 1);
            }
            self.limit = before.workers;
            return self.settle(Some(before.latency), (2 * pause).min(RAREST_TRIAL));
        }
        if step.throughput() < KEPT_WITH_FEWER * before.throughput() {
            self.limit = before.workers;
            return self.settle(Some(before.latency), pause);
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
        Self { usual, slow: 0, wait: pause, pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file system as a walk sees it, in virtual time.
    struct Server {
        /// Seconds for an answer when it is idle.
        latency: f64,
        /// Answers a second at most.
        capacity: f64,
        /// Seconds of our processors for each answer.
        cpu: f64,
        cores: usize,
        /// Whether workers sleep for an answer, and do not only wait for a processor.
        sleeps: bool,
        /// How far a window's mean may be off, as a share of it.
        noise: f64,
        /// How often answers take three times as long for no reason of ours.
        stalls: f64,
    }

    impl Server {
        fn far(latency_ms: f64) -> Self {
            let capacity = f64::INFINITY;
            let latency = latency_ms / 1e3;
            Self { latency, capacity, cpu: 10e-6, cores: 2, sleeps: true, noise: 0.0, stalls: 0.0 }
        }

        /// What `n` workers get in a second, and how long each answer takes.
        fn serve(&self, n: usize) -> (f64, f64) {
            let n = n as f64;
            let unloaded = n / (self.latency + self.cpu);
            let rate = unloaded.min(self.capacity).min(self.cores as f64 / self.cpu);
            (rate, n / rate)
        }
    }

    /// A walk that never ends.
    struct Walk {
        controller: Concurrency,
        sample: Sample,
        workers: usize,
        trips: f64,
        random: u64,
        trace: Vec<usize>,
    }

    const TICK: f64 = 0.010;

    impl Walk {
        fn new(bounds: Bounds) -> Self {
            let sample = Sample { backlog: true, ..Sample::default() };
            let (controller, workers) = (Concurrency::new(bounds, sample), bounds.start);
            Self { controller, sample, workers, trips: 0.0, random: 1, trace: Vec::new() }
        }

        fn run(&mut self, server: &Server, seconds: f64) -> &mut Self {
            for _ in 0..(seconds / TICK) as usize {
                let (rate, latency) = server.serve(self.workers);
                let stalled = self.random() < server.stalls;
                let (rate, latency) =
                    if stalled { (rate / 3.0, latency * 3.0) } else { (rate, latency) };
                let latency = latency * (1.0 + server.noise * (self.random() - 0.5));
                self.trips += rate * TICK;
                let new = self.trips as u64 - self.sample.trips;
                self.sample.trips += new;
                self.sample.waited += Duration::from_secs_f64(new as f64 * latency);
                self.sample.waits += if server.sleeps { new } else { new / 20 };
                self.sample.cpu += Duration::from_secs_f64(rate * TICK * server.cpu);
                self.sample.now += Duration::from_secs_f64(TICK);
                self.workers = self.controller.sample(self.sample);
                self.trace.push(self.workers);
            }
            self
        }

        /// From 0 to 1.
        fn random(&mut self) -> f64 {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.random >> 33) as f64 / f64::from(u32::MAX >> 1)
        }

        /// How many workers there were on average in the last seconds.
        fn lately(&self, seconds: f64) -> f64 {
            let ticks = (seconds / TICK) as usize;
            let last = &self.trace[self.trace.len() - ticks..];
            last.iter().sum::<usize>() as f64 / ticks as f64
        }
    }

    fn bounds(most: usize) -> Bounds {
        Bounds { start: 2, most, least: 2, cores: 2, max_latency: None }
    }

    #[test]
    fn where_nothing_is_in_the_way_the_cap_is_reached_within_two_seconds() {
        for (latency_ms, most) in [(1.0, 64), (5.0, 64), (5.0, 256), (20.0, 256)] {
            for (noise, seed) in
                [0.0, 0.5, 1.0].into_iter().flat_map(|n| (1..9).map(move |s| (n, s)))
            {
                let server = Server { noise, stalls: noise / 5.0, ..Server::far(latency_ms) };
                let mut walk = Walk { random: seed, ..Walk::new(bounds(most)) };
                walk.run(&server, 2.0);
                assert!(
                    walk.trace.contains(&most),
                    "{latency_ms} ms, noise {noise}: {:?}",
                    walk.trace
                );
                walk.run(&server, 30.0);
                assert!(walk.lately(20.0) > 0.8 * most as f64, "{latency_ms} {noise} {most}");
            }
        }
    }

    #[test]
    fn where_the_processor_is_busy_there_are_as_many_as_cores() {
        let server = Server { cpu: 25e-6, sleeps: false, ..Server::far(0.0) };
        let mut walk = Walk::new(bounds(256));
        walk.run(&server, 60.0);
        assert_eq!(walk.trace.iter().max(), Some(&2));
        // Other processes leave us a part of the processors, and the more workers the more.
        let shared = Server { sleeps: false, ..Server::far(1.0) };
        let mut walk = Walk::new(bounds(256));
        walk.run(&shared, 60.0);
        assert_eq!(walk.trace.iter().max(), Some(&2));
    }

    #[test]
    fn a_server_at_its_limit_is_not_asked_by_many_more() {
        for capacity in [400.0, 3_000.0, 20_000.0] {
            for noise in [0.0, 0.3] {
                let server = Server { capacity, noise, ..Server::far(5.0) };
                let mut walk = Walk::new(bounds(256));
                walk.run(&server, 30.0);
                let enough = capacity * server.latency;
                let lately = walk.lately(20.0);
                assert!(
                    (0.7 * enough..3.0 * enough + 2.0).contains(&lately),
                    "{capacity}/s, noise {noise}: {lately} where {enough} do"
                );
            }
        }
    }

    #[test]
    fn when_a_server_gets_slow_by_our_load_workers_go() {
        let mut walk = Walk::new(bounds(256));
        walk.run(&Server::far(5.0), 10.0);
        walk.run(&Server { capacity: 3_000.0, ..Server::far(5.0) }, 10.0);
        assert!(walk.lately(5.0) < 45.0, "{}", walk.lately(5.0));
        walk.run(&Server::far(5.0), 30.0);
        assert!(walk.lately(5.0) > 200.0, "they come back: {}", walk.lately(5.0));
        // A walk that begins where all is in the caches, and leaves them.
        let cached = Server { cpu: 25e-6, sleeps: false, ..Server::far(0.0) };
        let mut walk = Walk::new(bounds(64));
        walk.run(&cached, 3.0).run(&Server::far(5.0), 2.0);
        assert!(walk.trace.contains(&64), "{}", walk.workers);
    }

    #[test]
    fn when_a_server_is_slow_whatever_we_do_workers_stay() {
        let mut walk = Walk::new(bounds(64));
        walk.run(&Server::far(1.0), 10.0).run(&Server::far(8.0), 20.0);
        assert!(walk.lately(15.0) > 55.0, "{}", walk.lately(15.0));
    }

    #[test]
    fn above_the_latency_that_was_asked_for_workers_fall() {
        for start in [2, 64] {
            let max_latency = Some(Duration::from_millis(8));
            let bounds = Bounds { start, most: 64, least: 1, cores: 2, max_latency };
            let mut walk = Walk::new(bounds);
            // 8 ms are reached with 24 workers.
            let server = Server { capacity: 3_000.0, noise: 0.2, ..Server::far(5.0) };
            walk.run(&server, 20.0);
            let lately = walk.lately(10.0);
            assert!((10.0..=26.0).contains(&lately), "{lately}");
            walk.run(&Server::far(30.0), 10.0);
            assert_eq!(walk.workers, 1, "no number of workers makes it fast");
            walk.run(&Server::far(2.0), 30.0);
            assert!(walk.workers > 48, "they come back: {}", walk.workers);
        }
    }

    #[test]
    fn without_work_for_more_there_are_not_more() {
        let mut walk = Walk::new(bounds(64));
        walk.sample.backlog = false;
        walk.run(&Server::far(5.0), 5.0);
        assert_eq!(walk.workers, 2);
    }
}
