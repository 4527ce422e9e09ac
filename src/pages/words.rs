//! Formats names, sizes, money and times for the pages.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::report::{HomeReport, Report};
use crate::text::{RawText, plural, printable};
use crate::units::{Usd, human};
use crate::usage::Class;

/// Describes a class in a few words.
pub(super) fn meaning(class: Class) -> &'static str {
    match class {
        Class::Trash => "deleted, still billed",
        Class::Cache => "can be downloaded or built again",
        Class::Environment => "installed software",
        Class::Output => "results of runs",
        Class::Log => "logs and core dumps",
        Class::Rest => "what no rule named",
    }
}

/// Makes text that a stranger chose safe to show.
pub(super) fn shown(bytes: &[u8]) -> String {
    printable(bytes)
}

/// Formats a path, which may break between directories.
pub(super) fn path_of(path: &[u8]) -> Markup {
    let path = shown(path);
    html! { bdi { @for part in path.split_inclusive('/') { (part) @if part.ends_with('/') { wbr; } } } }
}

pub(super) fn root_of(report: &Report) -> String {
    report.run.printable_root()
}

/// Returns the name that people gave the file system, or its EFS id: a person may have homes on several.
pub(super) fn named(report: &Report) -> Option<String> {
    let identity = report.run.identity.as_ref()?;
    let name = identity.name.as_ref().or(Some(&identity.key).filter(|key| key.is_efs()));
    name.map(|name| name.to_string())
}

/// Returns ` on NAME`, or nothing without such a name.
pub(super) fn on(report: &Report) -> String {
    named(report).map(|name| format!(" on {name}")).unwrap_or_default()
}

/// Returns the directory of a home.
pub(super) fn directory(home: &HomeReport) -> String {
    home.printable_name()
}

/// Returns the owner of a home, or its directory if the owner is not known.
pub(super) fn label(home: &HomeReport) -> String {
    let name = home.owner.name.as_deref().map(|name| shown(name.as_bytes()));
    name.unwrap_or_else(|| directory(home))
}

/// Returns a command or a note unchanged. Paths in commands are already quoted and printable.
pub(super) fn command(text: &str) -> String {
    let mut raw = RawText::default();
    let safe = |c: char| if raw.shows(c) { c } else { '\u{fffd}' };
    text.chars().map(safe).collect()
}

/// Formats a change: `+1.2 GiB`, `−3 MiB`, `±0`.
pub(super) fn signed(bytes: i64) -> String {
    match bytes {
        0 => "±0".to_owned(),
        1.. => format!("+{}", human(bytes.unsigned_abs())),
        _ => format!("\u{2212}{}", human(bytes.unsigned_abs())),
    }
}

/// Formats an amount, without cents from 1000 USD on.
pub(super) fn usd(amount: Usd) -> String {
    match amount.0 >= 1000.0 {
        true => format!("{:.0}", amount.0),
        false => amount.amount(),
    }
}

/// Rounds an amount to whole cents, as the sort key of tables.
pub(super) fn cents(amount: Usd) -> f64 {
    (amount.0 * 100.0).round() / 100.0
}

/// Formats a time: `2026-11-24 08:02 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Formats a day: `2026-11-24`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Formats a time for people and machines.
pub(super) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) { (minute(at)) } }
}

/// Formats a number: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a number with its noun: `1 home`, `2 homes`.
pub(super) fn many(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), plural(number, one, many))
}

/// Formats a rough age: `5 min`, `3 h`, `4 days`.
pub(super) fn ago(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..7200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(signed(-1024), "\u{2212}1 KiB");
        assert_eq!(signed(i64::MIN), "\u{2212}8 EiB");
        assert_eq!(many(1, "home", "homes"), "1 home");
        assert_eq!(many(1000, "home", "homes"), "1,000 homes");
        assert_eq!(ago(7199), "119 min");
        assert_eq!(ago(7200), "2 h");
        assert_eq!(ago(-5), "0 min");
    }
}
