//! The text format of Prometheus (exposition format 0.0.4), for node_exporter's textfile collector.
//!
//! Sizes of a partial scan or home are left out, not shown too small, as in CloudWatch: a graph
//! shows a gap, not a decrease. `efs_scan_coverage` and `efs_scan_home_complete` tell why. A home
//! has at most 19 series.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::groups::GroupReport;
use super::model::*;
use crate::packed::{PackedList, pack_structs};
use crate::text::printable;
use crate::usage::Class;

/// Name and help of a metric, and its value if there is one.
type Metric<T> = (&'static str, &'static str, fn(&T) -> Option<f64>);

const OF_RUNS: &[Metric<Report>] = &[
    ("start_timestamp_seconds", "When the scan started.", |report| {
        Some(seconds(report.run.started))
    }),
    ("end_timestamp_seconds", "When the scan finished.", |report| {
        Some(seconds(report.run.finished))
    }),
    ("duration_seconds", "How long the scan took.", |report| Some(report.run.seconds())),
    ("errors", "Operations that failed during the scan.", |report| {
        Some(report.errors.count as f64)
    }),
    ("vanished", "Entries that vanished during the scan.", |report| {
        Some(report.errors.vanished as f64)
    }),
    ("homes", "Home directories.", |report| {
        let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
        seen(report, homes.count() as f64)
    }),
    ("homes_over_quota", "Homes over their quota.", |report| {
        seen(report, report.over_quota().count() as f64)
    }),
    ("groups_over_quota", "Groups over their quota.", |report| {
        let over = report.groups_over_quota().count();
        seen(report, over as f64).filter(|_| !report.groups.is_empty())
    }),
    ("max_growth_bytes", "Most that a home grew in a day, in allocated bytes.", |report| {
        seen(report, report.growth.as_ref()?.max_bytes?.0 as f64)
    }),
    (
        "homes_grown",
        "Homes that grew by more than the configured size or factor in a day.",
        |report| seen(report, report.growth.as_ref()?.count()? as f64),
    ),
    ("orphan_homes", "Orphan homes: no source of names knows their owner.", |report| {
        seen(report, report.orphans?.homes as f64)
    }),
    ("orphan_metered_bytes", "Metered size of orphan homes.", |report| {
        seen(report, report.orphans?.usage.metered_bytes.0 as f64)
    }),
    ("orphan_cost_month_usd", "Cost of orphan homes in a month, as an estimate.", |report| {
        seen(report, report.orphans?.cost_month?.0)
    }),
    ("allocated_bytes", "Allocated size, as du counts it.", |report| {
        seen(report, report.totals.allocated_bytes.0 as f64)
    }),
    ("metered_bytes", "Metered size by this scan: what EFS bills.", |report| {
        seen(report, report.totals.metered_bytes.0 as f64)
    }),
    ("apparent_bytes", "Apparent size: the sum of st_size.", |report| {
        seen(report, report.totals.apparent_bytes.0 as f64)
    }),
    ("inodes", "Inodes of every kind, each once.", |report| {
        seen(report, report.totals.share().inodes as f64)
    }),
    ("efs_metered_bytes", "Metered size by EFS's own count, hours old.", |report| {
        Some(report.file_system.as_ref()?.efs?.value.0 as f64)
    }),
    (
        "metered_difference_ratio",
        "Metered size by this scan less EFS's, in proportion to EFS's.",
        |report| Some(report.file_system.as_ref()?.difference_percent? / 100.0),
    ),
    ("cost_month_usd", "Cost of everything scanned in a month, as an estimate.", |report| {
        seen(report, report.money.as_ref()?.month.0)
    }),
    ("reclaimable_metered_bytes", "Metered size that deleting trash and caches frees.", |report| {
        seen(report, report.money.as_ref()?.reclaimable.share.metered_bytes.0 as f64)
    }),
    (
        "reclaimable_month_usd",
        "Cost of the reclaimable size in a month, as an estimate.",
        |report| seen(report, report.money.as_ref()?.reclaimable.month.0),
    ),
];

