//! Advice for the bill: whether lifecycle management is on, and an estimate of what it would save.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_system::FileSystem;
use super::model::{ByAge, Coverage, Report, Share};
use super::money::GIB;
use super::prices::Prices;
use crate::aws::{EfsLifecycle, EfsSize, ThroughputMode};
use crate::text::printable;
use crate::units::{AllocatedBytes, Usd};

/// Policy that the estimate assumes: the default for file systems made in the console (EFS user
/// guide, "Managing storage lifecycle").
const TO_IA_DAYS: u32 = 30;
const TO_ARCHIVE_DAYS: u32 = 90;

/// Smallest billed size of a file in IA or Archive, in bytes (EFS pricing page).
const LEAST_BILLED: f64 = 128.0 * 1024.0;

/// Said of a file system that cannot have Archive.
const NO_ARCHIVE: &str = "Archive needs Elastic throughput, which this file system does not have, and \
                          without it Infrequent Access may cost more than at these prices; ";

/// Largest assumed part of the moved data that is read in a month.
const READ_AT_MOST: f64 = 0.1;

/// Estimate of what lifecycle management would change. EFS shows no time of access, so the estimate
/// uses the time of the last change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tiering {
    /// Days without access after which data moves to Infrequent Access.
    pub to_ia_days: u32,
    /// Days without access after which data moves to Archive; `None` if it cannot, because the file
    /// system has no Elastic throughput.
    pub to_archive_days: Option<u32>,
    /// Data that moves: at least the data unchanged for a year, at most the data unchanged for
    /// `to_ia_days`.
    pub moves: Range<AllocatedBytes>,
    /// Storage that is saved in a month.
    pub saves_month: Range<Usd>,
    /// Cost of moving it, once.
    pub moving_once: Range<Usd>,
    /// Cost of reading it in a month.
    pub reading_month: Range<Usd>,
    /// Assumptions of the estimate.
    pub assumptions: String,
}

/// An estimate from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Range<T> {
    /// The least.
    pub low: T,
    /// The most.
    pub high: T,
}

impl Report {
    /// Adds EFS's lifecycle configuration. If lifecycle management is off and the scan covers the
    /// whole file system, also adds an estimate of what it would save.
    pub fn add_lifecycle(&mut self, lifecycle: EfsLifecycle, prices: &Prices) {
        let Some(file_system) = &mut self.file_system else { return };
        file_system.lifecycle = Some(lifecycle);
        // Only a scan of the whole file system has a difference from EFS's size.
        let whole = file_system.difference_percent.is_some()
            && self.run.coverage == Coverage::Complete
            && self.run.users.is_empty();
        if let (Some(efs), true) = (&file_system.efs, whole && lifecycle.is_off()) {
            // EFS API reference, PutLifecycleConfiguration.
            let mode = file_system.throughput.as_ref().map(|throughput| throughput.mode);
            let archives = mode.is_none_or(|mode| mode == ThroughputMode::Elastic);
            file_system.tiering = Some(tiering(&self.totals.by_age, efs, archives, prices));
        }
    }
}

