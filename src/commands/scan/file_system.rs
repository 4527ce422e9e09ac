//! The scanned EFS file system: its id, and the size that EFS meters.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::aws::{Aws, EfsLifecycle, EfsSize, EfsThroughput, EfsTraffic};
use crate::config::Config;
use crate::log;
use crate::report::{FileSystemKey, Identity, METRIC_DAYS, METRIC_PERIOD, ScannedPart};
use crate::scan::{MountedEfs, Volume, efs_of, volume_of};
use crate::service_error::Trouble;
use crate::shards::PlannedEfs;

/// The scanned EFS file system.
#[derive(Debug)]
pub(super) struct ScannedFileSystem {
    pub(super) id: String,
    /// The size that EFS meters, if EFS answers.
    pub(super) size: Option<EfsSize>,
    pub(super) part: ScannedPart,
    /// Its lifecycle configuration, if EFS answers.
    pub(super) lifecycle: Option<EfsLifecycle>,
    /// Its throughput mode, with CloudWatch's metrics up to a time in seconds since the epoch, if
    /// this machine may read them.
    pub(super) throughput: Option<(EfsThroughput, Option<(EfsTraffic, i64)>)>,
}

/// Returns the file system that the run belongs to. Its key is the EFS id, or else the configured
/// name, or else made from the root.
pub(in crate::commands) fn identity(config: &Config) -> Identity {
    let name = config.name.clone();
    let known = id(config).and_then(|id| FileSystemKey::new(&id).ok());
    let key = known
        .or_else(|| name.clone())
        .unwrap_or_else(|| FileSystemKey::of_root(root(config).as_os_str().as_encoded_bytes()));
    let Volume { id, path } = match config.is_url() {
        false => volume_of(&config.root),
        true => Volume { id: None, path: config.path_on_server() },
    };
    let is_efs = key.is_efs();
    // A local path with an EFS id is a copy of the file system or a test.
    let is_local = id.as_ref().is_some_and(|id| !id.starts_with("nfs "));
    Identity {
        key,
        name,
        volume: id.filter(|_| !is_efs),
        path: path.filter(|_| !(is_efs && is_local)),
    }
}

/// The root as in reports: absolute, with its symbolic links unresolved.
pub(in crate::commands) fn root(config: &Config) -> PathBuf {
    match config.is_url() {
        true => config.root.clone(),
        false => {
            let absolute = std::path::absolute(&config.root);
            absolute.unwrap_or_else(|_| config.root.clone()).components().collect()
        }
    }
}

/// The root of a run and its file system.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The root as in reports.
    pub(super) root: PathBuf,
    pub(super) identity: Identity,
    /// The EFS file system, if its id is known.
    pub(super) efs: Option<PlannedEfs>,
}

impl Subject {
    /// What the configuration names.
    pub(super) fn of(config: &Config) -> Self {
        let efs = id(config).map(|id| {
            // If the mount has no path, a configured id means that the root is the whole file system.
            let is_whole = match efs_of(&config.root) {
                Some(MountedEfs { whole: false, .. }) => false,
                None if config.is_part() => false,
                _ => true,
            };
            PlannedEfs { region: region(config, &id), is_whole, id }
        });
        Self { root: root(config), identity: identity(config), efs }
    }
}

/// The configured id of the file system, or else the id in the mount.
fn id(config: &Config) -> Option<String> {
    let set = config.settings.file_system_id.clone();
    set.or_else(|| efs_of(&config.root).map(|efs| efs.id))
}

/// The region of the file system, if the root names it; `None` for the region of the AWS
/// configuration.
fn region(config: &Config, id: &str) -> Option<String> {
    let mounted = || efs_of(&config.root).filter(|efs| efs.id == id).and_then(|efs| efs.region);
    config.named_region().or_else(mounted)
}

/// Asks EFS for the size of the file system, if its id is known. This happens before the scan, so
/// that a wrong id fails at once; the figure is hours old in any case. EFS only answers for this
/// account and region: a file system of another one has an id, but no figures.
pub(super) fn ask(config: &Config, aws: &Aws, efs: &PlannedEfs) -> ScannedFileSystem {
    let PlannedEfs { id, region, is_whole } = efs;
    let part = if *is_whole { ScannedPart::Whole } else { ScannedPart::Some };
    let is_set = config.settings.file_system_id.is_some();
    let described = match aws.file_system(id, region.as_deref()) {
        Ok(described) => Some(described),
        Err(error) if is_set && error.trouble == Trouble::Missing => {
            log::warn!(
                "{}; this is normal for another account or region: the report has its id, but \
                 not EFS's figures",
                error.text
            );
            None
        }
        // The figures are optional if only the mount has the id.
        Err(error) if !is_set && config.publishing.is_empty() => {
            log::info!("{}", error.text);
            None
        }
        Err(error) => {
            log::warn!("{}; the report will lack EFS's figures", error.text);
            None
        }
    };
    let size = described.map(|described| described.size);
    // The advice is about the bill of all homes.
    let wanted = size.is_some() && config.settings.users.is_empty();
    let lifecycle = wanted.then(|| lifecycle(efs, aws)).flatten();
    let throughput = described.and_then(|described| described.throughput).filter(|_| wanted);
    let throughput = throughput.map(|throughput| (throughput, traffic(efs, aws)));
    ScannedFileSystem { id: id.clone(), size, part, lifecycle, throughput }
}

/// Reads CloudWatch's metrics of the last days. A role need not be allowed to: the permission cannot
/// be limited to EFS's metrics.
fn traffic(efs: &PlannedEfs, aws: &Aws) -> Option<(EfsTraffic, i64)> {
    let now = Timestamp::now().as_second();
    // CloudWatch keeps whole periods, and a file system's last minutes come late.
    let until = now - now.rem_euclid(METRIC_PERIOD) - METRIC_PERIOD;
    let from = until - METRIC_DAYS * 86_400;
    match aws.traffic(&efs.id, efs.region.as_deref(), from, until, METRIC_PERIOD as i32) {
        Ok(traffic) => Some((traffic, until)),
        Err(error) => {
            log::debug!("{}; the report has no advice on throughput", error.text);
            None
        }
    }
}

fn lifecycle(efs: &PlannedEfs, aws: &Aws) -> Option<EfsLifecycle> {
    let answer = aws.lifecycle(&efs.id, efs.region.as_deref());
    let answer = answer.inspect_err(|error| {
        log::warn!("{}; the report will not say if lifecycle management is on", error.text);
    });
    answer.ok()
}
