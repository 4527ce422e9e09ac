//! The EFS file system that is scanned: its id, and the size that EFS meters.

use std::path::PathBuf;

use crate::aws::{Aws, EfsLifecycle, EfsSize};
use crate::config::Config;
use crate::log;
use crate::report::{FileSystemKey, Identity, ScannedPart};
use crate::scan::{MountedEfs, Volume, efs_of, volume_of};
use crate::service_error::Trouble;

/// The EFS file system that is scanned.
#[derive(Debug)]
pub(super) struct ScannedFileSystem {
    pub(super) id: String,
    /// The size that EFS meters, if EFS answers.
    pub(super) size: Option<EfsSize>,
    pub(super) part: ScannedPart,
    /// When EFS moves data to cheaper storage classes, if EFS answers.
    pub(super) lifecycle: Option<EfsLifecycle>,
}

/// The file system that the run belongs to: by its EFS id, or else by the name in the settings, or else
/// by the root.
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
    // With an id of EFS, a local path is one of a copy, or of a test.
    let is_local = id.as_ref().is_some_and(|id| !id.starts_with("nfs "));
    Identity {
        key,
        name,
        volume: id.filter(|_| !is_efs),
        path: path.filter(|_| !(is_efs && is_local)),
    }
}

/// The root as reports name it: absolute, but with its symbolic links as they were given.
pub(in crate::commands) fn root(config: &Config) -> PathBuf {
    match config.is_url() {
        true => config.root.clone(),
        false => {
            let absolute = std::path::absolute(&config.root);
            absolute.unwrap_or_else(|_| config.root.clone()).components().collect()
        }
    }
}

/// The id of the file system: from the settings, or else from the mount.
pub(super) fn id(config: &Config) -> Option<String> {
    let set = config.settings.file_system_id.clone();
    set.or_else(|| efs_of(&config.root).map(|efs| efs.id))
}

/// The region of the file system, if the root names it; `None` for that of the configuration of AWS.
fn region(config: &Config, id: &str) -> Option<String> {
    let mounted = || efs_of(&config.root).filter(|efs| efs.id == id).and_then(|efs| efs.region);
    config.named_region().or_else(mounted)
}

/// Asks EFS for the size of the file system, if its id is known. This is done before the scan: a
/// wrong id shows at once, and the figure is hours old anyway. EFS knows the file systems of one
/// account and region; one of another has its id all the same, and no figures.
pub(super) fn ask(config: &Config, aws: &Aws) -> Option<ScannedFileSystem> {
    let id = id(config)?;
    // If the mount does not tell, an id in the settings means that the root is all of it.
    let part = match efs_of(&config.root) {
        Some(MountedEfs { whole: false, .. }) => ScannedPart::Some,
        None if config.is_part() => ScannedPart::Some,
        _ => ScannedPart::Whole,
    };
    let is_set = config.settings.file_system_id.is_some();
    let size = match aws.file_system_size(&id, region(config, &id).as_deref()) {
        Ok(size) => Some(size),
        Err(error) if is_set && error.trouble == Trouble::Missing => {
            log::warn!(
                "{}; if it is of another account or region, that is right: the report has its id, \
                 and lacks EFS's figures",
                error.text
            );
            None
        }
        // Nobody needs the figures if only the mount names the file system.
        Err(error) if !is_set && config.publishing.is_empty() => {
            log::info!("{}", error.text);
            None
        }
        Err(error) => {
            log::warn!("{}; the report will lack EFS's figures", error.text);
            None
        }
    };
    // It is advice for the bill of all homes.
    let wanted = size.is_some() && config.settings.users.is_empty();
    let lifecycle = wanted.then(|| lifecycle(config, &id, aws)).flatten();
    Some(ScannedFileSystem { id, size, part, lifecycle })
}

fn lifecycle(config: &Config, id: &str, aws: &Aws) -> Option<EfsLifecycle> {
    let answer = aws.lifecycle(id, region(config, id).as_deref());
    let answer = answer.inspect_err(|error| {
        log::warn!("{}; the report will not say if lifecycle management is on", error.text);
    });
    answer.ok()
}
