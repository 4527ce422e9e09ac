//! The table of homes: a Parquet file with a row for each home, and one for everything outside.

use std::io::{self, Write};

use super::homes_table::HomeRow;
use crate::parquet_file::{
    Columns, Kind, Need, ReadProblem, Source, TableReader, Wanted, pairs, write_table,
};
use crate::report::{Coverage, FileSystemKey, HomeReport, Report};
use crate::units::{AllocatedBytes, MeteredBytes};

/// The most homes that are read. Nobody has that many, and a small file can claim as many rows.
const MAX_HOMES: u64 = 4 << 20;

/// The most text that is read: names of homes and of owners.
const MAX_TEXT: usize = 256 << 20;

/// A row of the table while it is written.
struct Row<'a> {
    report: &'a Report,
    of: &'a FileSystemKey,
    home: HomeReport,
}

/// Returns the columns. Their names are those of the CSV form.
fn columns<'a>() -> Columns<Row<'a>> {
    let columns = Columns::<Row<'a>>::new()
        .name("home", |row| Some(row.home.name_bytes().into()))
        .distinct()
        .text("kind", |row| Some(row.home.kind.name().as_bytes().into()))
        .number("uid", |row| row.home.uid.map(u64::from))
        .optional()
        .text("owner", |row| Some(row.home.owner.name.as_ref()?.as_bytes().into()))
        .optional()
        .text("owner_status", |row| Some(row.home.owner.status.name().as_bytes().into()))
        .text("owner_group", |row| Some(row.home.owner.group.as_ref()?.as_bytes().into()))
        .optional()
        .number("directory_owner", |row| Some(row.home.directory_owner.as_ref()?.uid.into()))
        .optional()
        .text("directory_owner_name", |row| {
            Some(row.home.directory_owner.as_ref()?.name.as_ref()?.as_bytes().into())
        })
        .optional()
        .text("coverage", |row| Some(row.home.coverage.name().as_bytes().into()))
        .number("errors", |row| Some(row.home.errors))
        .time("newest_mtime", |row| Some(row.home.newest_mtime?.as_millisecond()))
        .optional();
    let columns = sizes(columns);
    columns
        .number("quota_bytes", |row| Some(row.home.quota?.limit_bytes.0))
        .optional()
        .real("quota_used_percent", |row| Some(row.home.quota?.used_percent))
        .optional()
        .flag("over_quota", |row| Some(row.home.quota?.over))
        .optional()
        .real("cost_month_usd", |row| Some(row.home.cost_month?.0))
        .optional()
        .number("reclaimable_metered_bytes", |row| {
            Some(row.home.reclaimable?.share.metered_bytes.0)
        })
        .optional()
        .real("reclaimable_month_usd", |row| Some(row.home.reclaimable?.month.0))
        .optional()
        .text("run_id", |row| Some(row.report.run.id.as_bytes().into()))
        .time("run_started", |row| Some(row.report.run.started.as_millisecond()))
        .text("file_system", |row| Some(row.of.as_str().as_bytes().into()))
}

fn sizes<'a>(columns: Columns<Row<'a>>) -> Columns<Row<'a>> {
    macro_rules! numbers {
        ($columns:expr, $($name:literal: $($place:ident).+;)*) => {
            $columns$(.number($name, |row| Some(row.home.$($place).+)))*
        };
    }
    macro_rules! sizes {
        ($columns:expr, $($name:literal: $($place:ident).+;)*) => {
            $columns$(.number($name, |row| Some(row.home.$($place).+.0)))*
        };
    }
    let columns = numbers! {
        columns,
        "files": usage.files;
        "dirs": usage.dirs;
        "symlinks": usage.symlinks;
        "other": usage.other;
    };
    sizes! {
        columns,
        "apparent_bytes": usage.apparent_bytes;
        "allocated_bytes": usage.allocated_bytes;
        "metered_bytes": usage.metered_bytes;
        "foreign_allocated_bytes": foreign.allocated_bytes;
        "shared_allocated_bytes": shared.allocated_bytes;
        "charged_elsewhere_allocated_bytes": charged_elsewhere.allocated_bytes;
        "trash_allocated_bytes": usage.by_class.trash.allocated_bytes;
        "cache_allocated_bytes": usage.by_class.cache.allocated_bytes;
        "environment_allocated_bytes": usage.by_class.environment.allocated_bytes;
        "output_allocated_bytes": usage.by_class.output.allocated_bytes;
        "log_allocated_bytes": usage.by_class.log.allocated_bytes;
        "rest_allocated_bytes": usage.by_class.rest.allocated_bytes;
        "days_7_allocated_bytes": usage.by_age.days_7.allocated_bytes;
        "days_30_allocated_bytes": usage.by_age.days_30.allocated_bytes;
        "days_90_allocated_bytes": usage.by_age.days_90.allocated_bytes;
        "year_1_allocated_bytes": usage.by_age.year_1.allocated_bytes;
        "older_allocated_bytes": usage.by_age.older.allocated_bytes;
        "future_allocated_bytes": usage.by_age.future.allocated_bytes;
    }
}

