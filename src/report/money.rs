//! Monthly costs of storage, and of what is reclaimable.
//!
//! One rate holds for every metered byte, because NFS does not show which storage class a file is
//! in: all amounts are estimates. They keep full precision here and are rounded when printed, so
//! printed amounts need not add up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{HomeReport, Report, RuleReport, Share};
use super::prices::Prices;
use crate::text::printable;
use crate::units::{MeteredBytes, Usd};
use crate::usage::Class;

/// AWS bills GB-months of 2^30 bytes (EFS user guide, "metering").
pub(super) const GIB: f64 = (1u64 << 30) as f64;

/// Cost of everything scanned, as an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Price of a GiB-month of metered bytes.
    pub rate: Usd,
    /// The source of the rate.
    pub basis: Basis,
    /// Region and date of the prices.
    pub source: String,
    /// Monthly cost of everything scanned.
    pub month: Usd,
    /// Size and cost that deleting trash and caches frees.
    pub reclaimable: Reclaimable,
}

/// The source of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// EFS's own size in each storage class: a mean over the classes.
    Efs,
    /// The price of EFS Standard for everything, which is an upper bound.
    Standard,
}

/// Size and cost that deleting trash and caches frees. Environments, outputs and logs are not
/// included: their owner has to decide about them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reclaimable {
    /// The inodes that are freed: those without a link elsewhere.
    pub share: Share,
    /// Their monthly cost.
    pub month: Usd,
}

impl Reclaimable {
    /// `at most 1.2 TiB metered, 361.20 USD a month`.
    pub fn human(&self) -> String {
        let (bytes, month) = (self.share.metered_bytes.human(), self.month.human());
        format!("at most {bytes} metered, {month} a month")
    }
}

impl Money {
    /// Monthly cost of `bytes`.
    pub fn of(&self, bytes: MeteredBytes) -> Usd {
        at_rate(self.rate, bytes)
    }

    /// A line for people on the reclaimable size; empty if it is zero.
    pub(crate) fn saving(&self) -> String {
        match self.reclaimable.share.inodes {
            0 => String::new(),
            _ => format!("Reclaimable: {}.\n", self.reclaimable.human()),
        }
    }

    /// A line for people on the precision of the costs.
    pub(crate) fn caveat(&self) -> String {
        let sure = match self.basis {
            Basis::Efs => "estimates, in proportion to metered bytes",
            Basis::Standard => "estimates and upper bounds, as if all were in EFS Standard",
        };
        format!("Costs are {sure} (prices: {}).\n", printable(self.source.as_bytes()))
    }
}

impl Report {
    /// The inodes that deleting all trash and caches of all homes frees.
    pub(crate) fn reclaimable_share(&self) -> Share {
        reclaimable(&self.rules, self.hard_links.freed_across_rules)
    }

    /// Prices everything as if it were in EFS Standard. Keeps costs from [`Report::reconcile`].
    pub fn price_as_standard(&mut self, prices: &Prices) {
        if self.money.is_none() {
            self.price(prices.standard, Basis::Standard, prices.source.clone());
        }
    }

    /// Adds the costs at `rate` for a GiB-month.
    pub(super) fn price(&mut self, rate: Usd, basis: Basis, source: String) {
        let of = |share: Share| at_rate(rate, share.metered_bytes);
        let reclaimable = |share: Share| Reclaimable { share, month: of(share) };
        self.homes.update(|home| {
            home.cost_month = Some(at_rate(rate, home.usage.metered_bytes));
            home.reclaimable = Some(reclaimable(home.reclaimable_share()));
            home.findings.iter_mut().for_each(|found| found.cost_month = Some(of(found.frees)));
            home.rules.iter_mut().for_each(|rule| rule.cost_month = Some(of(rule.frees)));
        });
        self.rules.iter_mut().for_each(|rule| rule.cost_month = Some(of(rule.frees)));
        self.groups.iter_mut().for_each(|group| group.cost_month = Some(of(group.usage)));
        if let Some(orphans) = &mut self.orphans {
            orphans.cost_month = Some(of(orphans.usage));
        }
        self.money = Some(Money {
            rate,
            basis,
            source,
            month: at_rate(rate, self.totals.metered_bytes),
            reclaimable: reclaimable(self.reclaimable_share()),
        });
    }
}

fn at_rate(rate: Usd, bytes: MeteredBytes) -> Usd {
    Usd(bytes.0 as f64 / GIB * rate.0)
}

impl HomeReport {
    /// The inodes that deleting all its trash and caches frees.
    pub(crate) fn reclaimable_share(&self) -> Share {
        reclaimable(&self.rules, self.freed_across_rules)
    }
}

/// Sums the inodes that deleting trash and caches frees: those of each rule, and those that only
/// several rules together free.
fn reclaimable(rules: &[RuleReport], across_rules: Share) -> Share {
    let mut sum = across_rules;
    for rule in rules {
        if !rule.hint && matches!(rule.class, Class::Trash | Class::Cache) {
            sum.add(rule.frees);
        }
    }
    sum
}
