//! What the configuration file may say, and how flags go before it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::publishing::{
    CloudWatchSettings, NotifySettings, PriceSettings, PublishSettings, is_empty,
};
use super::quota::QuotaSettings;
use super::remind::RemindSettings;
use super::{DEFAULT_ROOT, DEFAULT_STATE_DIR};
use crate::cli::{Format, LogFormat, ScanArgs};
use crate::report::SortKey;
use crate::scan::{EngineKind, Threads};
use crate::usage::rule_file::RuleSpec;

/// Settings as the file has them, and as `efs-scan config` prints them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) home_depth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) home_at: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort: Option<SortKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclude: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fail_on_quota: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) require_mount: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cross_mounts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<Threads>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_ops: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nice: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nfs_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nfs_batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine: Option<EngineKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_format: Option<LogFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_system_id: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) publish: PublishSettings,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) cloudwatch: CloudWatchSettings,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) notify: NotifySettings,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) prices: PriceSettings,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) quota: QuotaSettings,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) remind: RemindSettings,
    #[serde(skip_serializing_if = "RuleSettings::is_empty")]
    pub(super) rules: RuleSettings,
}

/// The table `[rules]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleSettings {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) off: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) add: Vec<Spanned<RuleSpec>>,
}

impl RuleSettings {
    pub(super) fn is_empty(&self) -> bool {
        self.off.is_empty() && self.add.is_empty()
    }
}

/// A flag goes before what the file says.
pub(super) fn over<T: Clone>(mine: &mut Option<T>, flag: &Option<T>) {
    if flag.is_some() {
        mine.clone_from(flag);
    }
}

impl Settings {
    pub(super) fn override_with(&mut self, args: &ScanArgs, log_format: Option<LogFormat>) {
        fn over_list(mine: &mut Option<Vec<String>>, flag: &[String]) {
            if !flag.is_empty() {
                *mine = Some(flag.to_vec());
            }
        }
        over(&mut self.root, &args.root);
        over(&mut self.home_depth, &args.home_depth);
        over(&mut self.format, &args.format);
        over(&mut self.output, &args.output);
        over(&mut self.sort, &args.sort);
        over(&mut self.limit, &args.limit);
        over(&mut self.top, &args.top);
        over_list(&mut self.exclude, &args.exclude);
        over_list(&mut self.names, &args.names);
        over(&mut self.quota.default, &args.quota);
        over(&mut self.fail_on_quota, &args.fail_on_quota);
        over(&mut self.require_mount, &args.require_mount);
        over(&mut self.cross_mounts, &args.cross_mounts);
        over(&mut self.threads, &args.threads);
        over(&mut self.max_threads, &args.max_threads);
        over(&mut self.max_ops, &args.max_ops);
        over(&mut self.max_latency, &args.max_latency);
        over(&mut self.nice, &args.nice);
        over(&mut self.nfs_uid, &args.nfs_uid);
        over(&mut self.nfs_batch, &args.nfs_batch);
        over(&mut self.tls, &args.tls);
        over(&mut self.engine, &args.engine);
        over(&mut self.state_dir, &args.state_dir);
        over(&mut self.file_system_id, &args.file_system_id);
        over(&mut self.log_format, &log_format);
        self.publish.override_with(args);
        self.cloudwatch.override_with(args);
        self.notify.override_with(args);
    }

    /// Fills in what has one default everywhere. The engine is the system's to decide.
    pub(super) fn with_defaults(mut self) -> Self {
        self.root.get_or_insert_with(|| DEFAULT_ROOT.into());
        self.home_depth.get_or_insert(1);
        self.format.get_or_insert_default();
        self.sort.get_or_insert_default();
        self.exclude.get_or_insert_default();
        self.names.get_or_insert_with(|| vec!["passwd".to_owned()]);
        self.fail_on_quota.get_or_insert_default();
        self.require_mount.get_or_insert_default();
        self.cross_mounts.get_or_insert_default();
        self.threads.get_or_insert_default();
        self.nice.get_or_insert_default();
        self.tls.get_or_insert_default();
        self.log_format.get_or_insert_default();
        self.prices = self.prices.with_defaults();
        self.state_dir.get_or_insert_with(|| DEFAULT_STATE_DIR.into());
        self
    }
}
