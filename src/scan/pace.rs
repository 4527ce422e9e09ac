//! What a walk takes from its file system: round trips counted, timed, and held back.
//!
//! Workers write to atomics that they alone share; who decides reads them now and then. Nothing
//! here is a lock, and nothing asks AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

use super::NfsMount;
use super::concurrency::Measurements;
use crate::stop::Stop;

/// What may be taken at once after a pause, as time: short enough for a steady load, long enough
/// that a late wake-up loses nothing.
const BURST: Duration = Duration::from_millis(50);

/// How long a worker sleeps before it looks whether the walk ends.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// How often what was let through is held against what the server was asked.
const SETTLE: Duration = Duration::from_millis(100);

/// The longest that a walk pauses for what was asked beyond that: other programs on the same mount
/// may ask for more than all of it, and must not end the walk.
const MOST_OWED: Duration = Duration::from_secs(10);

/// The round trips of a walk.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// The mount, where that is NFS, as it was when the walk began.
    nfs: Option<NfsMount>,
    /// Round trips that opening a directory takes.
    per_open: u32,
    /// Round trips that were let through, and when they were last held against the mount's count.
    taken: AtomicU64,
    settled_nanos: AtomicU64,
    trips: AtomicU64,
    waited_nanos: AtomicU64,
    bucket: Option<TokenBucket>,
    held_back: AtomicBool,
    stop: Arc<Stop>,
}

impl Pace {
    /// Lets `max_ops` round trips a second through.
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
            stop: Arc::clone(stop),
        }
    }

    /// Before a directory is opened: waits until that is allowed.
    pub(super) fn open(&self) -> InFlight {
        self.take(self.per_open);
        InFlight { at: Instant::now(), trips: self.per_open }
    }

    /// Before names are asked for: waits until that is allowed.
    pub(super) fn names(&self) -> InFlight {
        self.take(1);
        InFlight { at: Instant::now(), trips: 1 }
    }

    /// Between a directory's opening and its first names: one measurement for both is enough,
    /// except where what is held back lies between them.
    pub(super) fn names_after(&self, opened: InFlight) -> InFlight {
        if self.bucket.is_some() {
            self.answered(opened);
            return self.names();
        }
        InFlight { trips: opened.trips + 1, ..opened }
    }

    /// After names came for which nothing was taken before: only an answer shows whether there
    /// were more, and the question after the last ones costs nothing on NFS.
    pub(super) fn more_names(&self) {
        self.take(1);
    }

    /// The answer came.
    pub(super) fn answered(&self, asked: InFlight) {
        let nanos = u64::try_from(asked.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Relaxed, both: sums that nothing else depends on.
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.trips.fetch_add(asked.trips.into(), Ordering::Relaxed);
    }

    /// So many answers came after that time.
    pub(super) fn record(&self, trips: u64, waited: Duration) {
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed, both: sums that nothing else depends on.
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.trips.fetch_add(trips, Ordering::Relaxed);
    }

    /// Whether there is something to settle.
    pub(super) fn settles(&self) -> bool {
        self.bucket.is_some() && self.nfs.is_some()
    }

    /// Takes from the bucket what the server was asked beyond what was let through: a READDIR more
    /// for a large directory, an attribute that did not come with its name, a second try. Called
    /// now and then by one thread.
    pub(super) fn settle_up(&self) {
        let (Some(bucket), Some(nfs)) = (&self.bucket, &self.nfs) else { return };
        let now = self.begun.elapsed();
        // Relaxed, all: only this thread writes to the time, and what workers take meanwhile is
        // seen the next time.
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
        // What is on its way is taken and not asked yet. More than that was never asked, because
        // it was on another mount or in the caches, and does not stand for anything later.
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

    /// What was measured until now. `backlog` is the caller's to know.
    pub(super) fn sample(&self, backlog: bool) -> Measurements {
        // It fails for no argument that there is.
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        let time = |value: TimeVal| {
            let micros = value.num_microseconds();
            Duration::from_micros(u64::try_from(micros).unwrap_or_default())
        };
        let cpu = usage.map(|usage| time(usage.user_time()) + time(usage.system_time()));
        let waits = usage.map(|usage| usage.voluntary_context_switches());
        Measurements {
            now: self.begun.elapsed(),
            // Relaxed: that one of the two is a moment ahead does not matter.
            trips: self.trips.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.waited_nanos.load(Ordering::Relaxed)),
            cpu: cpu.unwrap_or_default(),
            waits: waits.and_then(|waits| u64::try_from(waits).ok()).unwrap_or_default(),
            backlog,
            held_back: self.held_back.swap(false, Ordering::Relaxed),
        }
    }
}

/// A question on its way.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct InFlight {
    at: Instant,
    trips: u32,
}

/// A token bucket, kept as the time at which it is empty: whoever takes moves that time on by what
/// was taken, and may go when it had come. So takers need one atomic and no order among them.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// Nanoseconds for one.
    each: u64,
    /// Nanoseconds since the walk began.
    next: AtomicU64,
}

impl TokenBucket {
    pub(super) fn new(per_second: u32) -> Self {
        Self { each: 1_000_000_000 / u64::from(per_second.max(1)), next: AtomicU64::new(0) }
    }

    /// How many half a second has.
    fn in_half_a_second(&self) -> u64 {
        500_000_000 / self.each
    }

    /// Takes `n` that nobody waited for.
    fn owe(&self, n: u64, now: Duration) {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let most = now.saturating_add(MOST_OWED.as_nanos() as u64);
        let cost = self.each.saturating_mul(n);
        // What is owed already stays, also above the most.
        let moved = |next: u64| Some(next.max(now).saturating_add(cost).min(most).max(next));
        // Relaxed: as in `take`.
        let _ = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }

    /// Takes `n` at `now` and says from when on they may be used.
    pub(super) fn take(&self, n: u32, now: Duration) -> Duration {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let earliest = now.saturating_sub(BURST.as_nanos() as u64);
        let cost = self.each.saturating_mul(n.into());
        let from = |next: u64| next.max(earliest);
        let moved = |next| Some(from(next).saturating_add(cost));
        // Relaxed: the time is all there is to agree on.
        let next = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
        Duration::from_nanos(from(next.unwrap_or_else(|next| next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is let through in ten seconds, by takers that come as soon as they may.
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
                    // The first is free, and one that waits at the end is taken already.
                    let slack = 0.05 * wanted + 2.0 * f64::from(n);
                    assert!((taken - wanted).abs() <= slack, "{per_second}/s: {taken} taken");
                }
            }
        }
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_burst() {
        let bucket = TokenBucket::new(1_000);
        let _ = bucket.take(1, Duration::ZERO);
        let now = Duration::from_secs(60);
        let free = (0..200).filter(|_| bucket.take(1, now) <= now).count();
        assert_eq!(free, 51);
    }

    #[test]
    fn what_is_owed_is_paid_and_no_more_than_ten_seconds_of_it() {
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