/// Returns the metadata of a run's table.
pub(super) fn metadata(
    report: &Report,
    of: &FileSystemKey,
) -> Vec<parquet::file::metadata::KeyValue> {
    pairs([
        ("efs-scan.run", Some(report.run.id.clone())),
        ("efs-scan.file_system", Some(of.to_string())),
        ("efs-scan.coverage", Some(report.run.coverage.name().to_owned())),
    ])
}

/// Writes the table of a run of the file system `of`, one home at a time.
///
/// # Errors
/// Those of `to`.
pub(crate) fn write_homes(
    report: &Report,
    of: &FileSystemKey,
    to: &mut dyn Write,
) -> io::Result<()> {
    write_table("homes", columns(), metadata(report, of), to, |push| {
        report.homes.iter().try_for_each(|home| push(&Row { report, of, home }))
    })
}

/// Indexes in [`WANTED`].
const HOME: usize = 0;
const HOME_BYTES: usize = 1;
const KIND: usize = 2;
const UID: usize = 3;
const OWNER: usize = 4;
const COVERAGE: usize = 5;
const ALLOCATED: usize = 6;
const QUOTA: usize = 7;
const GROUP: usize = 8;
const METERED: usize = 9;
const COST: usize = 10;

const fn wanted(name: &'static str, of: Kind, need: Need) -> Wanted {
    Wanted { name, of, need }
}

/// The columns that are read.
const WANTED: [Wanted; 11] = [
    wanted("home", Kind::Text, Need::Each),
    wanted("home_bytes", Kind::Text, Need::Column),
    wanted("kind", Kind::Text, Need::Each),
    wanted("uid", Kind::Number, Need::Column),
    wanted("owner", Kind::Text, Need::Column),
    wanted("coverage", Kind::Text, Need::Each),
    wanted("allocated_bytes", Kind::Number, Need::Each),
    wanted("quota_bytes", Kind::Number, Need::Nothing),
    wanted("owner_group", Kind::Text, Need::Nothing),
    wanted("metered_bytes", Kind::Number, Need::Nothing),
    wanted("cost_month_usd", Kind::Real, Need::Nothing),
];

/// Passes every row to `each`. Some rows may come before an error.
///
/// # Errors
/// Says what is wrong with the table.
pub(super) fn rows(table: Vec<u8>, mut each: impl FnMut(HomeRow<'_>)) -> Result<(), String> {
    let said = |problem: ReadProblem| problem.to_string();
    let mut table = TableReader::open(Source::of_bytes(table), WANTED).map_err(said)?;
    if table.rows() > MAX_HOMES {
        return Err(format!("it claims to have {} homes", table.rows()));
    }
    let mut text = 0;
    while table.advance().map_err(said)? {
        let owned = |column: usize| String::from_utf8_lossy(table.text(column).unwrap_or_default());
        let size = |column: usize| table.number(column).and_then(|size| u64::try_from(size).ok());
        let row = HomeRow {
            outside: table.text(KIND) == Some(b"outside"),
            home: table.name(HOME, HOME_BYTES).into(),
            uid: table.number(UID).and_then(|uid| uid.try_into().ok()),
            owner: owned(OWNER),
            coverage: Coverage::of_cell(table.text(COVERAGE).unwrap_or_default()),
            allocated: AllocatedBytes(size(ALLOCATED).ok_or("a negative number of bytes")?),
            quota: size(QUOTA).map(AllocatedBytes),
            group: owned(GROUP),
            metered: size(METERED).map(MeteredBytes),
            cost_month: table.real(COST).filter(|cost| cost.is_finite()),
        };
        text += row.home.len() + row.owner.len() + row.group.len();
        if text > MAX_TEXT {
            return Err(format!("it has more than {} MiB of names", MAX_TEXT >> 20));
        }
        each(row);
    }
    Ok(())
}
