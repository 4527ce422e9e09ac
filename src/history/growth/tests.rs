//! The estimator against lines, spikes and gaps.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

const START: i64 = 1_780_000_000;
const GIB: u64 = 1 << 30;

/// A run on that day, some hours and minutes around noon: timers drift.
fn at(day: usize, drift_seconds: i64) -> Timestamp {
    let noon = START - START.rem_euclid(86_400) + 43_200;
    Timestamp::from_second(noon + day as i64 * 86_400 + drift_seconds).expect("a time")
}

fn daily(sizes: impl IntoIterator<Item = u64>) -> Vec<SizeAt> {
    let sizes = sizes.into_iter().enumerate();
    sizes.map(|(day, size)| (at(day, 0), AllocatedBytes(size))).collect()
}

fn growth(points: &[SizeAt], days: u32) -> Option<f64> {
    per_day(points.iter().copied(), points.last()?.0, days)
}

#[test]
fn a_line_is_found_exactly_and_a_level_is_no_growth() {
    let line = daily((0..31).map(|day| 50 * GIB + day * GIB));
    assert_eq!((growth(&line, 7), growth(&line, 30)), (Some(GIB as f64), Some(GIB as f64)));
    let shrinks = daily((0..31).map(|day| 50 * GIB - day * GIB));
    assert_eq!(growth(&shrinks, 30), Some(-(GIB as f64)));
    assert_eq!(growth(&daily([GIB; 31]), 30), Some(0.0));
}

#[test]
fn a_week_knows_nothing_of_the_time_before_it() {
    let sizes = (0..24).map(|_| GIB).chain((1..8).map(|day| GIB + day * 7));
    assert_eq!(growth(&daily(sizes), 7), Some(7.0));
}

#[test]
fn too_few_days_say_nothing() {
    assert_eq!(growth(&daily((0..4).map(|day| day * GIB)), 7), None);
    assert_eq!(growth(&daily((0..5).map(|day| day * GIB)), 7), Some(GIB as f64));
    // Of a month, five days at its end are too little; a week's end says nothing of its rest.
    assert_eq!(growth(&daily((0..5).map(|day| day * GIB)), 30), None);
    assert_eq!(growth(&daily((0..16).map(|day| day * GIB)), 30), Some(GIB as f64));
    // Nor is what stopped long ago a growth of today.
    let points = daily((0..31).map(|day| day * GIB));
    let end = points.last().expect("one").0;
    assert_eq!(per_day(points[..15].iter().copied(), end, 30), None);
    assert_eq!(per_day(points[..17].iter().copied(), end, 30), Some(GIB as f64));
    assert_eq!(per_day(std::iter::empty(), end, 7), None);
    assert_eq!(per_day(points.into_iter(), end, u32::MAX), None);
}

#[test]
fn several_runs_a_day_count_once() {
    // On the last day somebody scans every quarter of an hour while a job fills the disk: as pairs
    // of points these runs would outvote the days.
    let mut points = daily((0..8).map(|day| day * GIB));
    let filling = (1..40).map(|quarter| {
        let seconds = 900 * quarter;
        (at(7, seconds as i64), AllocatedBytes(7 * GIB + seconds * GIB))
    });
    points.extend(filling);
    points.push((at(7, 40_000), AllocatedBytes(7 * GIB)));
    let growth = growth(&points, 7).expect("eight days");
    assert!((growth / GIB as f64 - 1.0).abs() < 0.1, "{growth}");
}

#[test]
fn a_forecast_says_the_day_or_why_there_is_none() {
    let of = |size: u64, rate: Option<f64>, limit: Option<u64>| {
        Forecast::of(Some((at(0, 0), AllocatedBytes(size))), rate, limit.map(AllocatedBytes))
    };
    let day = date(at(10, 0));
    assert_eq!(of(0, Some(100.0), Some(1000)), Forecast::On(day));
    assert_eq!(of(0, Some(100.0), None), Forecast::NoLimit);
    assert_eq!(of(0, None, Some(1)), Forecast::TooFewRuns);
    assert_eq!(of(0, Some(0.0), Some(1)), Forecast::NotGrowing);
    assert_eq!(of(0, Some(-1.0), Some(1)), Forecast::NotGrowing);
    assert_eq!(of(1, None, Some(1)), Forecast::AlreadyOver);
    assert_eq!(of(0, Some(1.0), Some(3651)), Forecast::Beyond);
    assert_eq!(of(0, Some(1e-300), Some(u64::MAX)), Forecast::Beyond);
    assert_eq!(Forecast::of(None, Some(1.0), Some(AllocatedBytes(1))), Forecast::TooFewRuns);
}

/// Between pairs of points without the one at `left_out`: the least and the greatest.
fn slopes_without(points: &[SizeAt], left_out: usize) -> (f64, f64) {
    let mut rest = points.to_vec();
    rest.remove(left_out);
    let slopes = slopes(&rest);
    let least = slopes.iter().copied().fold(f64::INFINITY, f64::min);
    (least, slopes.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

proptest! {
    #[test]
    fn a_line_is_found_whatever_days_are_missing(
        days in subsequence((0usize..31).collect::<Vec<_>>(), 5..31),
        drifts in proptest::collection::vec(-40_000i64..40_000, 31),
        rate in -1e9f64..1e9,
    ) {
        let size = |at: Timestamp| {
            let days = (at.as_second() - START) as f64 / DAY_SECONDS;
            AllocatedBytes((1e12 + rate * days) as u64)
        };
        let times = days.iter().map(|day| at(*day, drifts[*day]));
        let points: Vec<SizeAt> = times.map(|at| (at, size(at))).collect();
        let long = days[days.len() - 1] - days[0] >= 15;
        let found = growth(&points, 30);
        prop_assert_eq!(found.is_some(), long);
        if let Some(found) = found {
            // Sizes are whole bytes, and two of these days may be minutes apart.
            prop_assert!((found - rate).abs() < 1000.0, "{} for {}", found, rate);
        }
    }

    #[test]
    fn a_spike_on_a_line_changes_nothing(
        days in 8usize..31,
        spike in 0usize..31,
        height in any::<u64>(),
        rate in 0u64..1 << 40,
    ) {
        let mut points = daily((0..days as u64).map(|day| day * rate));
        let spike = spike % days;
        points[spike].1 = AllocatedBytes(height);
        let window = if days >= 16 { 30 } else { 7 };
        prop_assert_eq!(growth(&points, window), Some(rate as f64));
    }

    #[test]
    fn a_spike_of_any_height_leaves_a_slope_of_the_other_days(
        sizes in proptest::collection::vec(0u64..1 << 50, 5..8),
        spike in 0usize..8,
        height in any::<u64>(),
    ) {
        let mut points = daily(sizes);
        let spike = spike % points.len();
        points[spike].1 = AllocatedBytes(height);
        let (least, greatest) = slopes_without(&points, spike);
        let found = growth(&points, 7).expect("five days");
        prop_assert!((least..=greatest).contains(&found), "{} of {}..{}", found, least, greatest);
    }

    #[test]
    fn any_sizes_at_any_times_are_no_panic(
        points in proptest::collection::vec((0i64..40 * 86_400, any::<u64>()), 0..60),
        limit in any::<u64>(),
    ) {
        let mut points: Vec<SizeAt> = points
            .into_iter()
            .map(|(second, size)| (at(0, second), AllocatedBytes(size)))
            .collect();
        points.sort();
        let found = growth(&points, 30);
        prop_assert!(found.is_none_or(f64::is_finite));
        Forecast::of(points.last().copied(), found, Some(AllocatedBytes(limit)));
    }
}