/// Estimates what lifecycle management would change for data of these ages. Without `archives`, what
/// would move to Archive stays in Infrequent Access.
fn tiering(ages: &ByAge, efs: &EfsSize, archives: bool, prices: &Prices) -> Tiering {
    // Metadata stays in Standard, so only allocated bytes move.
    let data = |share: Share| share.allocated_bytes.0 as f64;
    let (to_ia, to_archive) = (data(ages.days_90), data(ages.year_1) + data(ages.older));
    // Data that moved while lifecycle management was on does not move again.
    let standard = efs.standard.unwrap_or(efs.value).0 as f64;
    let part = |bytes: f64| if bytes > standard { standard / bytes } else { 1.0 };
    let all = part(to_ia + to_archive);
    let (to_ia, to_archive) = (to_ia * all, to_archive * all);
    let old = data(ages.older) * part(data(ages.older));
    // At worst every file is billed for 128 KiB more than it has.
    let billed = old + ages.older.inodes as f64 * LEAST_BILLED;
    let usd = |bytes: f64, price: Usd| bytes / GIB * price.0;
    let Prices { standard, infrequent_access, archive, .. } = prices;
    let ia_access = prices.infrequent_access_read;
    let (archive, archive_access) = match archives {
        true => (archive, prices.archive_read),
        false => (infrequent_access, ia_access),
    };
    let access = usd(to_ia, ia_access) + usd(to_archive, archive_access);
    Tiering {
        to_ia_days: TO_IA_DAYS,
        to_archive_days: archives.then_some(TO_ARCHIVE_DAYS),
        moves: Range {
            low: AllocatedBytes(old as u64),
            high: AllocatedBytes((to_ia + to_archive) as u64),
        },
        saves_month: Range {
            low: Usd(usd(old, *standard) - usd(billed, *archive)),
            high: Usd(usd(to_ia + to_archive, *standard)
                - usd(to_ia, *infrequent_access)
                - usd(to_archive, *archive)),
        },
        moving_once: Range { low: Usd(usd(old, archive_access)), high: Usd(access) },
        reading_month: Range { low: Usd(0.0), high: Usd(access * READ_AT_MOST) },
        assumptions: format!(
            "EFS shows no time of access, so this uses the time of the last change; the lower \
             bounds assume that only data unchanged for a year is never read, and that each of its \
             files is billed for 128 KiB more; the upper bounds assume that all data unchanged for \
             {TO_IA_DAYS} days is never read, and that its files are large; up to {:.0} % of the \
             moved data is read in a month; {}prices: {}",
            READ_AT_MOST * 100.0,
            if archives { "" } else { NO_ARCHIVE },
            prices.source
        ),
    }
}

impl FileSystem {
    /// Lines for people about lifecycle management; empty if EFS gave no configuration.
    pub(crate) fn lifecycle_lines(&self) -> String {
        let Some(lifecycle) = &self.lifecycle else { return String::new() };
        let id = printable(self.id.as_bytes());
        let days = |days: Option<u32>| {
            days.map_or("never".to_owned(), |days| format!("after {days} d without access"))
        };
        if !lifecycle.is_off() {
            let (ia, archive) = (days(lifecycle.to_ia_days), days(lifecycle.to_archive_days));
            return format!(
                "Lifecycle of {id}: to Infrequent Access {ia}, to Archive {archive}.\n"
            );
        }
        let mut out = format!(
            "Lifecycle management of {id} is off: data that is never read costs as much as \
             other data.\n"
        );
        if let Some(tiering) = &self.tiering {
            out += &tiering.lines();
        }
        out
    }
}

