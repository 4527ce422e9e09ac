//! What the report says of money, where it says something.

use crate::report::model::{ByClass, HomeReport, Report, Share};
use crate::units::{AllocatedBytes, Usd};

/// What everything costs in a month.
pub(super) fn month(report: &Report) -> Option<Usd> {
    report.money.as_ref().map(|money| money.month)
}

/// What trash and caches would free, and save in a month.
pub(super) fn reclaimable(report: &Report) -> (AllocatedBytes, Option<Usd>) {
    match &report.money {
        Some(money) => of(money.reclaimable.share, money.reclaimable.month),
        None => (held(&report.totals.by_class), None),
    }
}

/// The same of one home.
pub(super) fn reclaimable_of(home: &HomeReport) -> (AllocatedBytes, Option<Usd>) {
    match &home.reclaimable {
        Some(home) => of(home.share, home.month),
        None => (held(&home.usage.by_class), None),
    }
}

fn of(share: Share, month: Usd) -> (AllocatedBytes, Option<Usd>) {
    (share.allocated_bytes, Some(month))
}

/// What they hold, where no run said what of that has links elsewhere.
fn held(by_class: &ByClass) -> AllocatedBytes {
    by_class.trash.allocated_bytes + by_class.cache.allocated_bytes
}
