//! Advice for the bill: what each throughput mode would cost, by what CloudWatch saw.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bill::Range;
use super::file_system::FileSystem;
use super::model::Report;
use super::money::GIB;
use super::prices::Prices;
use crate::aws::{EfsThroughput, EfsTraffic, ThroughputMode};
use crate::text::printable;
use crate::units::{Usd, human};

/// Days of metrics to ask for: a week has its weekend.
pub const DAYS: i64 = 7;

/// Seconds of each period of the metrics.
pub const PERIOD: i64 = 300;

/// Days of figures below which there is no estimate.
const LEAST_DAYS: f64 = 1.0;

/// Days of AWS's month of 730 hours.
const MONTH_DAYS: f64 = 730.0 / 24.0;

const MIB: f64 = (1u64 << 20) as f64;

/// Bursting throughput for each GiB in Standard, and at least, in bytes a second (EFS user guide,
/// "Bursting throughput"). Provisioned throughput includes as much.
const BASELINE_PER_GIB: f64 = 50.0 * 1024.0;
const LEAST_BASELINE: f64 = MIB;

/// Throughput of bursts for each TiB in Standard, and at least, in bytes a second (the same page).
const BURST: f64 = 100.0 * MIB;

/// Burst credits that can be saved for each TiB in Standard, and at least, in bytes (the same page).
const MOST_CREDITS: f64 = 2.1 * 1024.0 * GIB;

/// Part of the permitted throughput from which a period counts as held back.
const HELD_BACK: f64 = 0.95;

/// Smallest monthly cost that is worth a look.
const WORTH_A_LOOK: f64 = 1.0;

/// The throughput mode of a file system, and an estimate of what each mode would cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    pub mode: ThroughputMode,
    /// MiB/s that are paid for, with Provisioned throughput.
    pub provisioned_mib: Option<f64>,
    /// Only if CloudWatch told of a day or more.
    pub estimate: Option<ThroughputEstimate>,
}

/// The cost of each throughput mode for a month like the days that CloudWatch told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThroughputEstimate {
    /// Days from the first figure to the end.
    pub days: f64,
    /// Bytes that were transferred in them.
    pub total_bytes: u64,
    /// Metered bytes a second, reads at a third: the mean over these days.
    pub mean: f64,
    /// The highest mean over 5 minutes.
    pub peak: f64,
    /// Percent of the 5 minutes in which the metered throughput was at the permitted one.
    pub held_back_percent: f64,
    /// The lowest balance of burst credits, in bytes; EFS has it for Bursting throughput only.
    pub credits_low: Option<u64>,
    /// Elastic throughput: from all of it being read to all of it being written.
    pub elastic_month: Range<Usd>,
    /// Provisioned throughput: from a rate of the mean to one of the peak.
    pub provisioned_month: Range<Usd>,
    /// Bytes a second that Bursting throughput allows at all times; it has no price of its own.
    pub bursting_baseline: f64,
    /// True if Bursting throughput would have carried all of it.
    pub bursting_suffices: bool,
    /// A place to look at, if there is one.
    pub look_at: Option<String>,
    /// Assumptions of the estimate.
    pub assumptions: String,
}

impl Report {
    /// Adds the throughput mode, and an estimate if there are metrics up to `until`, in seconds
    /// since the epoch.
    pub fn add_throughput(
        &mut self,
        throughput: EfsThroughput,
        traffic: Option<(&EfsTraffic, i64)>,
        prices: &Prices,
    ) {
        let Some(file_system) = &mut self.file_system else { return };
        let EfsThroughput { mode, provisioned_mib } = throughput;
        let standard = file_system.efs.map(|efs| efs.standard.unwrap_or(efs.value).0);
        let estimate = traffic.zip(standard).and_then(|((traffic, until), standard)| {
            estimate(throughput, traffic, until, standard, prices)
        });
        file_system.throughput = Some(Throughput { mode, provisioned_mib, estimate });
    }
}

