//! The table of findings: a Parquet file with a row for each place that a rule found.

use std::io::{self, Write};

use super::homes_parquet::metadata;
use crate::parquet_file::{Columns, write_table};
use crate::report::{FileSystemKey, Finding, HomeReport, Report};

/// A row of the table.
struct Row<'a> {
    report: &'a Report,
    of: &'a FileSystemKey,
    home: HomeReport,
    /// Index among the findings of the home.
    at: usize,
}

impl Row<'_> {
    fn finding(&self) -> &Finding {
        &self.home.findings[self.at]
    }
}

/// Returns the columns. Their names are those of the table of homes.
fn columns<'a>() -> Columns<Row<'a>> {
    Columns::<Row<'a>>::new()
        .name("home", |row| Some(row.home.name_bytes().into()))
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
        .text("rule", |row| Some(row.finding().rule.as_bytes().into()))
        .text("class", |row| Some(row.finding().class.name().as_bytes().into()))
        .flag("hint", |row| Some(row.finding().hint))
        .name("path", |row| Some(row.finding().path_bytes().into()))
        .distinct()
        .number("inodes", |row| Some(row.finding().usage.inodes))
        .number("allocated_bytes", |row| Some(row.finding().usage.allocated_bytes.0))
        .number("metered_bytes", |row| Some(row.finding().usage.metered_bytes.0))
        .number("frees_allocated_bytes", |row| Some(row.finding().frees.allocated_bytes.0))
        .number("frees_metered_bytes", |row| Some(row.finding().frees.metered_bytes.0))
        .real("cost_month_usd", |row| Some(row.finding().cost_month?.0))
        .optional()
        .text("command", |row| Some(row.finding().command.as_ref()?.as_bytes().into()))
        .optional()
        .distinct()
        .text("advice", |row| Some(row.finding().advice.as_ref()?.as_bytes().into()))
        .optional()
        .text("run_id", |row| Some(row.report.run.id.as_bytes().into()))
        .time("run_started", |row| Some(row.report.run.started.as_millisecond()))
        .text("file_system", |row| Some(row.of.as_str().as_bytes().into()))
}

/// Writes the table of a run of the file system `of`, one finding at a time.
///
/// # Errors
/// Those of `to`.
pub(crate) fn write_findings(
    report: &Report,
    of: &FileSystemKey,
    to: &mut dyn Write,
) -> io::Result<()> {
    write_table("findings", columns(), metadata(report, of), to, |push| {
        for home in report.homes.iter() {
            let count = home.findings.len();
            let mut row = Row { report, of, home, at: 0 };
            for at in 0..count {
                row.at = at;
                push(&row)?;
            }
        }
        Ok(())
    })
}
