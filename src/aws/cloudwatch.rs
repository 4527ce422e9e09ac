//! CloudWatch: PutMetricData, and GetMetricData for EFS's own metrics.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, ScanBy, StandardUnit,
};

use super::answer::MaxAnswer;
use super::efs::in_region;
use super::error::{ApiCall, service_error};
use super::{Aws, Datum, EfsTraffic, Unit};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

impl Aws {
    /// Makes a PutMetricData request. The caller observes its limits.
    ///
    /// # Errors
    /// Names the namespace.
    pub fn put_metrics(&self, namespace: &str, data: &[Datum]) -> ServiceResult<()> {
        let sdk = self.sdk()?;
        let data = data.iter().map(metric_datum).collect();
        let config = Builder::from(&sdk.config).interceptor(MaxAnswer).build();
        let call = Client::from_conf(config).put_metric_data();
        let call = call.namespace(namespace).set_metric_data(Some(data));
        let sent = sdk.runtime.block_on(call.send());
        sent.map(drop).map_err(|error| {
            let resource = format!("namespace {namespace}");
            let permission = "cloudwatch:PutMetricData on *";
            let call = ApiCall::new("CloudWatch PutMetricData", &resource, permission);
            service_error(&call, &error)
        })
    }
}

impl Aws {
    /// Reads EFS's metrics of a file system in the given region, or else in the configured one. The
    /// times are in seconds since the epoch, the period in seconds; one request returns at most
    /// 100,800 values (CloudWatch API reference, GetMetricData).
    ///
    /// # Errors
    /// Names the file system.
    pub fn traffic(
        &self,
        id: &str,
        region: Option<&str>,
        from: i64,
        until: i64,
        period: i32,
    ) -> ServiceResult<EfsTraffic> {
        let permission = "cloudwatch:GetMetricData on *";
        let call = ApiCall::new("CloudWatch GetMetricData", id, permission);
        let sdk = self.sdk()?;
        let config = in_region(&sdk.config, region);
        let config = Builder::from(&config).interceptor(MaxAnswer).build();
        let client = Client::from_conf(config);
        let queries = TRAFFIC.map(|of| query(id, of, period));
        let (mut traffic, mut token) = (EfsTraffic::default(), None);
        for _ in 0..MOST_PAGES {
            let request = client
                .get_metric_data()
                .set_metric_data_queries(Some(queries.to_vec()))
                .start_time(DateTime::from_secs(from))
                .end_time(DateTime::from_secs(until))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(token.take());
            let answer = sdk.runtime.block_on(request.send());
            let answer = answer.map_err(|error| service_error(&call, &error))?;
            for result in answer.metric_data_results() {
                let times = result.timestamps().iter().map(DateTime::secs);
                let values = times.zip(result.values().iter().copied());
                let values = values.filter(|(_, value)| value.is_finite());
                match result.id().unwrap_or_default() {
                    "total" => traffic.total.extend(values),
                    "metered" => traffic.metered.extend(values),
                    "permitted" => traffic.permitted.extend(values),
                    "credits" => traffic.credits.extend(values),
                    _ => {}
                }
            }
            token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(traffic);
            }
        }
        let text = format!("{call}: the answer has more than {MOST_PAGES} pages");
        Err(ServiceError::new(Trouble::Refused, text))
    }
}

/// EFS's metrics (EFS user guide, "CloudWatch metrics for Amazon EFS"), with our name and the
/// statistic of each.
const TRAFFIC: [[&str; 3]; 4] = [
    ["total", "TotalIOBytes", "Sum"],
    ["metered", "MeteredIOBytes", "Sum"],
    ["permitted", "PermittedThroughput", "Minimum"],
    ["credits", "BurstCreditBalance", "Minimum"],
];

/// Bound of the pages of an answer, against a server that never ends.
const MOST_PAGES: usize = 100;

fn query(id: &str, [short, name, statistic]: [&str; 3], period: i32) -> MetricDataQuery {
    let dimension = Dimension::builder().name("FileSystemId").value(id).build();
    let metric = Metric::builder().namespace("AWS/EFS").metric_name(name).dimensions(dimension);
    let of = MetricStat::builder().metric(metric.build()).period(period).stat(statistic);
    MetricDataQuery::builder().id(short).metric_stat(of.build()).build()
}

fn metric_datum(datum: &Datum) -> MetricDatum {
    let dimension = |(name, value): &(&str, String)| {
        Dimension::builder().name(*name).value(value.as_str()).build()
    };
    MetricDatum::builder()
        .metric_name(datum.name)
        .set_dimensions(Some(datum.dimensions.iter().map(dimension).collect()))
        .timestamp(
            DateTime::from_nanos(datum.at.as_nanosecond())
                .unwrap_or_else(|_| DateTime::from_secs(0)),
        )
        .value(datum.value)
        .unit(match datum.unit {
            Unit::Bytes => StandardUnit::Bytes,
            Unit::Count => StandardUnit::Count,
            Unit::Percent => StandardUnit::Percent,
            Unit::Seconds => StandardUnit::Seconds,
        })
        .build()
}