/// Estimates what each mode would cost. `standard` is what is stored in Standard, in bytes.
fn estimate(
    throughput: EfsThroughput,
    traffic: &EfsTraffic,
    until: i64,
    standard: u64,
    prices: &Prices,
) -> Option<ThroughputEstimate> {
    // EFS always has a permitted throughput, but sums only where something was transferred.
    let series = [&traffic.permitted, &traffic.total, &traffic.metered];
    let first = series.into_iter().filter_map(|series| Some(series.first()?.0)).min()?;
    let seconds = (until - first) as f64;
    let days = seconds / 86_400.0;
    if days < LEAST_DAYS {
        return None;
    }
    let sum = |series: &[(i64, f64)]| series.iter().map(|(_, value)| value).sum::<f64>();
    let total = sum(&traffic.total);
    let mean = sum(&traffic.metered) / seconds;
    let rates: Vec<(i64, f64)> =
        traffic.metered.iter().map(|(at, bytes)| (*at, bytes / PERIOD as f64)).collect();
    let peak = rates.iter().fold(0.0, |peak: f64, (_, rate)| peak.max(*rate));
    let permitted: BTreeMap<i64, f64> = traffic.permitted.iter().copied().collect();
    let is_held =
        |(at, rate): &&(i64, f64)| permitted.get(at).is_some_and(|at| *rate >= at * HELD_BACK);
    let held_back = rates.iter().filter(is_held).count() as f64 * PERIOD as f64 / seconds * 100.0;
    let stored = standard as f64 / GIB;
    let baseline = (stored * BASELINE_PER_GIB).max(LEAST_BASELINE);
    let tib = (stored / 1024.0).max(1.0);
    let suffices = mean <= baseline
        && peak <= BURST * tib
        && deepest_draw(&rates, first, baseline) <= MOST_CREDITS * tib;
    let month = total / GIB / days * MONTH_DAYS;
    let rate = |bytes: f64| Usd((bytes - baseline).max(0.0) / MIB * prices.provisioned.0);
    let mut it = ThroughputEstimate {
        days,
        total_bytes: total as u64,
        mean,
        peak,
        held_back_percent: held_back.min(100.0),
        credits_low: match throughput.mode {
            ThroughputMode::Bursting => lowest(&traffic.credits),
            ThroughputMode::Elastic | ThroughputMode::Provisioned => None,
        },
        elastic_month: Range {
            low: Usd(month * prices.elastic_read.0.min(prices.elastic_write.0)),
            high: Usd(month * prices.elastic_read.0.max(prices.elastic_write.0)),
        },
        provisioned_month: Range { low: rate(mean), high: rate(peak) },
        bursting_baseline: baseline,
        bursting_suffices: suffices,
        look_at: None,
        assumptions: format!(
            "a month is like these days, with the scans of efs-scan in them; metrics do not show \
             peaks shorter than 5 minutes; Elastic bills reads and writes differently, so its range \
             is from reads only to writes only; Provisioned is for what is beyond the {}/s that \
             Standard includes, from a rate of the mean to one of the peak; what is in Standard \
             stays as it is, and Bursting begins with all credits; prices: {}",
            human(baseline as u64),
            prices.source
        ),
    };
    it.look_at = it.advice(throughput, prices);
    Some(it)
}

fn lowest(series: &[(i64, f64)]) -> Option<u64> {
    let values = series.iter().map(|(_, value)| value.max(0.0) as u64);
    values.min()
}

/// Returns the most burst credits that were ever missing, in bytes: each period takes what it
/// transfers, and brings the baseline, up to full.
fn deepest_draw(rates: &[(i64, f64)], first: i64, baseline: f64) -> f64 {
    let (mut missing, mut deepest, mut done) = (0.0_f64, 0.0_f64, first);
    for (at, rate) in rates {
        let idle = (at - done).max(0) as f64;
        missing = (missing - idle * baseline).max(0.0);
        missing = (missing + (rate - baseline) * PERIOD as f64).max(0.0);
        deepest = deepest.max(missing);
        done = at + PERIOD;
    }
    deepest
}

