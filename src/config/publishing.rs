//! The tables `[publish]`, `[cloudwatch]` and `[notify]`: destinations of runs.

use std::path::Path;

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::outbox::{MetricsOf, Notify, OtherRoot, Publishing};
use crate::state::KeepIn;
use crate::store::Destination;
use crate::units::{MeteredBytes, parse_size};

/// Default namespace of the metrics.
const DEFAULT_NAMESPACE: &str = "EfsScan";

/// Metered size from which on a directory has a row in the table of directories, unless another is
/// given.
const DEFAULT_DIRS_MIN: MeteredBytes = MeteredBytes(1 << 20);

/// The table `[publish]`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PublishSettings {
    /// Publish the run to s3://BUCKET/PREFIX or to a directory
    #[arg(id = "publish.to", long = "publish", value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    to: Option<String>,

    /// Publish nothing, whatever the configuration says
    #[arg(long = "no-publish", conflicts_with_all = ["publish.to", "cloudwatch.namespace", "notify.topic"])]
    #[serde(skip)]
    pub(super) no_publish: bool,

    /// Publish as the file system of this name although the newest run there is of another root: it is
    /// the same file system, mounted elsewhere or moved. Needed once
    #[arg(long = "take-over")]
    #[serde(skip)]
    take_over: bool,

    /// Publish interrupted runs, too
    #[arg(id = "publish.interrupted", long = "publish-interrupted", value_name = "BOOL",
          env = "EFS_SCAN_PUBLISH_INTERRUPTED", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interrupted: Option<bool>,

    /// Publish HTML pages, too, as `efs-scan report --publish` does
    #[arg(id = "publish.report", long = "publish-report", value_name = "BOOL",
          env = "EFS_SCAN_PUBLISH_REPORT", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    report: Option<bool>,

    /// Publish a table of the directories, too [default: true]
    #[arg(id = "publish.dirs", long = "publish-dirs", value_name = "BOOL",
          env = "EFS_SCAN_PUBLISH_DIRS", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dirs: Option<bool>,

    /// Metered size from which on a directory has a row in that table; 0 is every directory
    /// [default: 1MiB]
    #[arg(
        id = "publish.dirs_min",
        long = "dirs-min",
        value_name = "SIZE",
        env = "EFS_SCAN_DIRS_MIN"
    )]
    dirs_min: Option<String>,

    /// Region of the bucket [default: this machine's, or else the one that S3 answers]
    #[arg(
        id = "publish.region",
        long = "publish-region",
        value_name = "REGION",
        env = "EFS_SCAN_PUBLISH_REGION"
    )]
    pub(super) region: Option<String>,

    /// Encryption of what is published: aws:kms, aws:kms:dsse or AES256 [default: the bucket's]
    #[arg(
        id = "publish.sse",
        long = "publish-sse",
        value_name = "KIND",
        env = "EFS_SCAN_PUBLISH_SSE"
    )]
    pub(super) sse: Option<String>,

    /// Key of that encryption: an id, an ARN or an alias [default: AWS's own for S3]
    #[arg(
        id = "publish.kms_key_id",
        long = "publish-kms-key-id",
        value_name = "KEY",
        env = "EFS_SCAN_PUBLISH_KMS_KEY_ID"
    )]
    pub(super) kms_key_id: Option<String>,

    /// ACL of what is published: bucket-owner-full-control for another account's bucket
    #[arg(
        id = "publish.acl",
        long = "publish-acl",
        value_name = "ACL",
        env = "EFS_SCAN_PUBLISH_ACL"
    )]
    pub(super) acl: Option<String>,

    /// Storage class of what is published, such as STANDARD_IA [default: STANDARD]
    #[arg(
        id = "publish.storage_class",
        long = "publish-storage-class",
        value_name = "CLASS",
        env = "EFS_SCAN_PUBLISH_STORAGE_CLASS"
    )]
    pub(super) storage_class: Option<String>,

    /// Pay for requests to a bucket that lets the requester pay
    #[arg(id = "publish.requester_pays", long = "publish-requester-pays", value_name = "BOOL",
          env = "EFS_SCAN_PUBLISH_REQUESTER_PAYS", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) requester_pays: Option<bool>,

    /// Publish to a store that takes no conditional writes: two monitors that publish there at the
    /// same time may then replace a newer run with an older one
    #[arg(id = "publish.unconditional", long = "unconditional", value_name = "BOOL",
          env = "EFS_SCAN_UNCONDITIONAL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) unconditional: Option<bool>,
}

/// The table `[cloudwatch]`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CloudWatchSettings {
    /// Send the totals to CloudWatch as metrics with the dimension FileSystemId: 12 metrics, at
    /// most 3.60 USD a month [default namespace: EfsScan]
    #[arg(id = "cloudwatch.namespace", long = "cloudwatch", value_name = "NAMESPACE",
          env = "EFS_SCAN_CLOUDWATCH",
          num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) namespace: Option<String>,

    /// Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric
    /// costs up to 0.30 USD a month: 500 users cost up to 600 USD a month
    #[arg(id = "cloudwatch.users", long = "cloudwatch-users", value_name = "BOOL|NAMES",
          env = "EFS_SCAN_CLOUDWATCH_USERS",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    users: Option<MetricsOf>,

    /// Add three metrics for each group, or for some (physics,biology), with the dimension Group. A
    /// metric costs up to 0.30 USD a month: 20 groups cost up to 18 USD a month
    #[arg(id = "cloudwatch.groups", long = "cloudwatch-groups", value_name = "BOOL|NAMES",
          env = "EFS_SCAN_CLOUDWATCH_GROUPS",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    groups: Option<MetricsOf>,
}

