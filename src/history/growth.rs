//! Growth, and the date when a size reaches a limit.
//!
//! The estimate is Theil and Sen's: the median of the slopes between all pairs of days. Days may be
//! missing, and one outlier, such as a day on which a job left its scratch files until the next
//! morning, hardly moves it: of `n` days, one takes part in two of every `n` slopes, so from five
//! days on most slopes do not depend on it. The difference of the first and the last day, or least
//! squares, would follow the outlier. For linear growth the estimate is exact.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Serialize;

use crate::units::AllocatedBytes;

/// Minimum number of days: with fewer, one outlier decides.
const FEWEST_DAYS: usize = 5;

/// Forecasts do not look further ahead: nobody plans for it.
const HORIZON_DAYS: f64 = 3650.0;

const DAY_SECONDS: f64 = 86_400.0;

/// The size of something when a run started.
pub(super) type SizeAt = (Timestamp, AllocatedBytes);

/// Growth in bytes a day over the `days` before `end`. `None` if fewer than five days have a size, if
/// the first and the last of these are less than half of the time apart, or if the later half has
/// none. Of several points on one day (in UTC) the last one counts.
pub(super) fn per_day(
    points: impl Iterator<Item = SizeAt>,
    end: Timestamp,
    days: u32,
) -> Option<f64> {
    let last_day = date(end);
    let days = i64::from(days);
    let first_day = last_day.checked_sub(Span::new().try_days(days).ok()?).ok()?;
    // Most points of a long history are older: drop them before the slow calendar arithmetic.
    let oldest = end.checked_sub(SignedDuration::from_hours(24 * (days + 1))).ok()?;
    let daily: BTreeMap<Date, SizeAt> = points
        .filter(|point| point.0 >= oldest)
        .map(|point| (date(point.0), point))
        .filter(|(day, _)| (first_day..=last_day).contains(day))
        .collect();
    let ((first, _), (last, _)) = (daily.first_key_value()?, daily.last_key_value()?);
    let between =
        |from: Date, to: Date| to.since(from).map_or(0, |span| i64::from(span.get_days()));
    let long = 2 * between(*first, *last) >= days && 2 * between(*last, last_day) <= days;
    let daily: Vec<SizeAt> = daily.into_values().collect();
    (long && daily.len() >= FEWEST_DAYS).then(|| median(slopes(&daily)))
}

pub(super) fn date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The slopes between all pairs, in bytes a day. Points come from different days, so their times
/// differ.
fn slopes(points: &[SizeAt]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (at, (later, now)) in points.iter().enumerate() {
        for (earlier, before) in &points[..at] {
            let bytes = i128::from(now.0) - i128::from(before.0);
            let days = later.duration_since(*earlier).as_secs_f64() / DAY_SECONDS;
            slopes.push(bytes as f64 / days);
        }
    }
    slopes
}

/// The median of at least one number; for an even count the mean of the middle two.
fn median(mut numbers: Vec<f64>) -> f64 {
    let middle = numbers.len() / 2;
    let odd = numbers.len() % 2 == 1;
    let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if !odd => lower / 2.0 + *upper / 2.0,
        _ => *upper,
    }
}

/// The date when a limit is reached, if the growth stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "date", rename_all = "snake_case")]
pub enum Forecast {
    /// On this day, in UTC.
    On(Date),
    /// Not within ten years.
    Beyond,
    /// Never: the size is constant or shrinks.
    NotGrowing,
    /// The growth is not known.
    TooFewRuns,
    /// The limit is reached.
    AlreadyOver,
    /// There is no limit.
    NoLimit,
}

impl Forecast {
    /// The forecast from the newest known size, at `per_day` bytes a day.
    pub(super) fn of(
        newest: Option<SizeAt>,
        per_day: Option<f64>,
        limit: Option<AllocatedBytes>,
    ) -> Self {
        let Some(limit) = limit else { return Self::NoLimit };
        let Some((at, size)) = newest else { return Self::TooFewRuns };
        if size >= limit {
            return Self::AlreadyOver;
        }
        match per_day {
            None => Self::TooFewRuns,
            Some(rate) if rate <= 0.0 => Self::NotGrowing,
            Some(rate) => {
                let days = (limit.0 - size.0) as f64 / rate;
                if days > HORIZON_DAYS {
                    return Self::Beyond;
                }
                let then = at.checked_add(SignedDuration::from_secs_f64(days * DAY_SECONDS));
                then.map_or(Self::Beyond, |then| Self::On(date(then)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
