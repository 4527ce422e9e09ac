//! CloudWatch's PutMetricData in the CBOR protocol of 2024, with its limits, and GetMetricData.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use ciborium::Value;
use flate2::read::GzDecoder;

use super::errors::Failure;
use super::http::{Answer, Incoming};
use super::route::Call;
use super::state::State;
use super::{Stub, wire};

/// A metric that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    pub value: f64,
    pub unit: Option<String>,
    /// Seconds since the epoch; the time of arrival if the request has none.
    pub timestamp: f64,
}

/// Accepted metrics.
#[derive(Default)]
pub struct Accepted {
    metrics: Vec<Metric>,
    calls: Vec<usize>,
    /// Metrics of AWS's own: for a name and a file system, times and values.
    of_efs: BTreeMap<(String, String), Vec<(i64, f64)>>,
}

impl Stub {
    /// Returns the accepted metrics, in order.
    pub fn metrics(&self) -> Vec<Metric> {
        self.state().cloudwatch.metrics.clone()
    }

    /// Sets a metric of a file system in the namespace `AWS/EFS`: seconds since the epoch, and values.
    pub fn efs_metric(&self, id: &str, name: &str, values: Vec<(i64, f64)>) {
        self.state().cloudwatch.of_efs.insert((name.to_owned(), id.to_owned()), values);
    }

    /// Returns the number of metrics in each accepted call.
    pub fn put_metric_calls(&self) -> Vec<usize> {
        self.state().cloudwatch.calls.clone()
    }
}

const MOST_METRICS: usize = 1000;
const MOST_BYTES: usize = 1 << 20;
const MOST_DIMENSIONS: usize = 30;
const UNITS: &str = "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes \
    Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count Bytes/Second \
    Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second \
    Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None";

fn body(http: &Incoming) -> Result<Value, String> {
    let mut bytes = Vec::new();
    if http.lists("content-encoding", "gzip") {
        let mut decoder = GzDecoder::new(http.body.as_slice());
        decoder.read_to_end(&mut bytes).map_err(|error| format!("gzip: {error}"))?;
    } else {
        bytes.clone_from(&http.body);
    }
    ciborium::from_reader(bytes.as_slice()).map_err(|error| format!("CBOR: {error}"))
}

fn member<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let found = map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

fn text<'a>(map: &'a Value, name: &str) -> Option<&'a str> {
    member(map, name)?.as_text()
}

fn number(value: &Value) -> Option<f64> {
    let integer = |value: &Value| i128::from(value.as_integer()?).to_string().parse().ok();
    value.as_float().or_else(|| integer(value))
}

/// Returns the namespace, for `Request::target`.
pub fn namespace(http: &Incoming) -> Option<String> {
    text(&body(http).ok()?, "Namespace").map(str::to_owned)
}

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    let checked = match &*call.operation {
        "GetMetricData" => metric_data(state, call),
        _ => check(call).map(|metrics| {
            state.cloudwatch.calls.push(metrics.len());
            state.cloudwatch.metrics.extend(metrics);
            Value::Map(Vec::new())
        }),
    };
    match checked {
        Ok(answer) => {
            let mut bytes = Vec::new();
            ciborium::into_writer(&answer, &mut bytes).unwrap();
            Ok(Answer::new(200, "application/cbor", bytes).with("smithy-protocol", "rpc-v2-cbor"))
        }
        Err(failure) => {
            state.violation(call, &failure.message);
            Err(failure)
        }
    }
}

