//! The one rule for which of two runs is the newer one, and for what counts as the id of a run.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Form of the id of a run: its start, in UTC.
pub(crate) const ID: &str = "%Y%m%dT%H%M%S%.6fZ";

/// A run this far ahead was made by a wrong clock, and does not count as newer than a real one.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// The place of a run among others; the greater one is the newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank<'a> {
    /// It is not the id of a run.
    None,
    /// The id of a run from the future.
    Future(&'a str),
    /// The id of a run. Ids sort by time.
    Run(&'a str),
}

impl Rank<'_> {
    pub(crate) fn is_future(self) -> bool {
        matches!(self, Self::Future(_))
    }
}

/// Ranks a run by its id.
pub(crate) fn rank(id: &str, now: Timestamp) -> Rank<'_> {
    match started_of(id) {
        None => Rank::None,
        Some(started) if started.duration_since(now) > AHEAD => Rank::Future(id),
        Some(_) => Rank::Run(id),
    }
}

/// The start of a run, by its id. `None` if it is no id: each time has one form only, so that ids
/// sort by time, and are safe as parts of keys.
pub(crate) fn started_of(id: &str) -> Option<Timestamp> {
    let time = strtime::parse("%Y%m%dT%H%M%S%.fZ", id).ok()?.to_datetime().ok()?;
    let started = TimeZone::UTC.to_timestamp(time).ok()?;
    (started.strftime(ID).to_string() == id).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form() {
        let at = started_of("20261124T080232.123456Z").expect("an id");
        assert_eq!(at.to_string(), "2026-11-24T08:02:32.123456Z");
        for wrong in [
            "",
            "zzz",
            "latest",
            "20261124T080232Z",
            "20261124T080232.5Z",
            "20261124T080232.123456Z ",
            "20261324T080232.123456Z",
            "99999999T000000.000000Z",
            "../20261124T080232.123456Z",
        ] {
            assert_eq!(started_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_run_from_the_future_is_older_than_a_real_one_and_newer_than_none() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        let by_age = [
            "zzz",
            "20261124T130001.000000Z",
            "20990101T000000.000000Z",
            "20200101T000000.000000Z",
            "20261124T120000.000000Z",
            "20261124T130000.000000Z",
        ];
        for pair in by_age.windows(2) {
            assert!(rank(pair[0], now) < rank(pair[1], now), "{pair:?}");
        }
        assert!(rank(by_age[2], now).is_future() && !rank(by_age[5], now).is_future());
    }
}
