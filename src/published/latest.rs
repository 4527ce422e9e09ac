//! `latest.json`: a summary of the newest run, with one line for each home.

use std::cmp::Reverse;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::Keys;
use crate::report::{
    Coverage, DirectoryOwner, FileSystem, HomeKind, HomeReport, Money, Orphans, Owner, Quota,
    Reclaimable, Report, Run, StudioMember, Usage,
};
use crate::text::{bytes_of, printable};
use crate::units::{AllocatedBytes, MeteredBytes, Usd};

/// Name and version of the schema. Keys are only added within a version.
pub const SCHEMA: &str = "efs-scan/latest/1";

/// A summary of the newest run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latest {
    /// [`SCHEMA`]
    pub schema: String,
    pub run: Run,
    /// Key of the report, at the same destination.
    pub report: String,
    /// Key of the table of homes.
    pub homes_table: String,
    pub file_system: Option<FileSystem>,
    /// The cost of everything, if there are prices.
    #[serde(default)]
    pub money: Option<Money>,
    pub totals: Usage,
    /// Orphan homes, if the sources of names can tell.
    pub orphans: Option<Orphans>,
    /// Number of operations that failed.
    pub errors: u64,
    /// One line for each home, largest first; everything outside homes comes last.
    pub homes: Vec<HomeLine>,
    /// User profiles and spaces of SageMaker Studio, with a home or without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<StudioMember>,
    /// True if the store took no conditional writes: of two monitors that published at the same time,
    /// the older run may have replaced the newer one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unconditional: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

/// A home in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HomeLine {
    /// Path below the root, or `(outside homes)`.
    pub name: String,
    /// The bytes of the name in base64, if `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    pub kind: HomeKind,
    pub uid: Option<u32>,
    pub owner: Owner,
    /// The owner of the directory, where the home's name is the uid of another one.
    #[serde(default)]
    pub directory_owner: Option<DirectoryOwner>,
    pub coverage: Coverage,
    /// Regular files.
    pub files: u64,
    /// Inodes of every kind.
    #[serde(default)]
    pub inodes: Option<u64>,
    pub allocated_bytes: AllocatedBytes,
    pub metered_bytes: MeteredBytes,
    /// Allocated bytes of the class trash.
    pub trash_bytes: AllocatedBytes,
    /// Allocated bytes of the class cache.
    pub cache_bytes: AllocatedBytes,
    /// Newest change of anything in it.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    pub quota: Option<Quota>,
    /// Its estimated share of the file system's monthly cost.
    pub cost_month: Option<Usd>,
    /// Its reclaimable trash and caches.
    #[serde(default)]
    pub reclaimable: Option<Reclaimable>,
}

impl Latest {
    /// Summarises a report.
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
            members: report.members.clone(),
            unconditional: false,
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
            directory_owner: home.directory_owner.clone(),
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