/// Answers GetMetricData for metrics of file systems, in pages of as many values as the state says.
fn metric_data(state: &State, call: &Call) -> Result<Value, Failure> {
    let body =
        body(&call.http).map_err(|what| Failure::new(400, "SerializationException", what))?;
    let time = |name: &str| {
        let (tag, at) = member(&body, name).and_then(Value::as_tag).ok_or_else(|| missing(name))?;
        number(at).filter(|_| tag == 1).map(|at| at as i64).ok_or_else(|| missing(name))
    };
    let (from, until) = (time("StartTime")?, time("EndTime")?);
    let queries = member(&body, "MetricDataQueries").and_then(Value::as_array);
    let mut all = Vec::new();
    for query in queries.ok_or_else(|| missing("MetricDataQueries"))? {
        let id = text(query, "Id").ok_or_else(|| missing("Id"))?;
        let of = member(query, "MetricStat").ok_or_else(|| missing("MetricStat"))?;
        let metric = member(of, "Metric").ok_or_else(|| missing("Metric"))?;
        let period = member(of, "Period").and_then(number).ok_or_else(|| missing("Period"))? as i64;
        let points = (until - from) / period;
        if period % 60 != 0 || points > 100_800 {
            return Err(invalid(format!("{points} values in periods of {period} s")));
        }
        if text(metric, "Namespace") != Some("AWS/EFS") {
            return Err(invalid("the stub has metrics of AWS/EFS only"));
        }
        let dimensions = member(metric, "Dimensions").and_then(Value::as_array);
        let dimension =
            dimensions.and_then(|all| all.first()).ok_or_else(|| missing("Dimensions"))?;
        let of_system = text(dimension, "Value").unwrap_or_default().to_owned();
        let name = text(metric, "MetricName").unwrap_or_default().to_owned();
        let mut periods: BTreeMap<i64, f64> = BTreeMap::new();
        let values = state.cloudwatch.of_efs.get(&(name, of_system)).into_iter().flatten();
        for (at, value) in values.filter(|(at, _)| (from..until).contains(at)) {
            let at = at - at.rem_euclid(period);
            let slot = periods.entry(at);
            match text(of, "Stat") {
                Some("Sum") => *slot.or_default() += value,
                Some("Minimum") => {
                    let least = slot.or_insert(f64::INFINITY);
                    *least = least.min(*value);
                }
                other => return Err(invalid(format!("the stub has no statistic {other:?}"))),
            }
        }
        all.extend(periods.into_iter().map(|(at, value)| (id.to_owned(), at, value)));
    }
    let begin: usize =
        text(&body, "NextToken").map_or(0, |token| token.parse().unwrap_or_default());
    let page = &all[begin..all.len().min(begin.saturating_add(state.page_size))];
    let mut results: BTreeMap<&str, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for (id, at, value) in page {
        let (times, values) = results.entry(id).or_default();
        times.push(Value::Tag(1, Box::new(Value::Float(*at as f64))));
        values.push(Value::Float(*value));
    }
    let map = |members: Vec<(&str, Value)>| {
        Value::Map(members.into_iter().map(|(name, it)| (Value::Text(name.into()), it)).collect())
    };
    let results = results.into_iter().map(|(id, (times, values))| {
        map(vec![
            ("Id", Value::Text(id.into())),
            ("Label", Value::Text(id.into())),
            ("StatusCode", Value::Text("Complete".into())),
            ("Timestamps", Value::Array(times)),
            ("Values", Value::Array(values)),
        ])
    });
    let mut answer = vec![("MetricDataResults", Value::Array(results.collect()))];
    if begin + page.len() < all.len() {
        answer.push(("NextToken", Value::Text((begin + page.len()).to_string())));
    }
    Ok(map(answer))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidParameterValue", message)
}

fn missing(name: &str) -> Failure {
    let message = format!("The parameter {name} is required.");
    Failure::new(400, "MissingParameter", message)
}

