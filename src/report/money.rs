//! What storage costs in a month, and what deleting would save.
//!
//! One rate holds for every byte that EFS meters, because which storage class a file is in cannot
//! be seen through NFS: all amounts are estimates. They keep their full precision here, and are
//! rounded where they are printed; printed amounts need not add up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Report, RuleReport, Share};
use super::prices::Prices;
use crate::text::printable;
use crate::units::{MeteredBytes, Usd};
use crate::usage::Class;

/// AWS bills GB-months of 2^30 bytes (EFS user guide, "metering").
pub(super) const GIB: f64 = (1u64 << 30) as f64;

/// What all that was scanned costs, as an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// What a GiB-month of metered bytes costs.
    pub rate: Usd,
    /// What that was reckoned from.
    pub basis: Basis,
    /// Where and when the prices were these.
    pub source: String,
    /// What was scanned, in a month.
    pub month: Usd,
    /// What its trash and caches would save.
    pub reclaimable: Reclaimable,
}

/// What a rate was reckoned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// EFS's own size in each storage class: a mean over the classes.
    Efs,
    /// The price of EFS Standard for everything, which is an upper bound.
    Standard,
}

/// What deleting trash and caches would save. Environments, outputs and logs are not in it: those
/// need their owner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reclaimable {
    /// What would be freed: inodes without a link elsewhere.
    pub share: Share,
    /// What that costs in a month.
    pub month: Usd,
}

impl Reclaimable {
    /// For people: `1.2 TiB metered, 361.20 USD a month`.
    pub fn human(&self) -> String {
        let (bytes, month) = (self.share.metered_bytes.human(), self.month.human());
        format!("{bytes} metered, {month} a month")
    }
}

impl Money {
    /// What so many bytes cost in a month.
    pub fn of(&self, bytes: MeteredBytes) -> Usd {
        at_rate(self.rate, bytes)
    }

    /// A line for people on what could be reclaimed, or nothing where that is nothing.
    pub(crate) fn saving(&self) -> String {
        match self.reclaimable.share.inodes {
            0 => String::new(),
            _ => format!("Reclaimable: {}.\n", self.reclaimable.human()),
        }
    }

    /// A line for people on how sure amounts are.
    pub(crate) fn caveat(&self) -> String {
        let sure = match self.basis {
            Basis::Efs => "estimates, in proportion to metered bytes",
            Basis::Standard => "estimates and upper bounds, as if all were in EFS Standard",
        };
        format!("Costs are {sure} (prices: {}).\n", printable(self.source.as_bytes()))
    }
}

impl Report {
    /// Prices everything as if it were in EFS Standard, where EFS did not say what is in which
    /// class. What [`Report::reconcile`] priced stays.
    pub fn price_as_standard(&mut self, prices: &Prices) {
        if self.money.is_none() {
            self.price(prices.standard, Basis::Standard, prices.source.clone());
        }
    }

    /// Adds what everything costs at `rate` for a GiB-month.
    pub(super) fn price(&mut self, rate: Usd, basis: Basis, source: String) {
        let of = |share: Share| at_rate(rate, share.metered_bytes);
        let reclaimable = |rules: &[RuleReport]| {
            let share = reclaimable(rules);
            Reclaimable { share, month: of(share) }
        };
        for home in &mut self.homes {
            home.cost_month = Some(at_rate(rate, home.usage.metered_bytes));
            home.reclaimable = Some(reclaimable(&home.rules));
            home.findings.iter_mut().for_each(|found| found.cost_month = Some(of(found.frees)));
            home.rules.iter_mut().for_each(|rule| rule.cost_month = Some(of(rule.frees)));
        }
        self.rules.iter_mut().for_each(|rule| rule.cost_month = Some(of(rule.frees)));
        if let Some(orphans) = &mut self.orphans {
            orphans.cost_month = Some(of(orphans.usage));
        }
        self.money = Some(Money {
            rate,
            basis,
            source,
            month: at_rate(rate, self.totals.metered_bytes),
            reclaimable: reclaimable(&self.rules),
        });
    }
}

fn at_rate(rate: Usd, bytes: MeteredBytes) -> Usd {
    Usd(bytes.0 as f64 / GIB * rate.0)
}

/// What deleting the trash and the caches frees. An inode with links in the places of two rules is
/// in neither's figure, so it is left out here as well.
pub(crate) fn reclaimable(rules: &[RuleReport]) -> Share {
    let mut sum = Share::default();
    for rule in rules {
        if !rule.hint && matches!(rule.class, Class::Trash | Class::Cache) {
            sum.add(rule.frees);
        }
    }
    sum
}
