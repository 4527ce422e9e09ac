//! CSV for spreadsheets and Athena: a line for each home or for each finding. Headers are stable.

use std::io::{self, Write};

use super::du::DuNames;
use super::identity::FileSystemKey;
use super::model::{ByAge, Finding, HomeReport, Report};
use crate::text::{base64, lossy, printable, unprintable};
use crate::units::Usd;
use crate::usage::Class;

const HEAD: [&str; 23] = [
    "home",
    "kind",
    "uid",
    "owner",
    "owner_status",
    "coverage",
    "errors",
    "newest_mtime",
    "files",
    "dirs",
    "symlinks",
    "other",
    "apparent_bytes",
    "allocated_bytes",
    "metered_bytes",
    "foreign_allocated_bytes",
    "shared_allocated_bytes",
    "charged_elsewhere_allocated_bytes",
    "quota_bytes",
    "quota_used_percent",
    "over_quota",
    "run_id",
    "run_started",
];

/// Columns of costs, after the classes and ages so that older columns keep their position. Empty
/// without a price.
const COSTS_HEAD: [&str; 3] =
    ["cost_month_usd", "reclaimable_metered_bytes", "reclaimable_month_usd"];

/// Column with the home's bytes in base64; empty if the cell holds the name unchanged, as nearly
/// always. JSON does the same, so readers have one rule for both.
pub(crate) const HOME_BASE64: &str = "home_base64";

/// Columns with the owner of the directory, if it is not the uid that the home is named by.
const DIRECTORY_OWNER_HEAD: [&str; 2] = ["directory_owner", "directory_owner_name"];

/// Column with the group that pays for the owner. `group` is a reserved word in SQL.
const GROUP: &str = "owner_group";

/// Column of both tables with the key of the file system.
const FILE_SYSTEM: &str = "file_system";

/// Last column: what has a timestamp of the future, and so no age.
const FUTURE: &str = "future_allocated_bytes";

const FINDINGS_HEAD: [&str; 21] = [
    "home",
    "uid",
    "owner",
    "owner_status",
    "rule",
    "class",
    "hint",
    "path",
    "inodes",
    "allocated_bytes",
    "metered_bytes",
    "frees_allocated_bytes",
    "frees_metered_bytes",
    "command",
    "run_id",
    "run_started",
    "cost_month_usd",
    "advice",
    DIRECTORY_OWNER_HEAD[0],
    GROUP,
    FILE_SYSTEM,
];

/// Writes a line for each home.
///
/// # Errors
/// Those of `to`.
pub fn csv(report: &Report, names: DuNames, to: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let classes = Class::ALL.map(|class| format!("{}_allocated_bytes", class.name()));
    let ages = ByAge::NAMES.map(|age| format!("{age}_allocated_bytes"));
    let head = HEAD.iter().map(|name| (*name).to_owned());
    let costs = COSTS_HEAD.map(str::to_owned);
    let last =
        [HOME_BASE64].into_iter().chain(DIRECTORY_OWNER_HEAD).chain([GROUP, FILE_SYSTEM, FUTURE]);
    let last = last.map(str::to_owned);
    let of = report.file_system_key();
    writer.write_record(head.chain(classes).chain(ages).chain(costs).chain(last))?;
    for home in report.homes.iter() {
        writer.write_record(row((report, &of), &home, names))?;
    }
    writer.flush()
}

/// Writes a line for each finding, with printable names.
///
/// # Errors
/// As those of [`csv()`].
pub fn findings_csv(report: &Report, to: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(FINDINGS_HEAD)?;
    let of = report.file_system_key();
    for home in report.homes.iter() {
        for finding in &home.findings {
            writer.write_record(finding_row((report, &of), &home, finding))?;
        }
    }
    writer.flush()
}

/// Returns the bytes that a cell with a printable name was made from.
pub fn bytes_of_cell(cell: &str) -> Vec<u8> {
    let bare = cell.strip_prefix('\'').unwrap_or(cell);
    // If another program wrote the cell, it may not be escaped.
    unprintable(bare).unwrap_or_else(|| bare.as_bytes().to_vec())
}

fn cell(bytes: &[u8]) -> String {
    safe_cell(printable(bytes))
}

fn finding_row(
    (report, of): (&Report, &FileSystemKey),
    home: &HomeReport,
    finding: &Finding,
) -> [String; 21] {
    let text = |text: &str| cell(text.as_bytes());
    let (usage, frees) = (finding.usage, finding.frees);
    [
        cell(&home.name_bytes()),
        home.uid.map(|uid| uid.to_string()).unwrap_or_default(),
        text(home.owner.name.as_deref().unwrap_or_default()),
        home.owner.status.name().to_owned(),
        text(&finding.rule),
        finding.class.name().to_owned(),
        finding.hint.to_string(),
        cell(&finding.path_bytes()),
        usage.inodes.to_string(),
        usage.allocated_bytes.0.to_string(),
        usage.metered_bytes.0.to_string(),
        frees.allocated_bytes.0.to_string(),
        frees.metered_bytes.0.to_string(),
        text(finding.command.as_deref().unwrap_or_default()),
        report.run.id.clone(),
        report.run.started.to_string(),
        finding.cost_month.map(amount).unwrap_or_default(),
        text(finding.advice.as_deref().unwrap_or_default()),
        directory_owner(home),
        text(home.owner.group.as_deref().unwrap_or_default()),
        of.to_string(),
    ]
}

