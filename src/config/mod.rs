//! Flags over environment over a TOML file, checked once and turned into one [`Config`].

#[cfg(target_os = "linux")]
mod direct;
mod file;
mod pacing;
mod publishing;
mod quota;
mod remind;
mod settings;

use std::path::PathBuf;

use crate::cli::{CommonArgs, Format, LogFormat, ScanArgs};
use crate::names::SourceSpec;
use crate::remind::Reminding;
use crate::report::{Prices, Quotas, SortKey};
use crate::scan::{EngineKind, Pacing, is_file_system_id};
use crate::store::Destination;
use crate::text::printable;
use crate::usage::rule_file;
use crate::usage::{Exclude, Mounts, Rules};
use file::{one_line, read_file};
use publishing::is_empty;

#[cfg(target_os = "linux")]
pub use direct::{Direct, Place};
pub use publishing::Publishing;
pub use settings::Settings;

/// Where the configuration is, unless another is named.
pub const DEFAULT_FILE: &str = "/etc/efs-scan.toml";

const DEFAULT_ROOT: &str = "/mnt/efs";
const DEFAULT_STATE_DIR: &str = "/var/lib/efs-scan";
const DEFAULT_TOP: usize = 10;
const DEFAULT_TOP_OF_USER: usize = 25;

/// More of the largest per home than this would make memory follow them.
const MAX_TOP: usize = 10_000;

/// What is wrong with flags, environment or configuration: one line that names it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl From<String> for ConfigError {
    fn from(problem: String) -> Self {
        Self(problem)
    }
}

/// Everything a scan needs to know, checked.
#[derive(Debug)]
pub struct Config {
    /// What to scan.
    pub root: PathBuf,
    /// Users or uids to restrict the scan to.
    pub users: Vec<String>,
    /// Depth of the homes below the root.
    pub home_depth: u32,
    /// Where people see what is in their home, if that is not where the root is.
    pub home_at: Option<PathBuf>,
    /// Form of the result.
    pub format: Format,
    /// Where the result goes; stdout without it.
    pub output: Option<PathBuf>,
    /// Order of the homes.
    pub sort: SortKey,
    /// How many homes the table shows.
    pub limit: Option<usize>,
    /// How many of the largest are named.
    pub top: usize,
    /// What is left out.
    pub exclude: Exclude,
    /// Where names come from.
    pub names: Vec<SourceSpec>,
    /// Who may use how much.
    pub quotas: Quotas,
    /// Whether a home over its quota makes the program fail.
    pub fail_on_quota: bool,
    /// Whether the root must be a mount point.
    pub require_mount: bool,
    /// Whether other mounts are entered.
    pub mounts: Mounts,
    /// How much the walk may take.
    pub pacing: Pacing,
    /// Whether it takes what no other process wants.
    pub nice: bool,
    /// The engine, unless the system decides.
    pub engine: Option<EngineKind>,
    /// The server's directory, where there is no mount.
    #[cfg(target_os = "linux")]
    pub direct: Option<Direct>,
    /// Compiled rules.
    pub rules: Rules,
    /// Where the result goes beside the output.
    pub publishing: Publishing,
    /// Where earlier runs are published, whether this one is or not.
    pub earlier: Option<Destination>,
    /// Where state is kept between runs.
    pub state_dir: PathBuf,
    /// Whether it is locked even if nothing is published, because it was asked for.
    pub state_asked: bool,
    /// The EFS file system, if it was named.
    pub file_system_id: Option<String>,
    /// What storage costs.
    pub prices: Prices,
    /// Whether the configuration says so.
    pub prices_said: bool,
}

impl Config {
    /// Whether the root is no path of this machine.
    pub fn is_url(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.direct.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }
}

/// What readers of published runs need to know.
#[derive(Debug)]
pub struct Readers {
    /// Where runs are published, if that is configured.
    pub published: Option<Destination>,
    /// The domain of SageMaker Studio, if names come from one.
    pub domain: Option<String>,
    /// Where state is kept between runs.
    pub state_dir: PathBuf,
    /// Where people see what is in their home, if that is not where the root is.
    pub home_at: Option<PathBuf>,
}

impl Readers {
    /// Where to read: at the place that was named, or where the configuration publishes to.
    ///
    /// # Errors
    /// If neither says, or what was named is no place.
    pub fn source(&self, named: Option<&str>) -> Result<Destination, ConfigError> {
        let place = match named {
            Some(text) => Some(text.parse()?),
            None => self.published.clone(),
        };
        let problem = "where are runs published? Say --from, or `to` under [publish]";
        place.ok_or_else(|| ConfigError(problem.to_owned()))
    }
}

/// The settings in force and the file they came from.
#[derive(Debug)]
pub struct Loaded {
    settings: Settings,
    file: Option<(PathBuf, String)>,
}

impl Loaded {
    /// Reads the file and puts the flags over it.
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, or has an unknown key: the message names the file
    /// and the line.
    pub fn new(common: &CommonArgs, args: &ScanArgs) -> Result<Self, ConfigError> {
        let file = read_file(common.config.as_deref())?;
        let mut settings = match &file {
            Some((path, text)) => toml::from_str(text)
                .map_err(|error| format!("{}: {}", path.display(), one_line(text, &error)))?,
            None => Settings::default(),
        };
        settings.override_with(args, common.log_format);
        Ok(Self { settings, file })
    }

    /// The form of what is said on stderr.
    pub fn log_format(&self) -> LogFormat {
        self.settings.log_format.unwrap_or_default()
    }

