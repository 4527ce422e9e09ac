//! Token bucket for `--max-ops`, and the count and times of a walk's round trips.
//!
//! Workers write to shared atomics; the thread that controls the number of workers reads them now
//! and then. There is no lock, and no call to AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

use super::NfsMount;
use super::concurrency::Measurements;
use crate::stop::Stop;

/// Time whose round trips may be taken at once after a pause. Short enough for a steady load, long
/// enough that a late wake-up loses nothing.
const BURST: Duration = Duration::from_millis(50);

/// The longest sleep of a worker before it checks for a stop.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// The shortest time between two comparisons of the round trips taken with the requests sent.
const SETTLE: Duration = Duration::from_millis(100);

/// The longest pause for requests beyond those taken. Other programs on the same mount may send
/// more than `--max-ops` allows, and must not stall the walk forever.
const MOST_OWED: Duration = Duration::from_secs(10);

/// The round trips of a walk.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// The NFS mount, with its counters from before the walk.
    nfs: Option<NfsMount>,
    /// Round trips to open a directory.
    per_open: u32,
    /// Round trips taken from the bucket.
    taken: AtomicU64,
    /// Time of their last comparison with the mount's counters, in nanoseconds of the walk.
    settled_nanos: AtomicU64,
    /// Round trips that were answered, and the sum of their times.
    trips: AtomicU64,
    waited_nanos: AtomicU64,
    bucket: Option<TokenBucket>,
    held_back: AtomicBool,
    /// The process or thread whose processor time is measured.
    usage: UsageWho,
    stop: Arc<Stop>,
}

impl Pace {
    /// Begins a walk in which one thread waits for all round trips, the one that samples. The
    /// measurements have its processor time only.
    pub(super) fn of_one_thread(stop: &Arc<Stop>) -> Self {
        Self { usage: UsageWho::RUSAGE_THREAD, ..Self::new(None, None, stop) }
    }

    /// Begins a walk that takes at most `max_ops` round trips a second.
    pub(super) fn new(nfs: Option<NfsMount>, max_ops: Option<u32>, stop: &Arc<Stop>) -> Self {
        Self {
            begun: Instant::now(),
            per_open: nfs.as_ref().map_or(1, NfsMount::per_open),
            nfs,
            taken: AtomicU64::new(0),
            settled_nanos: AtomicU64::new(0),
            trips: AtomicU64::new(0),
            waited_nanos: AtomicU64::new(0),
            bucket: max_ops.map(TokenBucket::new),
            held_back: AtomicBool::new(false),
            usage: UsageWho::RUSAGE_SELF,
            stop: Arc::clone(stop),
        }
    }

    /// Waits until a directory may be opened.
    pub(super) fn open(&self) -> InFlight {
        self.take(self.per_open);
        InFlight { at: Instant::now(), trips: self.per_open }
    }

    /// Waits until names may be requested.
    pub(super) fn names(&self) -> InFlight {
        self.take(1);
        InFlight { at: Instant::now(), trips: 1 }
    }

    /// Waits until the first names may be requested after a directory was opened. One measurement
    /// covers both requests, unless a wait for the bucket may lie between them.
    pub(super) fn names_after(&self, opened: InFlight) -> InFlight {
        if self.bucket.is_some() {
            self.answered(opened);
            return self.names();
        }
        InFlight { trips: opened.trips + 1, ..opened }
    }

    /// Takes a round trip for names that have already arrived. Only the answer shows that there
    /// were more names, and the request after the last ones costs nothing on NFS.
    pub(super) fn more_names(&self) {
        self.take(1);
    }