const OF_HOMES: &[Metric<HomeReport>] = &[
    ("home_complete", "1 if all of the home was read; it has no sizes otherwise.", |home| {
        Some(flag(home.coverage == Coverage::Complete))
    }),
    ("home_errors", "Operations that failed in the home.", |home| Some(home.errors as f64)),
    ("home_allocated_bytes", "Allocated size, as du counts it.", |home| {
        whole(home, home.usage.allocated_bytes.0 as f64)
    }),
    ("home_metered_bytes", "Metered size: what EFS bills.", |home| {
        whole(home, home.usage.metered_bytes.0 as f64)
    }),
    ("home_apparent_bytes", "Apparent size: the sum of st_size.", |home| {
        whole(home, home.usage.apparent_bytes.0 as f64)
    }),
    ("home_inodes", "Inodes of every kind, each once.", |home| {
        whole(home, home.usage.share().inodes as f64)
    }),
    ("home_newest_change_timestamp_seconds", "Newest change of anything in the home.", |home| {
        whole(home, seconds(home.newest_mtime?))
    }),
    ("home_quota_bytes", "Quota: the limit of the allocated size.", |home| {
        Some(home.quota?.limit_bytes.0 as f64)
    }),
    ("home_over_quota", "1 if the home is over its quota.", |home| match home.quota?.over {
        // A home is over its quota even if only the part that was read is.
        true => Some(1.0),
        false => whole(home, 0.0),
    }),
    ("home_orphan", "1 if the home is an orphan: no source of names knows its owner.", |home| {
        match home.owner.status {
            OwnerStatus::Unknown => None,
            status => Some(flag(status == OwnerStatus::Orphan)),
        }
    }),
    ("home_cost_month_usd", "Cost of the home in a month, as an estimate.", |home| {
        whole(home, home.cost_month?.0)
    }),
    (
        "home_reclaimable_metered_bytes",
        "Metered size that deleting its trash and caches frees.",
        |home| whole(home, home.reclaimable?.share.metered_bytes.0 as f64),
    ),
    (
        "home_reclaimable_month_usd",
        "Cost of the reclaimable size in a month, as an estimate.",
        |home| whole(home, home.reclaimable?.month.0),
    ),
];

/// Metrics of groups. The homes of no group have no label `group`.
const OF_GROUPS: &[Metric<GroupReport>] = &[
    ("group_homes", "Homes of the group.", |group| Some(group.homes as f64)),
    ("group_allocated_bytes", "Allocated size, as du counts it.", |group| {
        read(group, group.usage.allocated_bytes.0 as f64)
    }),
    ("group_metered_bytes", "Metered size: what EFS bills.", |group| {
        read(group, group.usage.metered_bytes.0 as f64)
    }),
    ("group_quota_bytes", "Quota: the limit of the allocated size.", |group| {
        Some(group.quota?.limit_bytes.0 as f64)
    }),
    ("group_over_quota", "1 if the group is over its quota.", |group| match group.quota?.over {
        true => Some(1.0),
        false => read(group, 0.0),
    }),
    ("group_cost_month_usd", "Cost of the group in a month, as an estimate.", |group| {
        read(group, group.cost_month?.0)
    }),
];

/// Writes the report as metrics. Labels hold printable names, as published tables do; a byte that
/// is not UTF-8 reads `\xff`, so no two homes share a name.
///
/// # Errors
/// Those of `to`.
pub fn prometheus(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let run = &report.run;
    let root = run.printable_root();
    let root = labels(&[("file_system", report.file_system_key().as_str()), ("root", &root)]);
    // A metric lists all homes one after another, so their values are read from the report once.
    let homes: PackedList<Series> = report.homes.iter().map(|home| Series::of(&home)).collect();
    let id = report.file_system.as_ref().map_or("", |known| known.id.as_str());
    let info = [("file_system", id), ("engine", &run.engine), ("version", &run.version)];
    let info = [(join(&root, &labels(&info)), 1.0)];
    family(to, "info", "File system, engine and version.", info)?;
    let states = [Coverage::Complete, Coverage::Partial, Coverage::Interrupted];
    let states = states.map(|state| {
        (join(&root, &labels(&[("state", state.name())])), flag(state == run.coverage))
    });
    family(
        to,
        "coverage",
        "1 for the coverage of the scan: complete, partial or interrupted.",
        states,
    )?;
    for (name, help, value) in OF_RUNS {
        family(to, name, help, value(report).map(|value| (root.clone(), value)))?;
    }
    let totals = seen(report, ()).map(|()| (root.clone(), of_classes(&report.totals)));
    classes(to, "class_allocated_bytes", totals.into_iter())?;
    for (at, (name, help, _)) in OF_HOMES.iter().enumerate() {
        let of = |home: Series| Some((join(&root, &home.labels), home.values[at]?));
        let values = homes.iter().filter_map(of);
        family(to, name, help, values)?;
    }
    let read = homes.iter().filter_map(|home| Some((join(&root, &home.labels), home.classes?)));
    classes(to, "home_class_allocated_bytes", read)?;
    // The groups lack the homes that an interrupted scan did not reach.
    let groups = match run.coverage {
        Coverage::Interrupted => &[][..],
        _ => &report.groups,
    };
    for (name, help, value) in OF_GROUPS {
        let labels = |group: &GroupReport| {
            let name = group.name.as_deref().unwrap_or_default();
            join(&root, &labels(&[("group", &printable(name.as_bytes()))]))
        };
        let values = groups.iter().filter_map(|group| Some((labels(group), value(group)?)));
        family(to, name, help, values)?;
    }
    Ok(())
}