impl ThroughputEstimate {
    /// Says where to look. It never says what to set: a slower file system holds people back, and EFS
    /// lets a mode change only once a day.
    fn advice(&self, throughput: EfsThroughput, prices: &Prices) -> Option<String> {
        let elastic = range(self.elastic_month);
        let bursting = format!(
            "Bursting throughput, which has no price of its own and allows {}/s at all times, would \
             have carried it; but Infrequent Access costs more with it, and Archive needs Elastic",
            human(self.bursting_baseline as u64)
        );
        match throughput.mode {
            ThroughputMode::Elastic if self.elastic_month.high.0 < WORTH_A_LOOK => None,
            ThroughputMode::Elastic if self.bursting_suffices => Some(bursting),
            ThroughputMode::Elastic => {
                (self.provisioned_month.high < self.elastic_month.low).then(|| {
                    format!(
                        "Provisioned throughput at the peak would cost {} a month",
                        self.provisioned_month.high.human()
                    )
                })
            }
            ThroughputMode::Bursting => (self.held_back_percent > 0.0
                || self.credits_low == Some(0))
            .then(|| {
                format!(
                    "people waited: throughput was at its limit for {:.1} % of the time; Elastic \
                     would cost {elastic} a month",
                    self.held_back_percent
                )
            }),
            ThroughputMode::Provisioned => {
                let paid = throughput.provisioned_mib? * MIB;
                let paid_month =
                    (paid - self.bursting_baseline).max(0.0) / MIB * prices.provisioned.0;
                if self.held_back_percent > 0.0 {
                    return Some(format!(
                        "people waited: throughput was at its limit for {:.1} % of the time",
                        self.held_back_percent
                    ));
                }
                if paid_month < WORTH_A_LOOK {
                    return None;
                }
                let paid_month = Usd(paid_month);
                if self.bursting_suffices {
                    return Some(format!(
                        "{} a month are paid, and {bursting}",
                        paid_month.human()
                    ));
                }
                (self.elastic_month.high < paid_month).then(|| {
                    format!("{} a month are paid; Elastic would cost {elastic}", paid_month.human())
                })
            }
        }
    }
}

fn range(range: Range<Usd>) -> String {
    format!("{} to {}", range.low.amount(), range.high.human())
}

impl FileSystem {
    /// Lines for people about throughput; empty if there is no estimate.
    pub(crate) fn throughput_lines(&self) -> String {
        let Some(throughput) = &self.throughput else { return String::new() };
        let Some(it) = &throughput.estimate else { return String::new() };
        let mode = match (throughput.mode, throughput.provisioned_mib) {
            (ThroughputMode::Elastic, _) => "Elastic".to_owned(),
            (ThroughputMode::Bursting, _) => "Bursting".to_owned(),
            (ThroughputMode::Provisioned, None) => "Provisioned".to_owned(),
            (ThroughputMode::Provisioned, Some(mib)) => format!("Provisioned, {mib} MiB/s"),
        };
        let mut out = format!(
            "Throughput of {} ({mode}): {} in {:.1} d; metered, {}/s on average and {}/s at most.\n",
            printable(self.id.as_bytes()),
            human(it.total_bytes),
            it.days,
            human(it.mean as u64),
            human(it.peak as u64),
        );
        let carried = if it.bursting_suffices { "would" } else { "would not" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  A month of that: Elastic {}, Provisioned {}; Bursting {carried} have carried it.",
            range(it.elastic_month),
            range(it.provisioned_month),
        );
        if let Some(look_at) = &it.look_at {
            let _ = writeln!(out, "  Look at it: {}.", printable(look_at.as_bytes()));
        }
        let _ = writeln!(out, "  An estimate: {}.", printable(it.assumptions.as_bytes()));
        out
    }
}

#[cfg(test)]
mod tests;