    /// The settings in force as a TOML file that would bring them about.
    ///
    /// # Errors
    /// If a setting cannot be written as TOML, such as a path that is not UTF-8.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let from = match &self.file {
            Some((path, _)) => {
                // The name is a comment, and nothing in it a setting.
                let name = printable(path.as_os_str().as_encoded_bytes());
                format!("# from {name}, environment and flags\n")
            }
            None => "# no configuration file; from environment and flags\n".to_owned(),
        };
        let effective = self.settings.clone().with_defaults();
        let text = toml::to_string(&effective)
            .map_err(|error| format!("writing the configuration as TOML: {error}"))?;
        Ok(from + &text)
    }

    /// What `efs-scan status` and `efs-scan publish` need of it.
    ///
    /// # Errors
    /// The first thing that is wrong, in one line.
    pub fn readers(self) -> Result<Readers, ConfigError> {
        let settings = self.settings.with_defaults();
        let names = settings.names.unwrap_or_default();
        let domain = |name: &String| match name.parse() {
            Ok(SourceSpec::SageMaker(domain)) => Some(domain),
            _ => None,
        };
        Ok(Readers {
            published: settings.publish.destination()?,
            domain: names.iter().find_map(domain),
            state_dir: settings.state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
            home_at: absolute(settings.home_at)?,
        })
    }

    /// What `efs-scan remind` needs beside that.
    ///
    /// # Errors
    /// The first thing that is wrong or missing, in one line.
    pub fn reminding(&self) -> Result<Reminding, ConfigError> {
        Ok(self.settings.remind.reminding()?)
    }

    /// Checks everything.
    ///
    /// # Errors
    /// The first thing that is wrong, in one line.
    pub fn check(self, args: &ScanArgs) -> Result<Config, ConfigError> {
        #[cfg(target_os = "linux")]
        let said = self.settings.root.clone();
        let settings = self.settings.with_defaults();
        let file = self.file.as_ref();
        let file_name = file.map_or(String::new(), |(path, _)| path.display().to_string());
        let file_text = file.map_or("", |(_, text)| text.as_str());
        let rules = &settings.rules;
        let rules = rule_file::load(&rules.add, (&file_name, file_text), &rules.off)?;
        let top = match (settings.top, args.users.is_empty()) {
            (Some(top), _) => top,
            (None, true) => DEFAULT_TOP,
            (None, false) => DEFAULT_TOP_OF_USER,
        };
        if top > MAX_TOP {
            return Err(format!("--top {top}: at most {MAX_TOP}").into());
        }
        let pacing = settings.pacing()?;
        settings.remind.check()?;
        let home_depth = settings.home_depth.unwrap_or(1);
        let format = settings.format.unwrap_or_default();
        if format == Format::Du && home_depth == 0 {
            let problem = "--format du prints ROOT's directories: it needs --home-depth 1 or more";
            return Err(problem.to_owned().into());
        }
        if home_depth == 0 && !args.users.is_empty() {
            let problem = "--user names a home below ROOT: it needs --home-depth 1 or more";
            return Err(problem.to_owned().into());
        }
        let tables = (&settings.publish, &settings.cloudwatch, &settings.notify);
        let publishing = Publishing::check(tables, args)?;
        if let Some(id) = settings.file_system_id.as_ref().filter(|id| !is_file_system_id(id)) {
            return Err(
                format!("--file-system-id `{id}`: it looks like fs-0123456789abcdef0").into()
            );
        }
        #[cfg(target_os = "linux")]
        let direct = direct::Said {
            root: said.as_ref(),
            engine: settings.engine,
            uid: settings.nfs_uid,
            batch: settings.nfs_batch,
            tls: settings.tls.unwrap_or_default(),
            file_system_id: settings.file_system_id.as_ref(),
            require_mount: settings.require_mount.unwrap_or_default(),
        }
        .check(&pacing)?;
        let root = settings.root.unwrap_or_else(|| DEFAULT_ROOT.into());
        #[cfg(target_os = "linux")]
        let root = direct.as_ref().map_or(root, |direct| direct.nfs.target.to_string().into());
        // Only for the bar: who does not publish is not told what is wrong with it.
        let earlier = settings.publish.destination().ok().flatten();
        let sources = settings.names.unwrap_or_default();
        Ok(Config {
            root,
            users: args.users.clone(),
            home_depth,
            home_at: absolute(settings.home_at)?,
            format,
            output: settings.output,
            sort: settings.sort.unwrap_or_default(),
            limit: settings.limit,
            top,
            exclude: Exclude::new(&settings.exclude.unwrap_or_default())?,
            names: sources.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            quotas: settings.quota.check()?,
            fail_on_quota: settings.fail_on_quota.unwrap_or_default(),
            require_mount: settings.require_mount.unwrap_or_default(),
            mounts: match settings.cross_mounts.unwrap_or_default() {
                true => Mounts::Cross,
                false => Mounts::Skip,
            },
            pacing,
            nice: settings.nice.unwrap_or_default(),
            engine: settings.engine,
            #[cfg(target_os = "linux")]
            direct,
            rules,
            publishing,
            earlier,
            state_dir: settings.state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
            state_asked: args.state_dir_given,
            file_system_id: settings.file_system_id,
            prices: settings.prices.prices()?,
            prices_said: !is_empty(&settings.prices),
        })
    }
}

/// Where people see their homes is a place in their file system.
fn absolute(home_at: Option<PathBuf>) -> Result<Option<PathBuf>, ConfigError> {
    match home_at {
        Some(path) if !path.is_absolute() => {
            Err(ConfigError(format!("home_at: {} is no absolute path", path.display())))
        }
        home_at => Ok(home_at),
    }
}