/// The table `[notify]`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NotifySettings {
    /// Send a notice to this SNS topic when the list of homes over quota changes
    #[arg(
        id = "notify.topic",
        long = "notify-topic",
        value_name = "ARN",
        env = "EFS_SCAN_NOTIFY_TOPIC"
    )]
    topic: Option<String>,

    /// Send the notice after every run
    #[arg(id = "notify.always", long = "notify-always", value_name = "BOOL",
          env = "EFS_SCAN_NOTIFY_ALWAYS", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    always: Option<bool>,
}

impl PublishSettings {
    /// The destination that runs are read from.
    pub(super) fn destination(&self) -> Result<Option<Destination>, String> {
        self.to.as_deref().map(str::parse).transpose()
    }

    /// Publishes there, unless another destination is set.
    pub(super) fn put_destination(&mut self, to: &Destination) {
        self.to.get_or_insert_with(|| to.to_string());
    }

    /// Metered size from which on a directory has a row in the table of directories.
    pub(super) fn dirs_min(&self) -> Result<MeteredBytes, String> {
        let Some(text) = &self.dirs_min else { return Ok(DEFAULT_DIRS_MIN) };
        let parsed = parse_size(text).map(MeteredBytes);
        parsed.map_err(|problem| format!("--dirs-min: {problem}"))
    }
}

impl CloudWatchSettings {
    /// Completes the namespace: without a flag it is the file's; a flag without a value means the
    /// file's, or else the default.
    pub(super) fn resolve_namespace(&mut self, in_file: Option<String>) {
        self.namespace = match self.namespace.take() {
            None => in_file,
            Some(name) if name.is_empty() => in_file.or_else(|| Some(DEFAULT_NAMESPACE.to_owned())),
            name => name,
        };
    }
}

impl Settings {
    /// Checks the destinations, without access to a service.
    pub(super) fn publishing(&self) -> Result<Publishing, String> {
        if let (Some(flag), false) = (self.given.publishing, self.users.is_empty()) {
            let problem = "a scan of some users is not published as the state of all";
            return Err(format!("--{flag} with --user: {problem}"));
        }
        // Variables and the file are for the daily scan of all homes.
        if self.publish.no_publish || !self.users.is_empty() {
            return Ok(Publishing::default());
        }
        let destination = self.publish.destination();
        let report = self.publish.report.unwrap_or_default();
        if report && self.publish.to.is_none() {
            return Err("--publish-report needs --publish".to_owned());
        }
        let namespace = self.cloudwatch.namespace.as_deref().map(check_namespace).transpose()?;
        let own = |flag: &str, of: &Option<MetricsOf>| {
            let of = of.clone().unwrap_or_default();
            match () {
                () if !of.is_empty() && namespace.is_none() => {
                    Err(format!("--{flag} needs --cloudwatch"))
                }
                () if of.has_empty_name() => Err(format!("--{flag}: a name is empty")),
                () => Ok(of),
            }
        };
        let users = own("cloudwatch-users", &self.cloudwatch.users)?;
        let groups = own("cloudwatch-groups", &self.cloudwatch.groups)?;
        if self.state == KeepIn::Destination {
            if self.publish.to.is_none() {
                return Err("--state destination needs --publish".to_owned());
            }
            if self.publish.unconditional.unwrap_or_default() {
                let problem = "a lock there needs conditional writes";
                return Err(format!("--state destination with --unconditional: {problem}"));
            }
        }
        let always = self.notify.always.unwrap_or_default();
        if always && self.notify.topic.is_none() {
            return Err("--notify-always needs --notify-topic".to_owned());
        }
        let topic = self.notify.topic.as_deref().map(check_topic).transpose()?;
        Ok(Publishing {
            to: destination.map_err(|problem| format!("--publish {problem}"))?,
            interrupted: self.publish.interrupted.unwrap_or_default(),
            report,
            dirs: self.publish.to.is_some() && self.publish.dirs.unwrap_or(true),
            namespace,
            users,
            groups,
            notify: topic.map(|topic| Notify { topic, always }),
            other_root: match self.publish.take_over {
                true => OtherRoot::TakeOver,
                false => OtherRoot::Refuse,
            },
        })
    }
}

/// Checks a namespace by CloudWatch's rules (API reference, PutMetricData).
fn check_namespace(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/#:-".contains(c);
    let problem = match name {
        _ if name.is_empty() || name.len() > 255 => "it must have 1 to 255 characters",
        _ if !name.chars().all(plain) => "it may hold letters, digits and . _ / # : - only",
        _ if name.starts_with("AWS/") => "namespaces that begin with AWS/ are Amazon's",
        _ if name.starts_with(':') => "it must not begin with a colon",
        _ if Path::new(name).is_absolute() => {
            "it looks like a path; write --cloudwatch=NAMESPACE, and ROOT after it"
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
            "--notify-topic `{arn}` is not the ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_aws_refuses_are_refused_before_the_scan() {
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
