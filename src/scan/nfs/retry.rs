//! Decides what a failed operation means: repeat it, restart the listing, or give up.

use std::time::{Duration, Instant};

use super::status::Status;

/// Pause after the first failure, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Replies that the server is busy, about five minutes' worth.
const MAX_BUSY_TRIES: u32 = 70;

/// Repetitions after an error that may be temporary.
const MAX_OTHER_TRIES: u32 = 12;

/// Failures of a task since its last success. Replies of a busy server do not use up the attempts
/// for other errors.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttemptCounts {
    busy: u32,
    other: u32,
}

/// Reaction to a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryDecision {
    /// Repeat the request at this time.
    At(Instant),
    /// Read the listing from its start.
    Restart,
    /// The directory no longer exists.
    Gone,
    /// The directory cannot be read.
    GiveUp,
}

/// Decides about failures and spreads repetitions over time, so that they do not arrive all at
/// once.
#[derive(Debug)]
pub(super) struct RetryPolicy {
    state: u64,
}

impl RetryPolicy {
    /// Makes a policy. Different `seed`s make clients that failed at the same time retry at
    /// different times.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    /// Decides what to do after a status, given the task's earlier failures.
    pub(super) fn decide(
        &mut self,
        status: Status,
        tries: &mut AttemptCounts,
        now: Instant,
    ) -> RetryDecision {
        let (tried, often) = match status {
            Status::DELAY | Status::GRACE | Status::RESOURCE => (&mut tries.busy, MAX_BUSY_TRIES),
            Status::SERVERFAULT
            | Status::TOOSMALL
            | Status::REP_TOO_BIG
            | Status::RETRY_UNCACHED_REP => (&mut tries.other, MAX_OTHER_TRIES),
            // The server may only have forgotten a cookie.
            Status::BAD_COOKIE | Status::NOT_SAME => (&mut tries.other, 1),
            _ => (&mut tries.other, 0),
        };
        *tried += 1;
        if *tried <= often {
            let pause = self.pause(*tried);
            return RetryDecision::At(now + pause);
        }
        *tries = AttemptCounts::default();
        match status {
            Status::BAD_COOKIE | Status::NOT_SAME => RetryDecision::Restart,
            Status::STALE | Status::NOENT | Status::NOTDIR => RetryDecision::Gone,
            _ => RetryDecision::GiveUp,
        }
    }

    /// Returns the pause before an attempt: it doubles each time, and varies by half up or down.
    pub(super) fn pause(&mut self, tries: u32) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let pause = doubled.min(LONGEST_PAUSE);
        // xorshift: any spread will do.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let chance = (self.state >> 40) as f64 / (1u64 << 24) as f64;
        pause.mul_f64(0.5 + chance)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_vary_and_are_bounded() {
        let mut retries = RetryPolicy::new(7);
        let mut spread = std::collections::BTreeSet::new();
        for tries in 1..100 {
            let pause = retries.pause(tries);
            let base = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_PAUSE);
            assert!(pause >= base / 2 && pause <= base * 3 / 2, "{tries}: {pause:?}");
            spread.insert(pause);
        }
        assert!(spread.len() > 90);
    }

    #[test]
    fn statuses_map_to_decisions() {
        let mut retries = RetryPolicy::new(1);
        let now = Instant::now();
        let mut all = |status| {
            let mut tries = AttemptCounts::default();
            let next = |_| match retries.decide(status, &mut tries, now) {
                RetryDecision::At(at) => {
                    assert!(at >= now && at < now + 2 * LONGEST_PAUSE);
                    None
                }
                end => Some(end),
            };
            let mut asked = 0;
            let end = (0..1000).inspect(|at| asked = *at).find_map(next).unwrap();
            (asked, end)
        };
        assert_eq!(all(Status::DELAY), (MAX_BUSY_TRIES, RetryDecision::GiveUp));
        assert_eq!(all(Status::STALE), (0, RetryDecision::Gone));
        assert_eq!(all(Status::SERVERFAULT), (MAX_OTHER_TRIES, RetryDecision::GiveUp));
        assert_eq!(all(Status::NOTDIR), (0, RetryDecision::Gone));
        assert_eq!(all(Status::BAD_COOKIE), (1, RetryDecision::Restart));
        assert_eq!(all(Status::ACCESS), (0, RetryDecision::GiveUp));
        assert_eq!(all(Status(4711)), (0, RetryDecision::GiveUp));
    }
}
