//! The complete configuration of a scan, checked once before any work starts.

use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use super::NfsSource;
use super::file::ConfigFile;
use super::{ConfigError, Loaded, Settings};
use crate::names::{GroupSources, SourceSpec};
use crate::outbox::Publishing;
use crate::report::{FileSystemKey, Format, GrowthAlarm, Prices, Quotas};
use crate::scan::{Pacing, is_file_system_id};
use crate::store::{BucketOptions, Destination};
use crate::units::{MeteredBytes, parse_size};
use crate::usage::{Exclude, Rules};

/// Default of `--top`: the number of largest files and directories to name.
const DEFAULT_TOP: usize = 10;

/// Default of `--top` for a scan of some users.
const DEFAULT_TOP_OF_USER: usize = 25;

/// Default of `--link-memory`, in bytes.
const DEFAULT_LINK_MEMORY: u64 = 64 << 20;

/// Upper bound of `--top`. The memory of a scan grows with it for each home.
const MAX_TOP: usize = 10_000;

/// The checked configuration of a scan.
#[derive(Debug)]
pub(crate) struct Config {
    /// The settings that need no conversion.
    pub(crate) settings: Settings,
    /// The root: a path, or a URL for the engine `nfs`.
    pub(crate) root: PathBuf,
    /// Number of largest files and directories to name.
    pub(crate) top: usize,
    /// Bytes of memory for hard links.
    pub(crate) link_memory: u64,
    /// Metered size from which on a directory has a row in the table of directories.
    pub(crate) dirs_min: MeteredBytes,
    pub(crate) exclude: Exclude,
    /// The name of the file system.
    pub(crate) name: Option<FileSystemKey>,
    pub(crate) names: Vec<SourceSpec>,
    pub(crate) groups: GroupSources,
    pub(crate) quotas: Quotas,
    pub(crate) growth: GrowthAlarm,
    pub(crate) pacing: Pacing,
    /// The NFS server, if the engine needs no mount.
    #[cfg(target_os = "linux")]
    pub(crate) nfs: Option<NfsSource>,
    pub(crate) rules: Rules,
    pub(crate) publishing: Publishing,
    /// The destination that earlier runs are read from, even if this one is not published.
    pub(crate) earlier: Option<Destination>,
    pub(crate) buckets: BucketOptions,
    pub(crate) prices: Prices,
}

impl Config {
    /// True if the root is known to be only a part of a file system.
    pub(crate) fn is_part(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(source) = &self.nfs {
            let point = source.efs.as_ref().is_some_and(|efs| efs.access_point.is_some());
            return point || !source.nfs.target.is_root();
        }
        false
    }

