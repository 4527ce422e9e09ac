//! Showback: what everybody held in each month, as the mean of its days, and what that cost.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::fleet::{Line, MemberHistory};
use super::growth::date;
use super::sums::RunSums;
use crate::report::{Coverage, Payer};
use crate::units::{AllocatedBytes, MeteredBytes, Usd};

/// What everybody held in a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Month {
    /// Such as 2026-11.
    pub(super) month: String,
    /// Days with a run; of the file system that has the fewest.
    pub(super) days: usize,
    /// The dearest first.
    pub(super) held: Vec<MonthLine>,
}

/// What somebody held in a month, as the mean of its days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct MonthLine {
    pub(super) name: String,
    pub(super) homes: f64,
    pub(super) allocated_bytes: AllocatedBytes,
    pub(super) metered_bytes: MeteredBytes,
    pub(super) cost_month: Option<Usd>,
}

/// Means of what somebody holds.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    homes: f64,
    allocated: f64,
    metered: f64,
    cost: Option<f64>,
}

/// The months of a file system.
#[derive(Default)]
struct Days {
    /// Number of days with a run.
    days: usize,
    held: BTreeMap<u32, Mean>,
}

/// The months, newest first. A day counts as the mean of its runs, and a month as the mean of its days
/// with a run: neither the last day nor a day with many runs counts more. Interrupted runs are left out.
pub(super) fn months(members: &[MemberHistory], lines: &BTreeMap<Payer, Line>) -> Vec<Month> {
    let of_members: Vec<BTreeMap<String, Days>> = members.iter().map(months_of).collect();
    let mut names: Vec<&String> = of_members.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let month = |name: &String| {
        let there = of_members.iter().filter_map(|months| months.get(name));
        let held = lines.values().filter_map(|line| {
            let parts = line.parts.iter().flat_map(|(at, numbers)| {
                let month = of_members[*at].get(name);
                numbers.iter().filter_map(move |number| month?.held.get(number))
            });
            let parts: Vec<&Mean> = parts.collect();
            (!parts.is_empty()).then(|| MonthLine::new(&line.name, &parts))
        });
        let mut held: Vec<MonthLine> = held.collect();
        held.sort_by(|a, b| {
            let dear = |line: &MonthLine| line.cost_month.map_or(0.0, |cost| cost.0);
            let by_cost = dear(b).total_cmp(&dear(a));
            by_cost.then(b.metered_bytes.cmp(&a.metered_bytes)).then(a.name.cmp(&b.name))
        });
        Month { month: name.clone(), days: there.map(|month| month.days).min().unwrap_or(0), held }
    };
    names.into_iter().rev().map(month).collect()
}

impl MonthLine {
    fn new(name: &str, parts: &[&Mean]) -> Self {
        // The casts saturate.
        let sum = |of: fn(&Mean) -> f64| parts.iter().map(|mean| of(mean)).sum::<f64>();
        let costs: Vec<f64> = parts.iter().filter_map(|mean| mean.cost).collect();
        Self {
            name: name.to_owned(),
            homes: sum(|mean| mean.homes),
            allocated_bytes: AllocatedBytes(sum(|mean| mean.allocated).round() as u64),
            metered_bytes: MeteredBytes(sum(|mean| mean.metered).round() as u64),
            cost_month: (!costs.is_empty()).then(|| Usd(costs.iter().sum())),
        }
    }
}

fn months_of(member: &MemberHistory) -> BTreeMap<String, Days> {
    let mut days: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
    for (at, run) in member.history.runs.iter().enumerate() {
        if run.coverage != Coverage::Interrupted {
            days.entry(date(run.started)).or_default().push(at);
        }
    }
    let mut months: BTreeMap<String, (Days, usize)> = BTreeMap::new();
    for (day, runs) in days {
        let (month, priced_days) = months.entry(day.strftime("%Y-%m").to_string()).or_default();
        month.days += 1;
        let runs: Vec<_> = runs.iter().filter_map(|at| member.sums.runs.get(*at)).collect();
        let is_priced = |run: &&&RunSums| run.held.iter().any(|(_, held)| held.cost.is_some());
        let priced = runs.iter().filter(is_priced).count();
        *priced_days += usize::from(priced > 0);
        for (number, held) in runs.iter().flat_map(|run| &run.held) {
            let mean = month.held.entry(*number).or_default();
            let count = runs.len() as f64;
            mean.homes += held.homes as f64 / count;
            mean.allocated += held.allocated.0 as f64 / count;
            mean.metered += held.metered.0 as f64 / count;
            if let Some(cost) = held.cost {
                mean.cost = Some(mean.cost.unwrap_or(0.0) + cost / priced as f64);
            }
        }
    }
    let finish = |(name, (mut month, priced_days)): (String, (Days, usize))| {
        let days = month.days as f64;
        for mean in month.held.values_mut() {
            mean.homes /= days;
            mean.allocated /= days;
            mean.metered /= days;
            mean.cost = mean.cost.map(|cost| cost / priced_days as f64);
        }
        (name, month)
    };
    months.into_iter().map(finish).collect()
}
