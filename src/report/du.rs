//! The output of `du -h -d1 ROOT/`, byte for byte, for programs that read a daily file made by
//! `du`.

use super::model::Report;
use crate::text::printable;

/// How the text forms write names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuNames {
    /// The bytes as they are, as `du` writes them.
    Raw,
    /// Escaped, for a terminal.
    Printable,
}

/// Returns a line for each directory of the root, and the root last. A scan of some users has only
/// a line for each of their homes.
pub fn du(report: &Report, names: DuNames) -> Vec<u8> {
    let run = &report.run;
    let mut root = run.root_bytes();
    if root.last() != Some(&b'/') {
        root.push(b'/');
    }
    let mut out = Vec::new();
    let mut line = |bytes: u64, name: &[u8]| {
        let path = [&root, name].concat();
        out.extend_from_slice(du_size(bytes).as_bytes());
        out.push(b'\t');
        match names {
            DuNames::Raw => out.extend_from_slice(&path),
            DuNames::Printable => out.extend_from_slice(printable(&path).as_bytes()),
        }
        out.push(b'\n');
    };
    if run.users.is_empty() {
        for top in report.top_level.iter() {
            let name = top.name_bytes();
            line(top.allocated_bytes.0, &name);
        }
        line(report.totals.allocated_bytes.0, b"");
    } else {
        for home in report.homes.iter() {
            let name = home.name_bytes();
            line(home.usage.allocated_bytes.0, &name);
        }
    }
    out
}

/// Formats `bytes` as `du -h` does: powers of 1024, rounded up to the digits shown, one decimal
/// below 10.
///
/// ```
/// use efs_scan::report::du_size;
/// assert_eq!(du_size(0), "0");
/// assert_eq!(du_size(1023), "1023");
/// assert_eq!(du_size(1025), "1.1K");
/// assert_eq!(du_size(10 * 1024 + 1), "11K");
/// assert_eq!(du_size(1024 * 1024 - 1), "1.0M");
/// ```
pub fn du_size(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut unit = 1u128;
    for letter in "KMGTPE".chars() {
        unit *= 1024;
        let bytes = u128::from(bytes);
        let tenths = (bytes * 10).div_ceil(unit);
        if tenths < 100 {
            return format!("{}.{}{letter}", tenths / 10, tenths % 10);
        }
        let whole = bytes.div_ceil(unit);
        if whole < 1024 || letter == 'E' {
            return format!("{whole}{letter}");
        }
    }
    unreachable!("u64 ends at 16 EiB, so the last letter returns")
}
