//! The one rule for how old a run may be.

use jiff::{SignedDuration, Timestamp};

/// Age from which a run is old: a daily run was missed, with half a day's grace. `page.js` has
/// the same figure.
pub(crate) const OLD: SignedDuration = SignedDuration::from_hours(36);

/// Difference between two clocks that is no fault of either.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// True if `at` is longer ago than a daily run may be.
pub(crate) fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > OLD
}

/// True if `at` lies further ahead than clocks may differ: one of them is or was wrong.
pub(crate) fn is_future(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > CLOCK_SKEW
}

/// True if a run of `at` says nothing about today. A run from the future counts: it hides all
/// that come after it.
pub(crate) fn is_stale(at: Timestamp, now: Timestamp) -> bool {
    is_old(at, now) || is_future(at, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_stale_when_old_or_from_the_future() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        for (at, old, future) in [
            ("2026-11-24T12:00:00Z", false, false),
            ("2026-11-23T00:00:00Z", false, false),
            ("2026-11-22T23:59:59Z", true, false),
            ("2026-11-24T12:05:00Z", false, false),
            ("2026-11-24T12:05:01Z", false, true),
        ] {
            let at: Timestamp = at.parse().expect(at);
            assert_eq!((is_old(at, now), is_future(at, now)), (old, future), "{at}");
            assert_eq!(is_stale(at, now), old || future, "{at}");
        }
    }
}
