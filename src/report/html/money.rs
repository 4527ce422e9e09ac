//! What the report says of money, where it says something.

use crate::report::model::{Finding, Report};
use crate::units::{AllocatedBytes, Usd};

/// What everything costs in a month.
pub(super) fn month(report: &Report) -> Option<Usd> {
    Some(report.file_system.as_ref()?.cost.as_ref()?.month)
}

/// What could be had back, and what that costs in a month.
pub(super) fn reclaimable(report: &Report) -> (AllocatedBytes, Option<Usd>) {
    let classes = &report.totals.by_class;
    (classes.trash.allocated_bytes + classes.cache.allocated_bytes, None)
}

/// What deleting a finding would save in a month.
pub(super) fn of_finding(_: &Finding) -> Option<Usd> {
    None
}
