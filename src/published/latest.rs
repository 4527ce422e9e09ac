//! `latest/KEY.json`: a summary of the newest run of a file system, with one line for each home.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::io::{self, Write};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::layout::Keys;
use crate::report::{
    Coverage, DirectoryOwner, FileSystem, GroupReport, HomeKind, HomeReport, Money, Orphans, Owner,
    Quota, Reclaimable, Report, Run, StudioMember, Usage,
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
    /// Key of the table of homes: Parquet, or CSV in runs of earlier versions.
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
    /// The groups that pay, as in the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReport>,
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
    /// Writes the summary of a report, as [`Latest`] is written, one home at a time.
    /// `conditional` is true if the store holds writes to their conditions.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(report: &Report, conditional: bool, to: &mut dyn Write) -> io::Result<()> {
        let keys = Keys::of(report);
        let order = report.homes.order(|home| {
            let size = Reverse(home.usage.allocated_bytes);
            (home.kind == HomeKind::Outside, size, home.name)
        });
        let line = |at: usize| report.homes.get(at).map(HomeLine::of);
        let summary = Summary {
            schema: SCHEMA,
            run: &report.run,
            report: &keys.run,
            homes_table: &keys.homes,
            file_system: &report.file_system,
            money: &report.money,
            totals: &report.totals,
            orphans: &report.orphans,
            errors: report.errors.count,
            homes: Lines(RefCell::new(order.into_iter().filter_map(line))),
            groups: &report.groups,
            members: &report.members,
            unconditional: !conditional,
        };
        Ok(serde_json::to_writer(to, &summary)?)
    }
}

/// [`Latest`], whose lines are made while it is written.
#[derive(Serialize)]
#[serde(bound(serialize = "I: Iterator<Item = HomeLine>"))]
struct Summary<'a, I> {
    schema: &'a str,
    run: &'a Run,
    report: &'a str,
    homes_table: &'a str,
    file_system: &'a Option<FileSystem>,
    money: &'a Option<Money>,
    totals: &'a Usage,
    orphans: &'a Option<Orphans>,
    errors: u64,
    homes: Lines<I>,
    #[serde(skip_serializing_if = "is_empty")]
    groups: &'a [GroupReport],
    #[serde(skip_serializing_if = "is_empty")]
    members: &'a [StudioMember],
    #[serde(skip_serializing_if = "is_false")]
    unconditional: bool,
}

fn is_empty<T>(list: &&[T]) -> bool {
    list.is_empty()
}

/// A list that is written once.
struct Lines<I>(RefCell<I>);

impl<I: Iterator<Item = HomeLine>> Serialize for Lines<I> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(&mut *self.0.borrow_mut())
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

    fn of(home: HomeReport) -> Self {
        let usage = &home.usage;
        Self {
            name: home.name,
            name_base64: home.name_base64,
            kind: home.kind,
            uid: home.uid,
            owner: home.owner,
            directory_owner: home.directory_owner,
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
