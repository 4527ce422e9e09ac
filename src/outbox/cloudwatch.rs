//! Composes the metrics for CloudWatch, and divides them into calls.

use std::collections::BTreeMap;

use super::spool::CloudWatch;
use crate::aws::{Datum, Unit};
use crate::report::{Coverage, GroupReport, HomeKind, HomeReport, NO_GROUP, Report, Share};
use crate::text::printable;
use crate::units::AllocatedBytes;

/// Metrics of one PutMetricData (CloudWatch API reference).
const MAX_METRICS: usize = 1000;

/// Bytes of one call. The limit is 1 MB; this leaves room for the rest of the request.
const MAX_BYTES: usize = 900_000;

/// The most bytes of a datum in a request besides its texts: field names, time and number.
const BYTES_OF_DATUM: usize = 160;

/// The most bytes of a dimension besides its texts.
const BYTES_OF_DIMENSION: usize = 32;

/// Characters of a dimension's value (CloudWatch API reference).
const MAX_DIMENSION: usize = 1024;

/// Lists what has no home in the report although metrics were asked for it, as the settings' names and
/// the missing users or groups.
pub fn missing<'a>(report: &Report, to: &'a CloudWatch) -> Vec<(&'static str, Vec<&'a str>)> {
    let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
    let users = to.users.missing(homes.flat_map(|home| user_names(&home)));
    let groups = to.groups.missing(report.groups.iter().flat_map(group_names));
    let missing = [("--cloudwatch-users", users), ("--cloudwatch-groups", groups)];
    missing.into_iter().filter(|(_, names)| !names.is_empty()).collect()
}

/// Composes the metrics of a run. A metric whose value is unknown is left out, not 0:
/// `OrphanBytes` without a source of names that knows all owners, `MaxQuotaPercent` without a
/// quota, `GroupsOverQuota` without one of a group, `MaxGrowthBytes` and `HomesGrown` without a run of the
/// day before to compare all homes with, `MeteredDifferencePercent` without EFS's size of all that was scanned. So are sums of a
/// run that is not complete: they would be too small, and could end an alarm.
pub fn metrics(report: &Report, to: &CloudWatch) -> Vec<Datum> {
    let file_system = &to.file_system;
    let usage = &report.totals;
    let seconds = report.run.seconds();
    let of_class = |class: Share| class.allocated_bytes.0 as f64;
    let complete = report.run.coverage == Coverage::Complete;
    let quotas = report.homes.iter().filter_map(|home| home.quota);
    let highest = quotas.map(|quota| quota.used_percent).max_by(f64::total_cmp);
    // Without its sign, so that an alarm needs one threshold only.
    let difference = report.file_system.as_ref().and_then(|efs| efs.difference_percent);
    let whole = |value: f64| complete.then_some(value);
    let orphans = report.orphans.map(|orphans| of_class(orphans.usage));
    let limited = report.groups.iter().any(|group| group.quota.is_some());
    let groups = limited.then(|| report.groups_over_quota().count() as f64);
    let growth = report.growth.as_ref();
    let grown = growth.and_then(|growth| Some(growth.max_bytes?.0 as f64));
    let grown_homes = growth.and_then(|growth| Some(growth.count()? as f64));
    let values = [
        ("AllocatedBytes", whole(usage.allocated_bytes.0 as f64), Unit::Bytes),
        ("MeteredBytes", whole(usage.metered_bytes.0 as f64), Unit::Bytes),
        ("TrashBytes", whole(of_class(usage.by_class.trash)), Unit::Bytes),
        ("CacheBytes", whole(of_class(usage.by_class.cache)), Unit::Bytes),
        ("OrphanBytes", orphans.and_then(whole), Unit::Bytes),
        ("Files", whole(usage.files as f64), Unit::Count),
        ("HomesOverQuota", whole(report.over_quota().count() as f64), Unit::Count),
        ("GroupsOverQuota", groups.and_then(whole), Unit::Count),
        ("MaxQuotaPercent", highest.and_then(whole), Unit::Percent),
        ("MaxGrowthBytes", grown.and_then(whole), Unit::Bytes),
        ("HomesGrown", grown_homes.and_then(whole), Unit::Count),
        ("ScanDurationSeconds", Some(seconds), Unit::Seconds),
        ("ScanErrors", Some(report.errors.count as f64), Unit::Count),
        ("ScanComplete", Some(f64::from(u8::from(complete))), Unit::Count),
        ("MeteredDifferencePercent", difference.map(f64::abs), Unit::Percent),
    ];
    let datum = |(name, value, unit): (_, Option<f64>, _)| {
        let dimensions = vec![("FileSystemId", file_system.clone())];
        Some(Datum { name, dimensions, at: report.run.finished, value: value?, unit })
    };
    let mut all: Vec<Datum> = values.into_iter().filter_map(datum).collect();
    all.extend(of_users(report, to));
    all.extend(of_groups(report, to));
    all
}