/// The samples of a home.
struct Series {
    /// The labels that identify the home.
    labels: String,
    /// A value for each of [`OF_HOMES`].
    values: [Option<f64>; OF_HOMES.len()],
    /// By class.
    classes: Option<[f64; Class::ALL.len()]>,
}

pack_structs! {
    Series { labels, values, classes }
}

impl Series {
    fn of(home: &HomeReport) -> Self {
        Self {
            labels: of_home(home),
            values: std::array::from_fn(|at| OF_HOMES[at].2(home)),
            classes: whole(home, of_classes(&home.usage)),
        }
    }
}

fn of_classes(usage: &Usage) -> [f64; Class::ALL.len()] {
    usage.by_class.shares().map(|share| share.allocated_bytes.0 as f64)
}

/// Returns `value` if the scan covers everything.
fn seen<T>(report: &Report, value: T) -> Option<T> {
    let all = report.run.coverage == Coverage::Complete && report.run.users.is_empty();
    all.then_some(value)
}

/// Returns `value` if all of the home was read.
fn whole<T>(home: &HomeReport, value: T) -> Option<T> {
    (home.coverage == Coverage::Complete).then_some(value)
}

/// Returns `value` if all homes of the group were read.
fn read<T>(group: &GroupReport, value: T) -> Option<T> {
    (group.coverage == Coverage::Complete).then_some(value)
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(time: Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}

/// Writes a metric with all its samples, or nothing if it has none.
fn family<L: AsRef<str>>(
    to: &mut dyn Write,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (L, f64)>,
) -> io::Result<()> {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    writeln!(to, "# HELP efs_scan_{name} {help}\n# TYPE efs_scan_{name} gauge")?;
    for (labels, value) in samples {
        writeln!(to, "efs_scan_{name}{{{}}} {value}", labels.as_ref())?;
    }
    Ok(())
}

fn classes(
    to: &mut dyn Write,
    name: &str,
    all: impl Iterator<Item = (String, [f64; Class::ALL.len()])>,
) -> io::Result<()> {
    let samples = all.flat_map(|(of, bytes)| {
        let classes = Class::ALL.into_iter().zip(bytes);
        classes.map(move |(class, bytes)| (join(&of, &labels(&[("class", class.name())])), bytes))
    });
    family(to, name, "Allocated size by class; sums to the whole.", samples)
}

/// The labels that identify a home. `kind` is one of them, because a home may have the same name as
/// the entry for everything outside of homes.
fn of_home(home: &HomeReport) -> String {
    let name = home.printable_name();
    let uid = home.uid.map(|uid| uid.to_string()).unwrap_or_default();
    let user = printable(home.owner.name.as_deref().unwrap_or_default().as_bytes());
    labels(&[("home", &*name), ("kind", home.kind.name()), ("uid", &uid), ("user", &user)])
}

/// Formats labels as `name="value"`, separated by commas. Empty labels are left out: Prometheus
/// treats them as absent.
fn labels(all: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
        if !out.is_empty() {
            out.push(',');
        }
        // The format escapes backslash, quote and newline.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{name}=\"{value}\"");
    }
    out
}

fn join(one: &str, other: &str) -> String {
    match (one, other) {
        ("", some) | (some, "") => some.to_owned(),
        _ => format!("{one},{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_label() {
        assert_eq!(
            labels(&[("a", "x\"} 1\n\\"), ("b", ""), ("c", "y")]),
            r#"a="x\"} 1\n\\",c="y""#
        );
        assert_eq!(join("", "a=\"1\""), "a=\"1\"");
    }
}
