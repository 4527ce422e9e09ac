//! The figures for CloudWatch, and how they are cut into calls.

use std::collections::BTreeMap;

use crate::aws::{Datum, Unit};
use crate::report::{Coverage, HomeReport, Kind, Report};
use crate::text::printable;

/// Metrics of one PutMetricData (CloudWatch API reference).
const MAX_METRICS: usize = 1000;

/// Bytes of one call. The limit is 1 MB; this leaves room for what surrounds the values.
const MAX_BYTES: usize = 900_000;

/// What a value takes on the wire beside its texts, at most: names of fields, time and number.
const BYTES_OF_DATUM: usize = 160;

/// What a dimension takes beside its texts.
const BYTES_OF_DIMENSION: usize = 32;

/// Characters of a dimension's value (CloudWatch API reference).
const MAX_DIMENSION: usize = 1024;

/// The metrics of a run. What is not known is left out, not 0: `OrphanBytes` without a source of
/// names that should know everybody, `MaxQuotaPercent` without a quota.
pub fn metrics(report: &Report, file_system: &str, users: bool) -> Vec<Datum> {
    let usage = &report.totals;
    let seconds = report.run.finished.duration_since(report.run.started).as_secs_f64();
    let of_class = |class: crate::report::Share| class.allocated_bytes.0 as f64;
    let complete = report.run.coverage == Coverage::Complete;
    let quotas = report.homes.iter().filter_map(|home| home.quota);
    let highest = quotas.map(|quota| quota.used_percent).max_by(f64::total_cmp);
    let values = [
        ("AllocatedBytes", Some(usage.allocated_bytes.0 as f64), Unit::Bytes),
        ("MeteredBytes", Some(usage.metered_bytes.0 as f64), Unit::Bytes),
        ("TrashBytes", Some(of_class(usage.by_class.trash)), Unit::Bytes),
        ("CacheBytes", Some(of_class(usage.by_class.cache)), Unit::Bytes),
        ("OrphanBytes", report.orphans.map(|orphans| of_class(orphans.usage)), Unit::Bytes),
        ("Files", Some(usage.files as f64), Unit::Count),
        ("HomesOverQuota", Some(report.over_quota().count() as f64), Unit::Count),
        ("MaxQuotaPercent", highest, Unit::Percent),
        ("ScanDurationSeconds", Some(seconds), Unit::Seconds),
        ("ScanErrors", Some(report.errors.count as f64), Unit::Count),
        ("ScanComplete", Some(f64::from(u8::from(complete))), Unit::Count),
    ];
    let datum = |(name, value, unit): (_, Option<f64>, _)| {
        let dimensions = vec![("FileSystemId", file_system.to_owned())];
        Some(Datum { name, dimensions, at: report.run.finished, value: value?, unit })
    };
    let mut all: Vec<Datum> = values.into_iter().filter_map(datum).collect();
    if users {
        all.extend(of_users(report, file_system));
    }
    all
}

/// Four metrics for each person. Homes of one name count as one: CloudWatch would mix them up.
fn of_users(report: &Report, file_system: &str) -> Vec<Datum> {
    #[derive(Default)]
    struct User {
        allocated: u64,
        trash: u64,
        cache: u64,
        quota: Option<f64>,
    }
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    for home in report.homes.iter().filter(|home| home.kind != Kind::Outside) {
        let user = users.entry(user_name(home)).or_default();
        let classes = &home.usage.by_class;
        user.allocated += home.usage.allocated_bytes.0;
        user.trash += classes.trash.allocated_bytes.0;
        user.cache += classes.cache.allocated_bytes.0;
        let percent = home.quota.map(|quota| quota.used_percent);
        user.quota = user.quota.into_iter().chain(percent).max_by(f64::total_cmp);
    }
    let mut all = Vec::new();
    for (name, user) in users {
        let values = [
            ("AllocatedBytes", Some(user.allocated as f64), Unit::Bytes),
            ("TrashBytes", Some(user.trash as f64), Unit::Bytes),
            ("CacheBytes", Some(user.cache as f64), Unit::Bytes),
            ("QuotaPercent", user.quota, Unit::Percent),
        ];
        all.extend(values.into_iter().filter_map(|(metric, value, unit)| {
            let dimensions = vec![("FileSystemId", file_system.to_owned()), ("User", name.clone())];
            Some(Datum { name: metric, dimensions, at: report.run.finished, value: value?, unit })
        }));
    }
    all
}

/// The person, or the name of the home; as CloudWatch takes it: ASCII, not empty, no colon first.
fn user_name(home: &HomeReport) -> String {
    let name = home.owner.name.as_deref().unwrap_or(&home.name);
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

/// Cuts the values into calls inside CloudWatch's limits, in order.
pub fn batches(data: &[Datum]) -> Vec<&[Datum]> {
    let mut all = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, datum) in data.iter().enumerate() {
        let dimension =
            |(name, value): &(&str, String)| name.len() + value.len() + BYTES_OF_DIMENSION;
        let dimensions: usize = datum.dimensions.iter().map(dimension).sum();
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