fn check(call: &Call) -> Result<Vec<Metric>, Failure> {
    if call.operation != "PutMetricData" {
        return Err(Failure::new(404, "UnknownOperationException", "not in the stub"));
    }
    if call.http.header("smithy-protocol") != Some("rpc-v2-cbor") {
        return Err(Failure::new(400, "UnknownOperationException", "smithy-protocol is missing"));
    }
    let bytes = call.http.wire_bytes;
    if bytes > MOST_BYTES {
        let message = format!("Request size {bytes} exceeded {MOST_BYTES} bytes");
        return Err(Failure::new(413, "RequestEntityTooLarge", message));
    }
    let body =
        body(&call.http).map_err(|what| Failure::new(400, "SerializationException", what))?;
    let namespace = text(&body, "Namespace").ok_or_else(|| missing("Namespace"))?;
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"._/#:-".contains(c);
    let reserved = namespace.starts_with("AWS/") || namespace.starts_with(':');
    if namespace.is_empty() || namespace.len() > 255 || namespace.contains(odd) || reserved {
        return Err(invalid(format!(
            "The value {namespace:?} for parameter Namespace is invalid."
        )));
    }
    let data = member(&body, "MetricData").and_then(Value::as_array);
    let data = data.filter(|data| !data.is_empty()).ok_or_else(|| missing("MetricData"))?;
    if data.len() > MOST_METRICS {
        return Err(invalid(format!(
            "The collection MetricData must not have a size greater than {MOST_METRICS}. ({})",
            data.len()
        )));
    }
    let mut metrics = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, datum) in data.iter().enumerate() {
        let place = format!("MetricData.member.{}", number + 1);
        let metric = metric(namespace, datum, &place)?;
        // CloudWatch accepts duplicates, but sending them is a mistake of the program.
        if !seen.insert((metric.name.clone(), metric.dimensions.clone())) {
            return Err(invalid(format!("{place} is a duplicate of {metric:?}")));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

fn metric(namespace: &str, datum: &Value, place: &str) -> Result<Metric, Failure> {
    let wrong = |what: &str, value: &dyn std::fmt::Debug| {
        invalid(format!("The value {value:?} for parameter {place}.{what} is invalid."))
    };
    let name = text(datum, "MetricName").ok_or_else(|| missing(&format!("{place}.MetricName")))?;
    if !named(name, 255) {
        return Err(wrong("MetricName", &name));
    }
    let list = member(datum, "Dimensions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if list.len() > MOST_DIMENSIONS {
        return Err(wrong("Dimensions", &list.len()));
    }
    let mut dimensions = BTreeMap::new();
    for dimension in list {
        let (name, value) = (text(dimension, "Name"), text(dimension, "Value"));
        let name = name.ok_or_else(|| missing(&format!("{place}.Dimensions.Name")))?;
        let value = value.ok_or_else(|| missing(&format!("{place}.Dimensions.Value")))?;
        if !named(name, 255) {
            return Err(wrong("Dimensions.Name", &name));
        }
        if !named(value, 1024) {
            return Err(wrong("Dimensions.Value", &value));
        }
        if dimensions.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("Dimensions.Name (a second time)", &name));
        }
    }
    let Some(value) = member(datum, "Value").and_then(number) else {
        // Requests may also contain statistics and arrays of values; the stub does not support
        // them.
        return Err(missing(&format!("{place}.Value")));
    };
    if !value.is_finite() || value.abs() > 2f64.powi(360) {
        return Err(wrong("Value", &value));
    }
    let unit = text(datum, "Unit");
    if let Some(unit) = unit.filter(|unit| !UNITS.split_whitespace().any(|known| known == *unit)) {
        return Err(wrong("Unit", &unit));
    }
    let now = wire::now();
    let timestamp = match member(datum, "Timestamp") {
        None => now,
        Some(value) => {
            let inner = value.as_tag().filter(|(tag, _)| *tag == 1).and_then(|(_, at)| number(at));
            inner.ok_or_else(|| wrong("Timestamp", value))?
        }
    };
    let (past, future) = (now - 14.0 * 86_400.0, now + 2.0 * 3_600.0);
    if !(past..=future).contains(&timestamp) {
        return Err(wrong("Timestamp", &timestamp));
    }
    let resolution = member(datum, "StorageResolution").and_then(number);
    if let Some(resolution) = resolution.filter(|seconds| *seconds != 1.0 && *seconds != 60.0) {
        return Err(wrong("StorageResolution", &resolution));
    }
    Ok(Metric {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions,
        value,
        unit: unit.map(str::to_owned),
        timestamp,
    })
}

/// True for printable ASCII of at most this length that is not blank and does not start with a
/// colon.
fn named(text: &str, most: usize) -> bool {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    printable && text.len() <= most && !text.trim().is_empty() && !text.starts_with(':')
}
