//! Curves over time. A chart's text is HTML beside the drawing, so it keeps its size when the
//! drawing is stretched. Unknown values are gaps.

use std::fmt::Write;

use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{day, many, minute};
use crate::units::human;

/// A time and the bytes at that time, if known.
pub(super) type ChartPoint = (Timestamp, Option<u64>);

/// Draws a chart with axes, and a table with the same figures.
pub(super) fn chart(what: &str, points: &[ChartPoint]) -> Markup {
    let Some(range) = Range::of(points) else {
        return html! { p.none { "No run of this time is complete." } };
    };
    let ticks = range.ticks();
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let gaps = points.iter().filter(|(_, bytes)| bytes.is_none()).count();
    html! {
        figure.chart {
            div.plot {
                div.y aria-hidden="true" { @for tick in ticks.iter().rev() { span { (tick) } } }
                svg viewBox="0 0 1000 200" preserveAspectRatio="none" role="img"
                    aria-label={ (what) ": " (range.summary(points)) } {
                    @for at in 0..ticks.len() {
                        path.grid d={ "M0 " (line_of(at, ticks.len())) "H1000" } {}
                    }
                    path.curve d=(curve(points, range, 1000.0, 200.0)) {}
                }
                div.x aria-hidden="true" { span { (day(first)) } span { (day(last)) } }
            }
            @if gaps > 0 {
                p.none { "Gaps: " (gaps) " of " (many(points.len() as u64, "run", "runs")) " not complete." }
            }
            details {
                summary { "The chart as a table" }
                div.scroll tabindex="0" role="region" aria-label={ (what) ", as a table" } {
                    table {
                        thead { tr { th scope="col" { "Run" } th.n scope="col" { (what) } } }
                        tbody { @for (at, bytes) in points.iter().rev() { tr {
                            th scope="row" { (minute(*at)) }
                            td.n { @match bytes {
                                Some(bytes) => (human(*bytes)),
                                None => "not known: not complete",
                            } }
                        } } }
                    }
                }
            }
        }
    }
}

/// Draws a small curve without axes.
pub(super) fn spark(points: &[ChartPoint]) -> Markup {
    let Some(range) = Range::of(points) else { return html! {} };
    html! {
        svg.spark viewBox="0 0 120 24" preserveAspectRatio="none" role="img"
            aria-label=(range.summary(points)) {
            path.curve d=(curve(points, range, 120.0, 24.0)) {}
        }
    }
}

fn line_of(at: usize, ticks: usize) -> f64 {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    round(200.0 * (1.0 - at as f64 / (ticks - 1).max(1) as f64))
}

/// Returns the path of lines between known neighbours. A point without a known neighbour is a dot.
fn curve(points: &[ChartPoint], range: Range, w: f64, h: f64) -> String {
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let span = last.duration_since(first).as_secs_f64();
    let mut out = String::new();
    let mut drawing = false;
    for (at, bytes) in points {
        let Some(bytes) = bytes else {
            drawing = false;
            continue;
        };
        let x = match span > 0.0 {
            true => at.duration_since(first).as_secs_f64() / span * w,
            false => w / 2.0,
        };
        let y = h - (*bytes as f64 - range.low) / (range.high - range.low) * h;
        // Writing to a String cannot fail.
        let _ = match drawing {
            true => write!(out, "L{x:.1} {y:.1}"),
            // Just long enough to show as a dot with round ends.
            false => write!(out, "M{x:.1} {y:.1}h.1"),
        };
        drawing = true;
    }
    out
}

/// Ends of an axis in bytes, and its step.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
    step: f64,
}

impl Range {
    /// Returns round limits around all points, in steps of 1, 2 or 5 times a power of ten of the
    /// unit.
    fn of(points: &[ChartPoint]) -> Option<Self> {
        let known = || points.iter().filter_map(|(_, bytes)| *bytes);
        let (low, high) = (known().min()? as f64, known().max()? as f64);
        let unit = unit_of(high);
        let spread = ((high - low) / unit).max(high / unit * 0.02).max(0.01);
        let rough = spread / 2.0;
        let power = 10f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough);
        let step = nice.unwrap_or(10.0) * power * unit;
        let low = (low / step).floor() * step;
        let high = (high / step).ceil() * step;
        let high = if high > low { high } else { low + step };
        Some(Self { low, high, step })
    }

    /// Returns the labels of the axis, from the bottom up.
    fn ticks(self) -> Vec<String> {
        let unit = unit_of(self.high);
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let name = names[(unit.log2() / 10.0).round() as usize % names.len()];
        let decimals = (-(self.step / unit).log10()).ceil().clamp(0.0, 3.0) as usize;
        let steps = ((self.high - self.low) / self.step).round().clamp(1.0, 6.0);
        (0..=steps as usize)
            .map(|at| {
                let bytes = self.low + (self.high - self.low) * at as f64 / steps;
                format!("{:.decimals$} {name}", bytes / unit)
            })
            .collect()
    }

    /// Describes the chart in words.
    fn summary(self, points: &[ChartPoint]) -> String {
        let mut known = points.iter().filter_map(|(at, bytes)| Some((day(*at), (*bytes)?)));
        let Some((from, first)) = known.next() else { return String::new() };
        match known.next_back() {
            None => format!("{} on {from}", human(first)),
            Some((to, last)) => {
                format!("from {} on {from} to {} on {to}", human(first), human(last))
            }
        }
    }
}

/// Returns the power of 1024 for figures of this size.
fn unit_of(bytes: f64) -> f64 {
    let power = (bytes.max(1.0).log2() / 10.0).floor().clamp(0.0, 6.0);
    1024f64.powf(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(bytes: &[Option<u64>]) -> Vec<ChartPoint> {
        let at = |day: usize| Timestamp::from_second(day as i64 * 86400).expect("a time");
        bytes.iter().enumerate().map(|(day, bytes)| (at(day), *bytes)).collect()
    }

    #[test]
    fn an_axis_has_round_figures_that_differ() {
        let gib = |figure: f64| Some((figure * (1u64 << 30) as f64) as u64);
        let range = Range::of(&points(&[gib(100.0), None, gib(131.0)])).expect("known");
        assert_eq!(range.ticks(), ["100 GiB", "120 GiB", "140 GiB"]);
        let range = Range::of(&points(&[gib(1200.0), gib(1206.0)])).expect("known");
        assert_eq!(range.ticks(), ["1.16 TiB", "1.18 TiB"]);
        let range = Range::of(&points(&[Some(0)])).expect("known");
        assert_eq!(range.ticks().len(), 2);
        assert_eq!(Range::of(&points(&[None, None])), None);
    }

    #[test]
    fn what_is_not_known_is_a_gap() {
        let points = points(&[Some(0), Some(50), None, Some(100)]);
        let range = Range { low: 0.0, high: 100.0, step: 50.0 };
        assert_eq!(curve(&points, range, 30.0, 10.0), "M0.0 10.0h.1L10.0 5.0M30.0 0.0h.1");
    }

    proptest! {
        #[test]
        fn every_point_is_within_its_axis(
            bytes in proptest::collection::vec(proptest::option::of(any::<u64>()), 1..40)
        ) {
            let points = points(&bytes);
            if let Some(range) = Range::of(&points) {
                prop_assert!(range.high > range.low);
                prop_assert!((2..=7).contains(&range.ticks().len()));
                for bytes in bytes.into_iter().flatten() {
                    prop_assert!(range.low <= bytes as f64 && bytes as f64 <= range.high * (1.0 + 1e-9));
                }
                prop_assert!(!curve(&points, range, 100.0, 100.0).contains("NaN"));
            }
        }
    }
}