    /// The region in the root's name.
    pub(crate) fn named_region(&self) -> Option<String> {
        #[cfg(target_os = "linux")]
        return self.nfs.as_ref()?.efs.as_ref()?.region.clone();
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The root's path on the server, if the root needs no mount and the path is known. It is not
    /// known behind an access point, which has a root of its own.
    pub(crate) fn path_on_server(&self) -> Option<String> {
        #[cfg(target_os = "linux")]
        {
            let source = self.nfs.as_ref()?;
            let point = source.efs.as_ref().is_some_and(|efs| efs.access_point.is_some());
            source.nfs.target.path().filter(|_| !point)
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// True if the root is not a path on this machine.
    pub(crate) fn is_url(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.nfs.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }
}

impl Loaded {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first problem, in one line.
    pub(crate) fn check(self) -> Result<Config, ConfigError> {
        let Self { settings, file, origins, .. } = self;
        settings.check(file.as_ref()).map_err(|ConfigError(problem)| {
            ConfigError(origins.explain(&problem, &super::variables::flags()))
        })
    }
}

impl Settings {
    fn check(self, file: Option<&ConfigFile>) -> Result<Config, ConfigError> {
        let mut settings = self;
        let rules = settings.rules.compile(file)?;
        let top = settings.top()?;
        let pacing = settings.pacing()?;
        settings.remind.check()?;
        settings.check_depth()?;
        if settings.parallel == Some(0) {
            return Err("--parallel 0: it must be 1 or more".to_owned().into());
        }
        let publishing = settings.publishing()?;
        let buckets = settings.publish.buckets()?;
        settings.check_file_system_id()?;
        #[cfg(target_os = "linux")]
        let nfs = settings.nfs_source(&pacing)?;
        #[cfg(target_os = "linux")]
        if let Some(efs) = nfs.as_ref().and_then(|source| source.efs.as_ref()) {
            settings.file_system_id = Some(efs.file_system.clone());
        }
        let root = settings.root().to_owned();
        #[cfg(target_os = "linux")]
        let root = nfs.as_ref().map_or(root, |source| source.nfs.target.to_string().into());
        settings.home_at()?;
        let name = settings.name()?;
        let names = settings.names.iter().map(|name| name.parse());
        Ok(Config {
            root,
            top,
            link_memory: settings.link_memory()?,
            dirs_min: settings.publish.dirs_min()?,
            exclude: Exclude::new(&settings.exclude)?,
            name,
            names: names.collect::<Result<_, _>>()?,
            groups: settings.groups()?,
            quotas: settings.quota.quotas()?,
            growth: settings.growth.alarm()?,
            pacing,
            #[cfg(target_os = "linux")]
            nfs,
            rules,
            publishing,
            buckets,
            // It is only for the progress bar, so a scan that does not publish ignores errors in
            // it.
            earlier: settings.publish.destination().ok().flatten(),
            prices: settings.prices.prices()?,
            settings,
        })
    }

    fn top(&self) -> Result<usize, String> {
        let top = self.top.unwrap_or(match self.users.is_empty() {
            true => DEFAULT_TOP,
            false => DEFAULT_TOP_OF_USER,
        });
        if top > MAX_TOP {
            return Err(format!("--top {top}: at most {MAX_TOP}"));
        }
        Ok(top)
    }

    fn link_memory(&self) -> Result<u64, String> {
        let Some(text) = &self.link_memory else { return Ok(DEFAULT_LINK_MEMORY) };
        parse_size(text).map_err(|problem| format!("--link-memory: {problem}"))
    }

    fn groups(&self) -> Result<GroupSources, String> {
        let tag = self.group_tag.clone();
        // A tag's key is not empty (SageMaker API reference, "Tag").
        match &tag {
            Some(tag) if tag.is_empty() || tag.chars().count() > 128 => {
                Err(format!("--group-tag `{tag}`: a tag has 1 to 128 characters"))
            }
            _ => Ok(GroupSources { tag, passwd: self.passwd_groups }),
        }
    }

    fn check_depth(&self) -> Result<(), String> {
        let needs = "it needs --home-depth 1 or more";
        if self.home_depth > 0 {
            return Ok(());
        }
        if self.format == Format::Du {
            return Err(format!("--format du prints ROOT's directories: {needs}"));
        }
        if !self.users.is_empty() {
            return Err(format!("--user names a home below ROOT: {needs}"));
        }
        Ok(())
    }

    fn check_file_system_id(&self) -> Result<(), String> {
        match &self.file_system_id {
            Some(id) if !is_file_system_id(id) => {
                Err(format!("--file-system-id `{id}`: expected an id like fs-0123456789abcdef0"))
            }
            _ => Ok(()),
        }
    }

    /// The name of the file system.
    fn name(&self) -> Result<Option<FileSystemKey>, String> {
        let Some(name) = &self.name else { return Ok(None) };
        let name =
            FileSystemKey::new(name).map_err(|problem| format!("--name `{name}`: {problem}"))?;
        match (name.is_efs(), name.is_taken()) {
            (false, false) => Ok(Some(name)),
            (true, _) => {
                Err(format!("--name `{name}`: that is an id, which --file-system-id takes"))
            }
            (_, true) => Err(format!(
                "--name `{name}`: a destination has that for all file systems: take another name"
            )),
        }
    }

    /// The path at which people see their home.
    pub(super) fn home_at(&self) -> Result<Option<&Path>, String> {
        match self.home_at.as_deref() {
            Some(path) if !path.is_absolute() => {
                Err(format!("home_at: {} is not an absolute path", path.display()))
            }
            path => Ok(path),
        }
    }
}
