//! How many requests are in flight: the mounted walk's controller, with requests for workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::walk::CROWDED;
use crate::scan::concurrency::Concurrency;
use crate::scan::pace::{Pace, TokenBucket};
use crate::scan::{Bounds, Pacing, Threads};
use crate::stop::Stop;

/// The most requests in flight, where nothing else says.
const MOST: usize = 4096;

/// Requests in flight at first: as many as a mount may have, which any server takes.
const FIRST: usize = 64;

/// And where so many directories wait that each request more would cost memory for what it finds:
/// enough for 200,000 directories a second, 5 ms away.
const MOST_CROWDED: usize = 1024;

/// A server that is busy says so to all that is in flight: that counts once in so long a time.
const BUSY: Duration = Duration::from_millis(200);

/// How many may be in flight, and how many may be sent in a second.
#[derive(Debug)]
pub(super) struct Window {
    pace: Pace,
    controller: Option<Concurrency>,
    limit: usize,
    /// No more than this, since the server was busy; it grows again by and by.
    cap: usize,
    busy: Option<Instant>,
    most: usize,
    bucket: Option<TokenBucket>,
    burst: usize,
    /// Directories that may be asked for once more.
    paid: usize,
    begun: Instant,
    held_until: Option<Instant>,
    looked: Instant,
}

impl Window {
    pub(super) fn new(pacing: &Pacing, stop: &Arc<Stop>) -> Self {
        let most = match pacing.threads {
            Threads::Fixed(number) => number,
            Threads::Auto => pacing.max_threads.unwrap_or(MOST),
        };
        let most = most.clamp(1, MOST);
        let start = match pacing.threads {
            Threads::Fixed(_) => most,
            Threads::Auto => FIRST.min(most),
        };
        // One thread does all: that is the processor that can be busy.
        let max_latency = pacing.max_latency;
        let least =
            if pacing.threads == Threads::Auto || max_latency.is_some() { 1 } else { start };
        let bounds = Bounds { start, most, least, cores: 1, max_latency };
        let pace = Pace::new(None, None, stop);
        let varies = least < most;
        let controller = varies.then(|| Concurrency::new(bounds, pace.sample(true)));
        let now = Instant::now();
        Self {
            controller,
            limit: start,
            cap: most,
            busy: None,
            most,
            bucket: pacing.max_ops.map(TokenBucket::new),
            // Of a twentieth of a second, as much as a bucket saves up.
            burst: pacing.max_ops.map_or(usize::MAX, |ops| (ops as usize / 20).max(1)),
            paid: 0,
            begun: now,
            held_until: None,
            looked: now,
            pace,
        }
    }

    /// The most there can be.
    pub(super) fn most(&self) -> u32 {
        u32::try_from(self.most).unwrap_or(u32::MAX)
    }

    /// How many there may be now, where so many directories wait.
    pub(super) fn limit(&mut self, now: Instant, waiting: usize) -> usize {
        let crowded = waiting > CROWDED;
        if let Some(controller) = &mut self.controller
            && now.saturating_duration_since(self.looked) >= controller.tick() / 4
        {
            self.looked = now;
            let mut sample = self.pace.sample(waiting > 0 && !crowded);
            sample.held_back |= self.held_until.is_some();
            // One thread waits for all of them at once.
            sample.waits = sample.trips;
            self.limit = controller.sample(sample);
            if self.busy.is_none_or(|busy| now.saturating_duration_since(busy) > BUSY) {
                self.cap = (self.cap + self.cap / 4 + 1).min(self.most);
            }
        }
        let limit = self.limit.min(self.cap);
        if crowded { limit.min(MOST_CROWDED) } else { limit }
    }

    /// The server says that it is busy (NFS4ERR_DELAY): half of what is in flight may be, where
    /// nobody asked for a number.
    pub(super) fn busy(&mut self, now: Instant) {
        let counted = self.busy.is_some_and(|busy| now.saturating_duration_since(busy) <= BUSY);
        if self.controller.is_some() && !counted {
            self.cap = (self.limit.min(self.cap) / 2).max(1);
            self.busy = Some(now);
        }
    }

    /// A request for so many directories was answered.
    pub(super) fn answered(&self, directories: usize, took: Duration) {
        self.pace.record(directories as u64, took);
    }

    /// The most directories in one request, so that `--max-ops` need not hold back long for it.
    pub(super) fn burst(&self) -> usize {
        self.burst
    }

    /// Whether `--max-ops` lets a request go.
    pub(super) fn may_go(&mut self, now: Instant) -> bool {
        match self.held_until {
            Some(until) if until > now => false,
            _ => {
                self.held_until = None;
                true
            }
        }
    }

    /// So many directories of those that were asked for were not looked at: the next ones are paid.
    pub(super) fn undone(&mut self, directories: usize) {
        self.paid += directories;
    }

    /// So many directories were asked for.
    pub(super) fn sent(&mut self, directories: usize, now: Instant) {
        let Some(bucket) = &self.bucket else { return };
        let paid = self.paid.min(directories);
        self.paid -= paid;
        let directories = directories - paid;
        let since = now.saturating_duration_since(self.begun);
        let directories = u32::try_from(directories).unwrap_or(u32::MAX);
        let _ = bucket.take(directories, since);
        // When the next one may go.
        let turn = bucket.take(0, since);
        if turn > since {
            self.held_until = Some(self.begun + turn);
        }
    }

    /// Until when nothing may be sent.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// How soon it wants to look again.
    pub(super) fn tick(&self) -> Duration {
        self.controller.as_ref().map_or(Duration::MAX, Concurrency::tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(threads: Threads) -> Window {
        let pacing = Pacing { threads, max_threads: None, max_ops: None, max_latency: None };
        Window::new(&pacing, &Arc::new(Stop::default()))
    }

    #[test]
    fn a_busy_server_gets_half_and_more_again_later() {
        let mut window = window(Threads::Auto);
        let now = Instant::now();
        assert_eq!(window.limit(now, 1), FIRST);
        // Two answers of the same moment count once.
        window.busy(now);
        window.busy(now + BUSY / 2);
        assert_eq!(window.limit(now, 1), FIRST / 2);
        window.busy(now + 2 * BUSY);
        assert_eq!(window.limit(now + 2 * BUSY, 1), FIRST / 4);
        let mut later = now + 10 * BUSY;
        for _ in 0..10 {
            later += window.tick();
            window.limit(later, 1);
        }
        assert!(window.cap > FIRST, "{}", window.cap);
    }

    #[test]
    fn a_number_that_was_asked_for_stays() {
        let mut window = window(Threads::Fixed(100));
        window.busy(Instant::now());
        assert_eq!(window.limit(Instant::now(), 1), 100);
    }

    #[test]
    fn what_waits_is_not_let_grow_for_more_requests_than_are_worth_it() {
        let mut window = window(Threads::Fixed(MOST));
        assert_eq!(window.limit(Instant::now(), CROWDED), MOST);
        assert_eq!(window.limit(Instant::now(), CROWDED + 1), MOST_CROWDED);
        assert_eq!(window.limit(Instant::now(), 0), MOST);
    }
}
