//! The number of requests in flight, adjusted while the walk runs ([`climb`]).

mod climb;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::climb::{Answers, Climb, Range};
use super::walk::CROWDED;
use crate::scan::pace::{Pace, TokenBucket};
use crate::scan::{Pacing, Threads};
use crate::stop::Stop;

/// Most requests in flight.
const MAX_IN_FLIGHT: usize = 4096;

/// Requests in flight at the start: the default of a mount, which every server accepts.
const INITIAL: usize = 64;

/// Most requests in flight when so many directories are queued that further requests would only
/// cost memory for what they find: enough for 200,000 directories a second at 5 ms.
const MAX_WHEN_CROWDED: usize = 1024;

/// A busy server answers DELAY to all requests in flight. They count once per interval.
const BUSY_INTERVAL: Duration = Duration::from_millis(200);

/// Limits the requests in flight and the directories per second.
#[derive(Debug)]
pub(super) struct RequestWindow {
    pacing: Pacing,
    pace: Pace,
    controller: Option<Climb>,
    limit: usize,
    /// Upper limit since the server was busy. It grows back step by step.
    cap: usize,
    busy: Option<Instant>,
    most: usize,
    /// The number of loops among which the whole scan's limits are divided.
    loops: usize,
    bucket: Option<TokenBucket>,
    burst: usize,
    /// Directories already charged to `--max-ops` that were not read and may be requested again.
    prepaid: usize,
    begun: Instant,
    held_until: Option<Instant>,
    last_sample: Instant,
}

impl RequestWindow {
    pub(super) fn new(pacing: &Pacing, stop: &Arc<Stop>) -> Self {
        let most = match pacing.threads {
            Threads::Fixed(number) => number,
            Threads::Auto => pacing.max_threads.unwrap_or(MAX_IN_FLIGHT),
        };
        let most = most.clamp(1, MAX_IN_FLIGHT);
        let start = match pacing.threads {
            Threads::Fixed(_) => most,
            Threads::Auto => INITIAL.min(most),
        };
        let max_latency = pacing.max_latency;
        let least =
            if pacing.threads == Threads::Auto || max_latency.is_some() { 1 } else { start };
        let range = Range { start, least, most, max_latency };
        let pace = Pace::of_one_thread(stop);
        let varies = least < most;
        let controller = varies.then(|| Climb::new(range, Answers::default()));
        let now = Instant::now();
        Self {
            pacing: *pacing,
            controller,
            limit: start,
            cap: most,
            busy: None,
            most,
            loops: 1,
            bucket: pacing.max_ops.map(TokenBucket::new),
            // A twentieth of a second's worth, as much as a bucket accumulates.
            burst: pacing.max_ops.map_or(usize::MAX, |ops| (ops as usize / 20).max(1)),
            prepaid: 0,
            begun: now,
            held_until: None,
            last_sample: now,
            pace,
        }
    }

    /// Creates the window of another one of the loops among which this one was split.
    pub(super) fn another(&self, stop: &Arc<Stop>) -> Self {
        Self { loops: self.loops, ..Self::new(&self.pacing, stop) }
    }

    /// Splits the window among `loops` event loops: reduces this one to its part.
    pub(super) fn split(&mut self, loops: usize) {
        self.loops = loops;
        let part = (self.most / loops).max(1);
        self.most = part;
        self.cap = self.cap.min(part);
        self.limit = self.limit.min(part);
        if let Some(controller) = &mut self.controller {
            controller.cap(part);
        }
        let threads = match self.pacing.threads {
            Threads::Fixed(_) => Threads::Fixed(part),
            Threads::Auto => Threads::Auto,
        };
        self.pacing = Pacing { threads, max_threads: Some(part), ..self.pacing };
    }

    /// True if the user limits the scan's pace.
    pub(super) fn is_throttled(&self) -> bool {
        self.pacing.max_ops.is_some() || self.pacing.max_latency.is_some()
    }