    /// Counts an answer and its time.
    pub(super) fn answered(&self, asked: InFlight) {
        let nanos = u64::try_from(asked.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Relaxed, both: sums on which nothing else depends.
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.trips.fetch_add(asked.trips.into(), Ordering::Relaxed);
    }

    /// Counts `trips` answers with a total waiting time of `waited`.
    pub(super) fn record(&self, trips: u64, waited: Duration) {
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed, both: sums on which nothing else depends.
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.trips.fetch_add(trips, Ordering::Relaxed);
    }

    /// True if [`settle_up`](Self::settle_up) has something to do.
    pub(super) fn settles(&self) -> bool {
        self.bucket.is_some() && self.nfs.is_some()
    }

    /// Charges the bucket for requests that the mount sent beyond those taken: further READDIRs of
    /// a large directory, attributes that did not arrive with their names, retries. Called now and
    /// then by one thread.
    pub(super) fn settle_up(&self) {
        let (Some(bucket), Some(nfs)) = (&self.bucket, &self.nfs) else { return };
        let now = self.begun.elapsed();
        // Relaxed, all: only this thread writes the time, and it sees what workers take meanwhile
        // the next time.
        let last = Duration::from_nanos(self.settled_nanos.load(Ordering::Relaxed));
        if now.saturating_sub(last) < SETTLE {
            return;
        }
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.settled_nanos.store(nanos, Ordering::Relaxed);
        let Some(traffic) = nfs.since() else { return };
        let asked: u64 = traffic.requests.values().sum();
        let taken = self.taken.load(Ordering::Relaxed);
        let more = asked.saturating_sub(taken);
        if more > 0 {
            self.taken.fetch_add(more, Ordering::Relaxed);
            bucket.owe(more, now);
        }
        // Round trips that are about to be sent are taken, but not yet in the counters. Any more
        // were never sent, because the answer was in a cache or on another mount. They must not
        // offset later requests.
        let slack = bucket.in_half_a_second() + 1_000;
        let unasked = taken.saturating_sub(asked).saturating_sub(slack);
        self.taken.fetch_sub(unasked, Ordering::Relaxed);
    }

    fn take(&self, trips: u32) {
        let Some(bucket) = &self.bucket else { return };
        // Relaxed: a sum.
        self.taken.fetch_add(trips.into(), Ordering::Relaxed);
        let turn = bucket.take(trips, self.begun.elapsed());
        loop {
            let wait = turn.saturating_sub(self.begun.elapsed());
            if wait.is_zero() || self.stop.is_set() {
                return;
            }
            // Relaxed: a hint to the controller.
            self.held_back.store(true, Ordering::Relaxed);
            std::thread::sleep(wait.min(STOP_LATENCY));
        }
    }

    /// Returns the measurements until now, with the caller's `backlog`.
    pub(super) fn sample(&self, backlog: bool) -> Measurements {
        // getrusage does not fail with these arguments.
        let usage = getrusage(self.usage).ok();
        let time = |value: TimeVal| {
            let micros = value.num_microseconds();
            Duration::from_micros(u64::try_from(micros).unwrap_or_default())
        };
        let cpu = usage.map(|usage| time(usage.user_time()) + time(usage.system_time()));
        let waits = usage.map(|usage| usage.voluntary_context_switches());
        Measurements {
            now: self.begun.elapsed(),
            // Relaxed: one of the two may be slightly ahead.
            trips: self.trips.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.waited_nanos.load(Ordering::Relaxed)),
            cpu: cpu.unwrap_or_default(),
            waits: waits.and_then(|waits| u64::try_from(waits).ok()).unwrap_or_default(),
            backlog,
            held_back: self.held_back.swap(false, Ordering::Relaxed),
        }
    }
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct InFlight {
    at: Instant,
    trips: u32,
}

/// Token bucket, stored as the time of its next token. Taking tokens advances that time by their
/// cost, and the taker waits until the time it found. So one atomic is enough, and takers need no
/// order among themselves.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// Nanoseconds per token.
    each: u64,
    /// Time of the next token, in nanoseconds since the walk began.
    next: AtomicU64,
}

impl TokenBucket {
    pub(super) fn new(per_second: u32) -> Self {
        Self { each: 1_000_000_000 / u64::from(per_second.max(1)), next: AtomicU64::new(0) }
    }

    /// Returns the number of tokens in half a second.
    fn in_half_a_second(&self) -> u64 {
        500_000_000 / self.each
    }

    /// Takes `n` tokens after they were used.
    fn owe(&self, n: u64, now: Duration) {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let most = now.saturating_add(MOST_OWED.as_nanos() as u64);
        let cost = self.each.saturating_mul(n);
        // A debt that is already above the limit stays.
        let moved = |next: u64| Some(next.max(now).saturating_add(cost).min(most).max(next));
        // Relaxed: as in `take`.
        let _ = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }

    /// Takes `n` tokens at `now` and returns the time from which they may be used.
    pub(super) fn take(&self, n: u32, now: Duration) -> Duration {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let earliest = now.saturating_sub(BURST.as_nanos() as u64);
        let cost = self.each.saturating_mul(n.into());
        let from = |next: u64| next.max(earliest);
        let moved = |next| Some(from(next).saturating_add(cost));
        // Relaxed: takers share nothing but this time.
        let next = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
        Duration::from_nanos(from(next.unwrap_or_else(|next| next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the tokens of ten seconds, for takers that take them as early as possible.
    fn in_ten_seconds(per_second: u32, n: u32, late: Duration) -> u64 {
        let bucket = TokenBucket::new(per_second);
        let (mut now, mut taken) = (Duration::ZERO, 0);
        while now < Duration::from_secs(10) {
            let turn = bucket.take(n, now);
            now = now.max(turn) + late;
            taken += u64::from(n);
        }
        taken
    }

    #[test]
    fn a_bucket_is_exact_to_five_percent_over_ten_seconds() {
        for per_second in [1, 3, 100, 3_000, 35_000, 250_000] {
            for n in [1, 2] {
                for late in [Duration::ZERO, Duration::from_micros(3)] {
                    let taken = in_ten_seconds(per_second, n, late) as f64;
                    let wanted = f64::from(per_second) * 10.0;
                    // The first token is free, and one that waits at the end is already taken.
                    let slack = 0.05 * wanted + 2.0 * f64::from(n);
                    assert!((taken - wanted).abs() <= slack, "{per_second}/s: {taken} taken");
                }
            }
        }
    }

    #[test]
    fn a_pause_accumulates_at_most_a_burst() {
        let bucket = TokenBucket::new(1_000);
        let _ = bucket.take(1, Duration::ZERO);
        let now = Duration::from_secs(60);
        let free = (0..200).filter(|_| bucket.take(1, now) <= now).count();
        assert_eq!(free, 51);
    }

    #[test]
    fn a_debt_is_paid_up_to_ten_seconds() {
        let bucket = TokenBucket::new(1_000);
        bucket.owe(2_000, Duration::ZERO);
        assert_eq!(bucket.take(1, Duration::ZERO), Duration::from_secs(2));
        bucket.owe(u64::MAX, Duration::from_secs(1));
        bucket.owe(5, Duration::from_secs(1));
        assert_eq!(bucket.take(1, Duration::from_secs(1)), Duration::from_secs(11));
        let later = Duration::from_secs(20);
        assert!(bucket.take(1, later) <= later);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let stop = Arc::new(Stop::default());
        let pace = Pace::new(None, Some(1), &stop);
        stop.set();
        let before = Instant::now();
        for _ in 0..100 {
            let _ = pace.names();
        }
        assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    }
}