/// Four metrics for each user. Homes of one name count as one: CloudWatch would mix them up.
fn of_users(report: &Report, to: &CloudWatch) -> Vec<Datum> {
    #[derive(Default)]
    struct User {
        allocated: AllocatedBytes,
        trash: AllocatedBytes,
        cache: AllocatedBytes,
        quota: Option<f64>,
        /// True if not everything in the homes was read.
        partial: bool,
    }
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
    for home in homes.filter(|home| to.users.includes(&user_names(home))) {
        let user = users.entry(dimension(name(&home))).or_default();
        user.partial |= home.coverage != Coverage::Complete;
        let classes = &home.usage.by_class;
        user.allocated += home.usage.allocated_bytes;
        user.trash += classes.trash.allocated_bytes;
        user.cache += classes.cache.allocated_bytes;
        let percent = home.quota.map(|quota| quota.used_percent);
        user.quota = user.quota.into_iter().chain(percent).max_by(f64::total_cmp);
    }
    let mut all = Vec::new();
    for (name, user) in users.into_iter().filter(|(_, user)| !user.partial) {
        let values = [
            ("AllocatedBytes", Some(user.allocated.0 as f64), Unit::Bytes),
            ("TrashBytes", Some(user.trash.0 as f64), Unit::Bytes),
            ("CacheBytes", Some(user.cache.0 as f64), Unit::Bytes),
            ("QuotaPercent", user.quota, Unit::Percent),
        ];
        all.extend(values.into_iter().filter_map(|(metric, value, unit)| {
            let dimensions = vec![("FileSystemId", to.file_system.clone()), ("User", name.clone())];
            Some(Datum { name: metric, dimensions, at: report.run.finished, value: value?, unit })
        }));
    }
    all
}

/// Three metrics for each group, and for the homes of no group. Groups of one name count as one.
fn of_groups(report: &Report, to: &CloudWatch) -> Vec<Datum> {
    #[derive(Default)]
    struct Group {
        usage: Share,
        quota: Option<f64>,
        /// True if not everything in the homes was read.
        partial: bool,
    }
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    // The groups lack the homes that an interrupted scan did not reach.
    let known = report.groups.iter().filter(|_| report.run.coverage != Coverage::Interrupted);
    for group in known.filter(|group| to.groups.includes(&group_names(group))) {
        let sum = groups.entry(dimension(group_name(group))).or_default();
        sum.partial |= group.coverage != Coverage::Complete;
        sum.usage.add(group.usage);
        let percent = group.quota.map(|quota| quota.used_percent);
        sum.quota = sum.quota.into_iter().chain(percent).max_by(f64::total_cmp);
    }
    let mut all = Vec::new();
    for (name, group) in groups.into_iter().filter(|(_, group)| !group.partial) {
        let values = [
            ("AllocatedBytes", Some(group.usage.allocated_bytes.0 as f64), Unit::Bytes),
            ("MeteredBytes", Some(group.usage.metered_bytes.0 as f64), Unit::Bytes),
            ("QuotaPercent", group.quota, Unit::Percent),
        ];
        all.extend(values.into_iter().filter_map(|(metric, value, unit)| {
            let dimensions =
                vec![("FileSystemId", to.file_system.clone()), ("Group", name.clone())];
            Some(Datum { name: metric, dimensions, at: report.run.finished, value: value?, unit })
        }));
    }
    all
}

/// The owner's name, or the home's.
fn name(home: &HomeReport) -> &str {
    home.owner.name.as_deref().unwrap_or(&home.name)
}

/// The names by which a setting may choose the user: the report's, and as CloudWatch shows it.
fn user_names(home: &HomeReport) -> [String; 2] {
    [name(home).to_owned(), dimension(name(home))]
}

fn group_name(group: &GroupReport) -> &str {
    group.name.as_deref().unwrap_or(NO_GROUP)
}

/// The names by which a setting may choose the group.
fn group_names(group: &GroupReport) -> [String; 2] {
    [group_name(group).to_owned(), dimension(group_name(group))]
}

/// A name as CloudWatch takes it: ASCII, not empty, without a colon in front.
fn dimension(name: &str) -> String {
    let ascii: String = printable(name.as_bytes())
        .chars()
        .flat_map(|c| if c.is_ascii() { vec![c] } else { c.escape_unicode().collect() })
        .take(MAX_DIMENSION - 1)
        .collect();
    match ascii.trim() {
        "" => "?".to_owned(),
        text if text.starts_with(':') => format!("_{text}"),
        text => text.to_owned(),
    }
}

/// Divides the metrics into calls within CloudWatch's limits, in order.
pub fn batches(data: &[Datum]) -> Vec<&[Datum]> {
    let mut all = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, datum) in data.iter().enumerate() {
        let bytes_of =
            |(name, value): &(&str, String)| name.len() + value.len() + BYTES_OF_DIMENSION;
        let dimensions: usize = datum.dimensions.iter().map(bytes_of).sum();
        let size = datum.name.len() + dimensions + BYTES_OF_DATUM;
        if at > from && (at - from == MAX_METRICS || bytes + size > MAX_BYTES) {
            all.push(&data[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += size;
    }
    all.extend(Some(&data[from..]).filter(|rest| !rest.is_empty()));
    all
}
