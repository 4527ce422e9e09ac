//! CloudWatch: PutMetricData.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use super::answer::MaxAnswer;
use super::error::{ApiCall, service_error};
use super::{Aws, Datum, Unit};
use crate::service_error::ServiceResult;

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
