//! `latest.json`: the newest run in short, one line for each home.

use std::cmp::Reverse;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::Keys;
use crate::report::{
    Coverage, FileSystem, HomeKind, HomeReport, Money, Orphans, Owner, Quota, Reclaimable, Report,
    Run, Usage,
};
use crate::text::{bytes_of, printable};
use crate::units::{AllocatedBytes, MeteredBytes, Usd};

/// Name and version of the schema. Keys are only added within a version.
pub const SCHEMA: &str = "efs-scan/latest/1";

/// The newest run in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latest {
    /// `efs-scan/latest/1`.
    pub schema: String,
    /// The run.
    pub run: Run,
    /// Where the whole report is, beside this object.
    pub report: String,
    /// Where the table of homes is.
    pub homes_table: String,
    /// The file system, if known.
    pub file_system: Option<FileSystem>,
    /// What everything costs, if there is a price for it.
    #[serde(default)]
    pub money: Option<Money>,
    /// Everything together.
    pub totals: Usage,
    /// Homes of nobody known.
    pub orphans: Option<Orphans>,
    /// How many operations failed.
    pub errors: u64,
    /// A line for each home, largest first.
    pub homes: Vec<HomeLine>,
}

/// One home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HomeLine {
    /// Path below the root, or `(outside homes)`.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// What makes it a home.
    pub kind: HomeKind,
    /// Whose it is.
    pub uid: Option<u32>,
    /// Who that is.
    pub owner: Owner,
    /// Whether all of it was read.
    pub coverage: Coverage,
    /// Regular files.
    pub files: u64,
    /// Inodes of every kind.
    #[serde(default)]
    pub inodes: Option<u64>,
    /// What `du` counts.
    pub allocated_bytes: AllocatedBytes,
    /// What EFS bills.
    pub metered_bytes: MeteredBytes,
    /// Deleted, still billed.
    pub trash_bytes: AllocatedBytes,
    /// Can be had again.
    pub cache_bytes: AllocatedBytes,
    /// Newest change of anything in it.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    /// Its quota, if it has one.
    pub quota: Option<Quota>,
    /// Its share of the file system's monthly cost, as an estimate.
    pub cost_month: Option<Usd>,
    /// What deleting its trash and caches would save.
    #[serde(default)]
    pub reclaimable: Option<Reclaimable>,
}

impl Latest {
    /// The run in short.
    pub fn of(report: &Report) -> Self {
        let keys = Keys::of(report);
        let mut homes: Vec<HomeLine> = report.homes.iter().map(HomeLine::of).collect();
        homes.sort_by(|a, b| {
            let rank =
                |home: &HomeLine| (home.kind == HomeKind::Outside, Reverse(home.allocated_bytes));
            (rank(a), &a.name).cmp(&(rank(b), &b.name))
        });
        Self {
            schema: SCHEMA.to_owned(),
            run: report.run.clone(),
            report: keys.run,
            homes_table: keys.homes,
            file_system: report.file_system.clone(),
            money: report.money.clone(),
            totals: report.totals.clone(),
            orphans: report.orphans,
            errors: report.errors.count,
            homes,
        }
    }
}

impl HomeLine {
    /// The bytes of `name`.
    pub fn name_bytes(&self) -> Vec<u8> {
        bytes_of(&self.name, self.name_base64.as_deref())
    }

    /// `name` as [`printable`] shows it.
    pub fn printable_name(&self) -> String {
        printable(&self.name_bytes())
    }

    fn of(home: &HomeReport) -> Self {
        let usage = &home.usage;
        Self {
            name: home.name.clone(),
            name_base64: home.name_base64.clone(),
            kind: home.kind,
            uid: home.uid,
            owner: home.owner.clone(),
            coverage: home.coverage,
            files: usage.files,
            inodes: Some(usage.share().inodes),
            allocated_bytes: usage.allocated_bytes,
            metered_bytes: usage.metered_bytes,
            trash_bytes: usage.by_class.trash.allocated_bytes,
            cache_bytes: usage.by_class.cache.allocated_bytes,
            newest_mtime: home.newest_mtime,
            quota: home.quota,
            cost_month: home.cost_month,
            reclaimable: home.reclaimable,
        }
    }
}
