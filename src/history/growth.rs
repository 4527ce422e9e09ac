//! How fast something grows, and when it reaches a limit.
//!
//! The estimate is Theil and Sen's: the median of the slopes between all pairs of days. It needs no
//! day to be there, and a day that is far off, such as one on which a job left its scratch files
//! until the next morning, moves it no further than to another slope of the days around it: of `n`
//! days, the one takes part in two of every `n` slopes, so that from five days on most of them know
//! nothing of it. The difference of the first and the last day, or least squares, follow such a day
//! wherever it goes. Where growth is linear the estimate is exact.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Serialize;

use crate::units::AllocatedBytes;

/// From so many days on one of them cannot decide alone.
const FEWEST_DAYS: usize = 5;

/// What is further away than this is nothing that anybody plans for.
const HORIZON_DAYS: f64 = 3650.0;

const DAY_SECONDS: f64 = 86_400.0;

/// Something's size when a run started.
pub(super) type SizeAt = (Timestamp, AllocatedBytes);

/// Bytes a day over the `days` before `end`. `None` where that cannot be said: of fewer than five
/// days there is a size, the first and the last of these are less than half of the time apart, or
/// there is none in the later half. Of several points on one day (in UTC) the last one counts.
pub(super) fn per_day(
    points: impl Iterator<Item = SizeAt>,
    end: Timestamp,
    days: u32,
) -> Option<f64> {
    let last_day = date(end);
    let days = i64::from(days);
    let first_day = last_day.checked_sub(Span::new().try_days(days).ok()?).ok()?;
    // Most are older in a long history: told without a calendar.
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

fn date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// Between all pairs, in bytes a day. Points come from different days, so their times differ.
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

/// Of at least one number; the mean of the middle two of an even count.
fn median(mut numbers: Vec<f64>) -> f64 {
    let middle = numbers.len() / 2;
    let odd = numbers.len() % 2 == 1;
    let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if !odd => lower / 2.0 + *upper / 2.0,
        _ => *upper,
    }
}

/// When a limit is reached, if all goes on as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "date", rename_all = "snake_case")]
pub enum Forecast {
    /// On this day, in UTC.
    On(Date),
    /// Not within ten years.
    Beyond,
    /// Never: it stays as it is, or shrinks.
    NotGrowing,
    /// How fast it grows is not known.
    TooFewRuns,
    /// It is reached.
    AlreadyOver,
    /// There is none.
    NoLimit,
}

impl Forecast {
    /// From the newest size that is known on, at so many bytes a day.
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