/// The uid that owns the home's directory, if it differs from the uid in the home's name.
fn directory_owner(home: &HomeReport) -> String {
    home.directory_owner.as_ref().map(|owner| owner.uid.to_string()).unwrap_or_default()
}

/// Formats an amount with all its digits.
fn amount(amount: Usd) -> String {
    amount.0.to_string()
}

fn row((report, of): (&Report, &FileSystemKey), home: &HomeReport, names: DuNames) -> Vec<String> {
    let usage = &home.usage;
    let number = |number: u64| number.to_string();
    let text = |text: &str| name_cell(text.as_bytes(), names);
    let optional = |value: Option<String>| value.unwrap_or_default();
    let name = home.name_bytes();
    let mut row = vec![
        name_cell(&name, names),
        text(home.kind.name()),
        optional(home.uid.map(|uid| uid.to_string())),
        text(home.owner.name.as_deref().unwrap_or_default()),
        text(home.owner.status.name()),
        text(home.coverage.name()),
        number(home.errors),
        // A year before 0 begins with a minus.
        text(&home.newest_mtime.map(|time| time.to_string()).unwrap_or_default()),
        number(usage.files),
        number(usage.dirs),
        number(usage.symlinks),
        number(usage.other),
        number(usage.apparent_bytes.0),
        number(usage.allocated_bytes.0),
        number(usage.metered_bytes.0),
        number(home.foreign.allocated_bytes.0),
        number(home.shared.allocated_bytes.0),
        number(home.charged_elsewhere.allocated_bytes.0),
        optional(home.quota.map(|quota| quota.limit_bytes.0.to_string())),
        optional(home.quota.map(|quota| quota.used_percent.to_string())),
        optional(home.quota.map(|quota| quota.over.to_string())),
        text(&report.run.id),
        text(&report.run.started.to_string()),
    ];
    let shares = usage.by_class.shares().into_iter().chain(usage.by_age.shares());
    row.extend(shares.map(|share| number(share.allocated_bytes.0)));
    let saves = home.reclaimable;
    row.push(optional(home.cost_month.map(amount)));
    row.push(optional(saves.map(|all| all.share.metered_bytes.0.to_string())));
    row.push(optional(saves.map(|all| amount(all.month))));
    row.push(base64_cell(&name, &row[0]));
    row.push(directory_owner(home));
    let owner_name = home.directory_owner.as_ref().and_then(|owner| owner.name.as_deref());
    row.push(text(owner_name.unwrap_or_default()));
    row.push(text(home.owner.group.as_deref().unwrap_or_default()));
    row.push(of.to_string());
    row.push(number(usage.by_age.future.allocated_bytes.0));
    row
}

/// Formats a name, which need not be UTF-8, as a UTF-8 cell. [`base64_cell`] has the bytes that the
/// cell loses.
pub(crate) fn name_cell(bytes: &[u8], names: DuNames) -> String {
    match names {
        DuNames::Raw => safe_cell(lossy(bytes).0),
        DuNames::Printable => cell(bytes),
    }
}

/// Formats the bytes of a name in base64; empty if `cell` is the name unchanged. Base64 may begin
/// with a plus.
pub(crate) fn base64_cell(bytes: &[u8], cell: &str) -> String {
    if cell.as_bytes() == bytes { String::new() } else { safe_cell(base64(bytes)) }
}

/// Makes a cell that no spreadsheet takes for a formula: a leading `=`, `+`, `-`, `@`, tab or
/// carriage return gets an apostrophe before it. A leading apostrophe gets one, too, so that
/// different cells stay different. Not for numbers.
fn safe_cell(cell: String) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\'') => format!("'{cell}"),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for hostile in ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1"] {
            assert_eq!(safe_cell(hostile.to_owned()), format!("'{hostile}"));
        }
        assert_eq!(safe_cell("200005".to_owned()), "200005");
        assert_eq!(safe_cell(String::new()), "");
    }

    #[test]
    fn a_cell_is_utf8_and_base64_has_the_rest() {
        for names in [DuNames::Raw, DuNames::Printable] {
            let cells = |name: &[u8]| {
                let cell = name_cell(name, names);
                let raw = base64_cell(name, &cell);
                (cell, raw)
            };
            assert_eq!(cells("200005 näme".as_bytes()), ("200005 näme".to_owned(), String::new()));
            assert_eq!(cells(b"caf\xe9").1, "Y2Fm6Q==");
            assert_eq!(cells(b"\xf8re").1, "'+HJl", "no formula either");
            assert_eq!(cells(b"=cmd").1, "PWNtZA==", "the cell has an apostrophe");
        }
        assert_eq!(name_cell(b"caf\xe9", DuNames::Raw), "caf\u{fffd}");
    }
}