impl Tiering {
    fn lines(&self) -> String {
        let Self { to_ia_days, to_archive_days, .. } = self;
        let range = |range: Range<Usd>| format!("{} to {}", range.low.amount(), range.high.human());
        let archive = to_archive_days.map(|days| format!(" and Archive after {days} d"));
        let archive = archive.unwrap_or_default();
        format!(
            "  Infrequent Access after {to_ia_days} d{archive} would save {} a month, for {} to {}; moving it costs {} once, and reading it {} a month.\n  An \
             estimate: {}.\n",
            range(self.saves_month),
            self.moves.low.human(),
            self.moves.high.human(),
            range(self.moving_once),
            range(self.reading_month),
            printable(self.assumptions.as_bytes()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::MeteredBytes;

    fn share(gib: u64, inodes: u64) -> Share {
        let allocated_bytes = AllocatedBytes(gib << 30);
        let metered_bytes = MeteredBytes::of(allocated_bytes, inodes);
        Share { inodes, allocated_bytes, metered_bytes }
    }

    fn size(standard: u64) -> EfsSize {
        let standard = MeteredBytes(standard << 30);
        EfsSize {
            value: standard,
            standard: Some(standard),
            infrequent_access: None,
            archive: None,
            at: None,
        }
    }

    fn prices() -> Prices {
        Prices {
            standard: Usd(0.5),
            infrequent_access: Usd(0.25),
            archive: Usd(0.125),
            infrequent_access_read: Usd(0.01),
            archive_read: Usd(0.03),
            source: "a test".to_owned(),
            ..Prices::default()
        }
    }

    fn near(one: Range<Usd>, low: f64, high: f64) {
        let is = |value: Usd, wanted: f64| (value.0 - wanted).abs() < 1e-9;
        assert!(is(one.low, low) && is(one.high, high), "{one:?} is not {low} to {high}");
    }

    #[test]
    fn savings_match_a_manual_calculation() {
        let ages = ByAge {
            days_7: share(100, 5),
            days_30: share(50, 5),
            days_90: share(40, 5),
            year_1: share(20, 5),
            // 8,192 files of 128 KiB are 1 GiB.
            older: share(10, 8192),
            future: share(7, 1),
        };
        let it = tiering(&ages, &size(300), true, &prices());
        assert_eq!(
            (it.moves.low, it.moves.high),
            (AllocatedBytes(10 << 30), AllocatedBytes(70 << 30))
        );
        // Low: 10 GiB at 0.5, less 11 GiB at 0.125. High: 40 GiB save 0.25 each, 30 GiB 0.375 each.
        near(it.saves_month, 10.0 * 0.5 - 11.0 * 0.125, 40.0 * 0.25 + 30.0 * 0.375);
        // Low: 10 GiB at 0.03. High: 40 GiB at 0.01 and 30 GiB at 0.03.
        near(it.moving_once, 0.3, 0.4 + 0.9);
        near(it.reading_month, 0.0, 0.13);
        assert!(it.lines().contains("would save 3.62 to 21.25 USD a month, for 10 GiB to 70 GiB"));
    }

    #[test]
    fn without_elastic_throughput_nothing_moves_to_archive() {
        let ages = ByAge { days_90: share(40, 5), older: share(10, 8192), ..ByAge::default() };
        let it = tiering(&ages, &size(300), false, &prices());
        assert_eq!(it.to_archive_days, None);
        // All of it at the prices of Infrequent Access, which is 0.25 below Standard.
        near(it.saves_month, 10.0 * 0.5 - 11.0 * 0.25, 50.0 * 0.25);
        near(it.moving_once, 0.1, 0.5);
        let lines = it.lines();
        assert!(
            lines.contains("Infrequent Access after 30 d would save 2.25 to 12.50 USD"),
            "{lines}"
        );
        assert!(lines.contains("Archive needs Elastic throughput"), "{lines}");
    }

    #[test]
    fn data_outside_of_standard_does_not_move() {
        let ages = ByAge { days_90: share(40, 0), older: share(40, 0), ..ByAge::default() };
        let it = tiering(&ages, &size(20), true, &prices());
        assert_eq!(
            (it.moves.low, it.moves.high),
            (AllocatedBytes(20 << 30), AllocatedBytes(20 << 30))
        );
        // A quarter of each is left: 10 GiB to IA, 10 GiB to Archive; at worst 20 GiB to Archive.
        near(it.saves_month, 20.0 * 0.375, 10.0 * 0.25 + 10.0 * 0.375);
    }

    #[test]
    fn small_files_may_cost_more_than_they_save() {
        // A million files of 4 KiB: 3.8 GiB that are billed as 126 GiB at worst.
        let ages = ByAge { older: share(4, 1 << 20), ..ByAge::default() };
        let it = tiering(&ages, &size(300), true, &prices());
        near(it.saves_month, 4.0 * 0.5 - (4.0 + 128.0) * 0.125, 4.0 * 0.375);
        assert!(it.saves_month.low.0 < 0.0);
    }
}