    /// Returns the time since the walk began, and the processor time of this thread.
    pub(super) fn processor_time(&self) -> (Duration, Duration) {
        let sample = self.pace.sample(true);
        (sample.now, sample.cpu)
    }

    /// Returns the largest number of requests that can ever be in flight.
    pub(super) fn most(&self) -> u32 {
        u32::try_from(self.most).unwrap_or(u32::MAX)
    }

    /// Returns the number of requests that may be in flight now, where `in_flight` are and `waiting`
    /// directories are queued.
    pub(super) fn limit(&mut self, now: Instant, in_flight: usize, waiting: usize) -> usize {
        let due = self.controller.as_ref().is_some_and(|controller| {
            now.saturating_duration_since(self.last_sample) >= controller.tick() / 4
        });
        if due {
            self.last_sample = now;
            let sample = self.pace.sample(true);
            let answers = Answers {
                now: sample.now,
                count: sample.trips,
                waited: sample.waited,
                allowed: None,
            };
            self.adjust(now, answers, in_flight, waiting);
        }
        self.allowed(waiting)
    }

    fn allowed(&self, waiting: usize) -> usize {
        let limit = self.limit.min(self.cap);
        match waiting > CROWDED / self.loops {
            true => limit.min((MAX_WHEN_CROWDED / self.loops).max(1)),
            false => limit,
        }
    }

    fn adjust(&mut self, now: Instant, answers: Answers, in_flight: usize, waiting: usize) {
        let allowed = self.allowed(waiting);
        let used_up = self.held_until.is_none() && in_flight + waiting >= allowed;
        let allowed = used_up.then_some(allowed);
        if let Some(controller) = &mut self.controller {
            self.limit = controller.sample(Answers { allowed, ..answers });
        }
        if self.busy.is_none_or(|busy| now.saturating_duration_since(busy) > BUSY_INTERVAL) {
            self.cap = (self.cap + self.cap / 4 + 1).min(self.most);
        }
    }

    /// Halves the number of requests in flight after NFS4ERR_DELAY, unless the user fixed it.
    pub(super) fn server_busy(&mut self, now: Instant) {
        let counted =
            self.busy.is_some_and(|busy| now.saturating_duration_since(busy) <= BUSY_INTERVAL);
        if self.controller.is_some() && !counted {
            self.cap = (self.limit.min(self.cap) / 2).max(1);
            self.busy = Some(now);
        }
    }

    /// Records a reply for a request of this many directories.
    pub(super) fn answered(&self, directories: usize, took: Duration) {
        self.pace.record(directories as u64, took);
    }

    /// Returns the largest number of directories per request, so that `--max-ops` never pauses long
    /// for one.
    pub(super) fn burst(&self) -> usize {
        self.burst
    }

    /// True if `--max-ops` allows a request now.
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        match self.held_until {
            Some(until) if until > now => false,
            _ => {
                self.held_until = None;
                true
            }
        }
    }

    /// Credits directories that were requested but not read. Their next request is free.
    pub(super) fn refund(&mut self, directories: usize) {
        self.prepaid += directories;
    }

    /// Charges a request of this many directories.
    pub(super) fn sent(&mut self, directories: usize, now: Instant) {
        let Some(bucket) = &self.bucket else { return };
        let prepaid = self.prepaid.min(directories);
        self.prepaid -= prepaid;
        let directories = directories - prepaid;
        let since = now.saturating_duration_since(self.begun);
        let directories = u32::try_from(directories).unwrap_or(u32::MAX);
        let _ = bucket.take(directories, since);
        // The time at which the next request may be sent.
        let turn = bucket.take(0, since);
        if turn > since {
            self.held_until = Some(self.begun + turn);
        }
    }

    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// Returns the controller's sampling interval.
    pub(super) fn tick(&self) -> Duration {
        self.controller.as_ref().map_or(Duration::MAX, Climb::tick)
    }
}

#[cfg(test)]
mod tests;
