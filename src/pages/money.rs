//! Costs in a report, if there is a price.

use crate::report::{HomeReport, Report};
use crate::units::{AllocatedBytes, Usd};

/// Returns the monthly cost of everything.
pub(super) fn month(report: &Report) -> Option<Usd> {
    report.money.as_ref().map(|money| money.month)
}

/// Returns the reclaimable bytes, and their monthly cost.
pub(super) fn reclaimable(report: &Report) -> (AllocatedBytes, Option<Usd>) {
    let saves = report.money.as_ref().map(|money| money.reclaimable.month);
    (report.reclaimable_share().allocated_bytes, saves)
}

/// Returns the reclaimable bytes of one home, and their monthly cost.
pub(super) fn reclaimable_of(home: &HomeReport) -> (AllocatedBytes, Option<Usd>) {
    (home.reclaimable_share().allocated_bytes, home.reclaimable.map(|home| home.month))
}
