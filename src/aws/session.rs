//! The SDK on one thread: every call from outside blocks until it is answered.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_types::SdkConfig;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::error::{Asked, root_cause, service_error};
use super::s3::Bucket;
use super::{App, Datum, Domain, Member, Unit, sagemaker};
use crate::report::EfsSize;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::Store;
use crate::units::MeteredBytes;

/// Attempts of one call; the SDK waits between them with growing, random pauses. With its first
/// pause of up to a second that is some seconds altogether.
const ATTEMPTS: u32 = 4;

/// A server that does not even take the connection is not there.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer may take to begin, the sending of what it answers included.
const ANSWER: Duration = Duration::from_secs(30);

/// Access to AWS, looked up when it is first needed: a scan that publishes nothing asks nobody.
#[derive(Debug, Default)]
pub struct Aws(OnceLock<ServiceResult<Session>>);

/// The runtime and what the SDK found in the environment.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) runtime: Runtime,
    pub(super) config: SdkConfig,
}

impl Session {
    fn start() -> ServiceResult<Self> {
        if rustls_native_certs::load_native_certs().certs.is_empty() {
            let text = "AWS cannot be asked: this machine has no root certificates; install \
                 ca-certificates, or name a file of them in SSL_CERT_FILE";
            return Err(ServiceError::new(Trouble::Refused, text));
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            ServiceError::new(Trouble::Refused, format!("starting the AWS client: {error}"))
        })?;
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts.build())
            .load();
        let config = runtime.block_on(config);
        if config.region().is_none() {
            let text = "no AWS region: set AWS_REGION, or `region` in the AWS configuration";
            return Err(ServiceError::new(Trouble::Credentials, text));
        }
        Ok(Self { runtime, config })
    }
}

impl Aws {
    pub(super) fn session(&self) -> ServiceResult<&Session> {
        self.0.get_or_init(Session::start).as_ref().map_err(Clone::clone)
    }

    /// Makes sure that there are a region and credentials.
    ///
    /// # Errors
    /// Which of them is missing.
    pub fn ready(&self) -> ServiceResult<()> {
        use aws_credential_types::provider::ProvideCredentials;
        let session = self.session()?;
        let none = || ServiceError::new(Trouble::Credentials, super::error::NO_CREDENTIALS);
        let provider = session.config.credentials_provider().ok_or_else(none)?;
        match session.runtime.block_on(provider.provide_credentials()) {
            Ok(_) => Ok(()),
            Err(error) => {
                let text = format!("{} ({})", super::error::NO_CREDENTIALS, root_cause(&error));
                Err(ServiceError::new(Trouble::Credentials, text))
            }
        }
    }

    /// A bucket as a store.
    ///
    /// # Errors
    /// If there is no region.
    pub fn bucket(&self, bucket: &str, prefix: &str) -> ServiceResult<Box<dyn Store + '_>> {
        Ok(Box::new(Bucket::new(self.session()?, bucket, prefix)))
    }

    /// One PutMetricData; the caller keeps to its limits.
    ///
    /// # Errors
    /// Names the namespace.
    pub fn put_metrics(&self, namespace: &str, data: &[Datum]) -> ServiceResult<()> {
        let session = self.session()?;
        let client = aws_sdk_cloudwatch::Client::new(&session.config);
        let data = data.iter().map(metric_datum).collect();
        let call = client.put_metric_data().namespace(namespace).set_metric_data(Some(data));
        let sent = session.runtime.block_on(call.send());
        sent.map(drop).map_err(|error| {
            let thing = format!("namespace {namespace}");
            let asked =
                Asked::new("CloudWatch PutMetricData", &thing, "cloudwatch:PutMetricData on *");
            service_error(&asked, &error)
        })
    }

    /// One message to a topic.
    ///
    /// # Errors
    /// Names the topic.
    pub fn notify(&self, topic: &str, subject: &str, text: &str) -> ServiceResult<()> {
        let session = self.session()?;
        // A topic is spoken to in its own region.
        let mut config = aws_sdk_sns::config::Builder::from(&session.config);
        if let Some(region) = topic.split(':').nth(3) {
            config = config.region(aws_sdk_sns::config::Region::new(region.to_owned()));
        }
        let client = aws_sdk_sns::Client::from_conf(config.build());
        let call = client.publish().topic_arn(topic).subject(subject).message(text);
        let sent = session.runtime.block_on(call.send());
        sent.map(drop).map_err(|error| {
            let permission = format!("sns:Publish on {topic}");
            service_error(&Asked::new("SNS Publish", topic, &permission), &error)
        })
    }

    /// What EFS meters of a file system.
    ///
    /// # Errors
    /// Names the file system.
    pub fn file_system_size(&self, id: &str) -> ServiceResult<EfsSize> {
        let permission = "elasticfilesystem:DescribeFileSystems";
        let asked = Asked::new("EFS DescribeFileSystems", id, permission);
        let session = self.session()?;
        let client = aws_sdk_efs::Client::new(&session.config);
        let call = client.describe_file_systems().file_system_id(id);
        let answer = session.runtime.block_on(call.send());
        let answer = answer.map_err(|error| service_error(&asked, &error))?;
        let found = answer.file_systems().iter().find(|found| found.file_system_id() == id);
        let size = found.and_then(|found| found.size_in_bytes()).ok_or_else(|| {
            ServiceError::new(Trouble::Missing, format!("{asked}: the answer has no size of it"))
        })?;
        // AWS's numbers are signed, its sizes are not.
        let metered = |bytes: i64| MeteredBytes(bytes.try_into().unwrap_or_default());
        Ok(EfsSize {
            value: metered(size.value()),
            standard: size.value_in_standard().map(metered),
            infrequent_access: size.value_in_ia().map(metered),
            archive: size.value_in_archive().map(metered),
            at: size.timestamp().and_then(|time| Timestamp::from_second(time.secs()).ok()),
        })
    }

    /// The domains of SageMaker Studio.
    ///
    /// # Errors
    /// If SageMaker does not say.
    pub fn domains(&self) -> ServiceResult<Vec<Domain>> {
        let session = self.session()?;
        session.runtime.block_on(sagemaker::Client::new(&session.config)?.domains())
    }

    /// The user profiles and spaces of a domain; `known` are not asked for again.
    ///
    /// # Errors
    /// If SageMaker does not say all of it.
    pub fn members(&self, domain: &str, known: &[Member]) -> ServiceResult<Vec<Member>> {
        let session = self.session()?;
        let client = sagemaker::Client::new(&session.config)?;
        session.runtime.block_on(client.members(domain, known))
    }

    /// What runs in a domain.
    ///
    /// # Errors
    /// If SageMaker does not say.
    pub fn apps(&self, domain: &str) -> ServiceResult<Vec<App>> {
        let session = self.session()?;
        session.runtime.block_on(sagemaker::Client::new(&session.config)?.apps(domain))
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
