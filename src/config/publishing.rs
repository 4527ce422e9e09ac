//! The settings of publishing: `[publish]`, `[cloudwatch]` and `[notify]`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::ScanArgs;
use crate::outbox::{Notify, UserMetrics};
use crate::report::Prices;
use crate::store::Destination;
use crate::units::Usd;

/// More than anybody asks for a GiB-month; amounts stay finite below it.
const MAX_PRICE: f64 = 1e6;

/// Namespace of the metrics, unless another is given.
const DEFAULT_NAMESPACE: &str = "EfsScan";

/// The table `[publish]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PublishSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<bool>,
}

/// The table `[cloudwatch]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CloudWatchSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<UserMetrics>,
}

/// The table `[notify]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NotifySettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    always: Option<bool>,
}

/// The table `[prices]`, in USD per GiB-month.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PriceSettings {
    standard: Option<f64>,
    infrequent_access: Option<f64>,
    archive: Option<f64>,
    source: Option<String>,
}

impl PriceSettings {
    /// What the file leaves out has its default.
    pub(super) fn prices(&self) -> Result<Prices, String> {
        let price = |name: &str, mine: Option<f64>, default: Usd| match mine {
            Some(price) if !(0.0..=MAX_PRICE).contains(&price) => {
                Err(format!("prices.{name}: {price} is no price of a GiB-month"))
            }
            mine => Ok(mine.map_or(default, Usd)),
        };
        let default = Prices::default();
        Ok(Prices {
            standard: price("standard", self.standard, default.standard)?,
            infrequent_access: price(
                "infrequent_access",
                self.infrequent_access,
                default.infrequent_access,
            )?,
            archive: price("archive", self.archive, default.archive)?,
            source: match &self.source {
                Some(source) => source.clone(),
                None if *self == Self::default() => default.source,
                None => "configuration".to_owned(),
            },
        })
    }

    /// With every default said, for `efs-scan config`; nothing where nothing was said, because
    /// only prices that were said hold where EFS tells no sizes.
    pub(super) fn with_defaults(&self) -> Self {
        let Ok(prices) = self.prices() else { return self.clone() };
        if is_empty(self) {
            return Self::default();
        }
        Self {
            standard: Some(prices.standard.0),
            infrequent_access: Some(prices.infrequent_access.0),
            archive: Some(prices.archive.0),
            source: Some(prices.source),
        }
    }
}

pub(super) fn is_empty<T: Default + PartialEq>(settings: &T) -> bool {
    *settings == T::default()
}

/// Where a run goes, checked as far as that can be done without asking anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publishing {
    /// Where its objects go.
    pub to: Option<Destination>,
    /// Whether an interrupted run goes there too.
    pub interrupted: bool,
    /// Whether pages are made of it there.
    pub report: bool,
    /// Namespace of the metrics.
    pub namespace: Option<String>,
    /// Which users have metrics.
    pub users: UserMetrics,
    /// Who is told about quotas.
    pub notify: Option<Notify>,
}

impl Publishing {
    /// Whether nothing goes anywhere.
    pub fn is_empty(&self) -> bool {
        self.to.is_none() && self.namespace.is_none() && self.notify.is_none()
    }

    pub(super) fn check(
        (publish, cloudwatch, notify): (&PublishSettings, &CloudWatchSettings, &NotifySettings),
        args: &ScanArgs,
    ) -> Result<Self, String> {
        if let (Some(flag), false) = (args.publish_given, args.users.is_empty()) {
            let flag = flag.replace('_', "-");
            let problem = "a scan of some users is not published as the state of all";
            return Err(format!("--{flag} with --user: {problem}"));
        }
        // What the configuration or a variable says holds for the daily scan of everybody.
        if args.no_publish || !args.users.is_empty() {
            return Ok(Self::default());
        }
        let to = publish.to.as_deref().map(str::parse).transpose();
        if publish.report.unwrap_or_default() && publish.to.is_none() {
            return Err("--publish-report needs --publish".to_owned());
        }
        let namespace = cloudwatch.namespace.as_deref().map(check_namespace).transpose()?;
        let users = cloudwatch.users.clone().unwrap_or_default();
        if !users.is_empty() && namespace.is_none() {
            return Err("--cloudwatch-users needs --cloudwatch".to_owned());
        }
        if let UserMetrics::Named(names) = &users
            && names.contains("")
        {
            return Err("--cloudwatch-users: a name is empty".to_owned());
        }
        let always = notify.always.unwrap_or_default();
        if always && notify.topic.is_none() {
            return Err("--notify-always needs --notify-topic".to_owned());
        }
        let topic = notify.topic.as_deref().map(check_topic).transpose()?;
        Ok(Self {
            to: to.map_err(|problem| format!("--publish {problem}"))?,
            interrupted: publish.interrupted.unwrap_or_default(),
            report: publish.report.unwrap_or_default(),
            namespace,
            users,
            notify: topic.map(|topic| Notify { topic, always }),
        })
    }
}

impl PublishSettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        super::settings::over(&mut self.to, &args.publish);
        super::settings::over(&mut self.interrupted, &args.publish_interrupted);
        super::settings::over(&mut self.report, &args.publish_report);
    }

    /// Where readers find what was published.
    pub(super) fn destination(&self) -> Result<Option<Destination>, String> {
        self.to.as_deref().map(str::parse).transpose()
    }
}

impl CloudWatchSettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        let namespace = args.cloudwatch.clone().map(|name| match name.as_str() {
            "" => self.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            _ => name,
        });
        super::settings::over(&mut self.namespace, &namespace);
        super::settings::over(&mut self.users, &args.cloudwatch_users);
    }
}

impl NotifySettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        super::settings::over(&mut self.topic, &args.notify_topic);
        super::settings::over(&mut self.always, &args.notify_always);
    }
}

/// A namespace as CloudWatch takes it (API reference, PutMetricData).
fn check_namespace(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/#:-".contains(c);
    let problem = match name {
        _ if name.is_empty() || name.len() > 255 => "it must have 1 to 255 characters",
        _ if !name.chars().all(plain) => "it may hold letters, digits and . _ / # : - only",
        _ if name.starts_with("AWS/") => "namespaces that begin with AWS/ are Amazon's",
        _ if name.starts_with(':') => "it must not begin with a colon",
        _ if Path::new(name).is_absolute() => {
            "it looks like a path; write --cloudwatch=NAMESPACE, and ROOT behind it"
        }
        _ => return Ok(name.to_owned()),
    };
    Err(format!("--cloudwatch `{name}`: {problem}"))
}

fn check_topic(arn: &str) -> Result<String, String> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, _, name] if !region.is_empty() && !name.is_empty() => {
            if name.ends_with(".fifo") {
                return Err(format!("--notify-topic {arn}: a FIFO topic sends no e-mail"));
            }
            Ok(arn.to_owned())
        }
        _ => Err(format!(
            "--notify-topic `{arn}` is no ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_would_refuse_is_refused_before_the_scan() {
        assert_eq!(check_namespace("Team/Efs_1"), Ok("Team/Efs_1".to_owned()));
        for wrong in ["", "AWS/EFS", ":x", "two words", "/mnt/efs", &"x".repeat(256)] {
            assert!(check_namespace(wrong).is_err(), "{wrong}");
        }
        let topic = "arn:aws:sns:eu-west-1:123456789012:efs";
        assert_eq!(check_topic(topic), Ok(topic.to_owned()));
        for wrong in ["efs", "arn:aws:sqs:eu-west-1:1:x", "arn:aws:sns:eu-west-1:1:x.fifo"] {
            assert!(check_topic(wrong).is_err(), "{wrong}");
        }
    }
}
