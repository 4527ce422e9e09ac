//! What a failed operation means: ask again, from the start, or not at all.

use std::time::{Duration, Instant};

use super::status::Status;

/// Between the first try and the second, and between later ones at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a server may say that it is busy: some five minutes of it.
const BUSY: u32 = 70;

/// How often what may be a moment's failure is asked again.
const FEW: u32 = 12;

/// How often a task has failed since it last got on: a busy server must not use up the tries that
/// are for something else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    busy: u32,
    other: u32,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The same once more, then.
    At(Instant),
    /// The listing from its start.
    FromTheStart,
    /// The directory is no more.
    Gone,
    /// It cannot be read.
    Never,
}

/// Decides, and spreads what is asked again over time, so that it does not all come at once.
#[derive(Debug)]
pub(super) struct Retries {
    state: u64,
}

impl Retries {
    /// `seed` makes clients that were told the same at the same time come back at other times.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    /// What to do after a status, given how often that task has failed before.
    pub(super) fn after(&mut self, status: Status, tries: &mut Tries, now: Instant) -> Again {
        let (tried, often) = match status {
            Status::DELAY | Status::GRACE | Status::RESOURCE => (&mut tries.busy, BUSY),
            Status::SERVERFAULT
            | Status::TOOSMALL
            | Status::REP_TOO_BIG
            | Status::RETRY_UNCACHED_REP => (&mut tries.other, FEW),
            // Both may be a matter of a cookie that the server has just forgotten.
            Status::BAD_COOKIE | Status::NOT_SAME => (&mut tries.other, 1),
            _ => (&mut tries.other, 0),
        };
        *tried += 1;
        if *tried <= often {
            let pause = self.pause(*tried);
            return Again::At(now + pause);
        }
        *tries = Tries::default();
        match status {
            Status::BAD_COOKIE | Status::NOT_SAME => Again::FromTheStart,
            Status::STALE | Status::NOENT | Status::NOTDIR => Again::Gone,
            _ => Again::Never,
        }
    }

    /// How long to wait before a try: twice as long each time, by chance half of it or half more.
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
    fn pauses_grow_and_spread_and_end() {
        let mut retries = Retries::new(7);
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
    fn each_status_has_its_way() {
        let mut retries = Retries::new(1);
        let now = Instant::now();
        let mut all = |status| {
            let mut tries = Tries::default();
            let next = |_| match retries.after(status, &mut tries, now) {
                Again::At(at) => {
                    assert!(at >= now && at < now + 2 * LONGEST_PAUSE);
                    None
                }
                end => Some(end),
            };
            let mut asked = 0;
            let end = (0..1000).inspect(|at| asked = *at).find_map(next).unwrap();
            (asked, end)
        };
        assert_eq!(all(Status::DELAY), (BUSY, Again::Never));
        assert_eq!(all(Status::STALE), (0, Again::Gone));
        assert_eq!(all(Status::SERVERFAULT), (FEW, Again::Never));
        assert_eq!(all(Status::NOTDIR), (0, Again::Gone));
        assert_eq!(all(Status::BAD_COOKIE), (1, Again::FromTheStart));
        assert_eq!(all(Status::ACCESS), (0, Again::Never));
        assert_eq!(all(Status(4711)), (0, Again::Never));
    }
}
