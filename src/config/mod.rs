//! Flags over environment over a TOML file: three layers, checked once and converted to a single
//! [`Config`].

mod bucket;
mod check;
mod file;
mod file_systems;
mod growth;
#[cfg(target_os = "linux")]
mod nfs;
mod origin;
mod pacing;
mod patience;
mod prices;
mod publishing;
mod quota;
mod remind;
mod rules;
mod settings;
mod variables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use crate::log::LogFormat;
use crate::names::SourceSpec;
use crate::remind::Reminding;
use crate::report::{Run, SamePeople};
use crate::state::KeepIn;
use crate::store::{BucketOptions, Destination};
use file::ConfigFile;
use file_systems::FileSystemSettings;
use origin::Origins;
use variables::By;

pub(crate) use check::Config;
#[cfg(target_os = "linux")]
pub(crate) use nfs::{EfsSource, NfsServer, NfsSource};
pub(crate) use settings::{DEFAULT_STATE_DIR, Settings};
pub use variables::LogArgs;
pub(crate) use variables::{one_line, without_variables};

/// An error in flags, environment or configuration: one line that names the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(String);

impl From<String> for ConfigError {
    fn from(problem: String) -> Self {
        Self(problem)
    }
}

/// The settings in force and the file they came from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    settings: Settings,
    file: Option<ConfigFile>,
    origins: Origins,
    /// The file's settings alone, and their origins.
    below: Settings,
    file_origins: Origins,
    /// The layers over the file: variables and flags.
    variables: ArgMatches,
    flags: Option<ArgMatches>,
}

impl Loaded {
    /// Reads the named file, the text in the environment, the file that the environment names, or
    /// the default file if it exists; then lays the environment over it.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML or has an unknown key, and the message names the file
    /// and the line; or a variable is wrong, and the message names it.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        let file = ConfigFile::read(named)?;
        let settings = file::parse(file.as_ref())?;
        let origins = file.as_ref().map(|file| Origins::of_file(&file.shown(), &file.text));
        let origins = origins.unwrap_or_default();
        let mut loaded = Self {
            below: settings.clone(),
            file_origins: origins.clone(),
            settings,
            file,
            origins,
            variables: variables::parse()?,
            flags: None,
        };
        loaded.put_layers()?;
        Ok(loaded)
    }

    /// Lays the flags of a scan over the other layers.
    pub(crate) fn put_flags(&mut self, flags: &ArgMatches) -> Result<(), ConfigError> {
        self.flags = Some(flags.clone());
        self.put_layer_of_flags(flags)
    }

    /// Lays the variables over the file, and the flags of a scan, if there are any.
    fn put_layers(&mut self) -> Result<(), ConfigError> {
        let variables = self.variables.clone();
        let LogArgs { log_format } = LogArgs::from_arg_matches(&variables).map_err(failed)?;
        self.settings.put(&variables).map_err(failed)?;
        self.settings.log_format = log_format.unwrap_or(self.settings.log_format);
        self.origins.put(variables::named(&variables, By::Variable));
        match self.flags.clone() {
            Some(flags) => self.put_layer_of_flags(&flags),
            None => Ok(()),
        }
    }

    fn put_layer_of_flags(&mut self, flags: &ArgMatches) -> Result<(), ConfigError> {
        self.settings.put_flags(flags).map_err(failed)?;
        self.origins.put(variables::named(flags, By::Flag));
        Ok(())
    }

    pub(crate) fn put_state_dir(&mut self, flag: Option<&Path>, shared: bool) {
        if let Some(path) = flag {
            path.clone_into(&mut self.settings.state_dir);
        }
        self.settings.state_dir_shared |= shared;
    }

    /// Publishes to this destination, unless another one is set.
    pub(crate) fn put_destination(&mut self, to: &Destination) {
        self.settings.publish.put_destination(to);
    }

    pub(crate) fn put_state(&mut self, flag: Option<KeepIn>) {
        if let Some(place) = flag {
            self.settings.state = place;
        }
    }

    pub(crate) fn put_log_format(&mut self, flag: Option<LogFormat>) {
        if let Some(format) = flag {
            self.settings.log_format = format;
        }
    }

    /// The warning that others can write to the file.
    pub(crate) fn shared(&self) -> Option<&str> {
        self.file.as_ref()?.shared.as_deref()
    }

    pub(crate) fn log_format(&self) -> LogFormat {
        self.settings.log_format
    }

    /// Formats the settings in force as a TOML file with the same effect. A comment after each
    /// value names its origin.
    ///
    /// # Errors
    /// TOML cannot hold a setting, such as a path that is not UTF-8.
    pub(crate) fn to_toml(&self) -> Result<String, ConfigError> {
        let from = match &self.file {
            Some(file) => format!("# from {}, environment and flags\n", file.shown()),
            None => "# no configuration file; from environment and flags\n".to_owned(),
        };
        let text = self.settings.to_table().and_then(|table| self.origins.annotate(&table));
        let text = text.map_err(|error| format!("writing the configuration as TOML: {error}"))?;
        Ok(from + &text)
    }

    /// Returns the settings of commands that read or send published runs.
    ///
    /// # Errors
    /// The first problem, in one line.
    pub(crate) fn readers(self) -> Result<Readers, ConfigError> {
        let domain = |name: &String| match name.parse() {
            Ok(SourceSpec::SageMaker(domain)) => Some(domain),
            _ => None,
        };
        let all_names = self.settings.all_names();
        Ok(Readers {
            published: self.settings.publish.destination()?,
            buckets: self.settings.publish.buckets()?,
            domains: all_names.iter().filter_map(domain).collect(),
            names: all_names.iter().filter_map(|name| name.parse().ok()).collect(),
            home_at: self.settings.home_at()?.map(Path::to_owned),
            file_systems: self.settings.file_systems,
            same_people: self.settings.same_people.into(),
            state: self.settings.state,
            state_dir: self.settings.state_dir,
            state_dir_shared: self.settings.state_dir_shared,
            patience: self.settings.patience.0,
        })
    }

    /// Returns the additional settings of `efs-scan remind`.
    ///
    /// # Errors
    /// The first wrong or missing setting, in one line.
    pub(crate) fn reminding(&self) -> Result<Reminding, ConfigError> {
        Ok(self.settings.remind.reminding()?)
    }
}

fn failed(error: clap::Error) -> ConfigError {
    ConfigError(one_line(&error))
}

/// The configuration of a command that reads or sends published runs.
#[derive(Debug)]
pub(crate) struct Readers {
    /// The destination that runs are published to, if one is configured.
    pub(crate) published: Option<Destination>,
    pub(crate) buckets: BucketOptions,
    /// The SageMaker Studio domains among the sources of names.
    pub(crate) domains: Vec<String>,
    /// The sources of names, in order.
    pub(crate) names: Vec<SourceSpec>,
    pub(crate) same_people: SamePeople,
    /// Where the state is kept.
    pub(crate) state: KeepIn,
    pub(crate) state_dir: PathBuf,
    /// True if others may write to the state directory.
    pub(crate) state_dir_shared: bool,
    /// Total time to wait for AWS if it does not answer.
    pub(crate) patience: Duration,
    /// The path at which people see their homes, if it is not the path below the root.
    pub(crate) home_at: Option<PathBuf>,
    /// The tables `[[file_system]]`, each of which may have another such path.
    file_systems: Vec<FileSystemSettings>,
}

impl Readers {
    /// Returns the path at which people see their homes on the file system of a run.
    pub(crate) fn home_at_of(&self, run: &Run) -> Option<&Path> {
        let root = run.printable_root();
        let identity = run.identity.as_ref();
        let name = identity.and_then(|identity| identity.name.as_ref());
        let names =
            [identity.map(|identity| identity.key.as_str()), name.map(|name| name.as_str())];
        let is_it = |table: &&FileSystemSettings| {
            let mut names = names.iter().flatten().copied().chain([root.as_str()]);
            names.any(|name| table.is_called(name))
        };
        let table = self.file_systems.iter().find(is_it);
        table.and_then(FileSystemSettings::home_at).or(self.home_at.as_deref())
    }

    /// Returns the destination to read from: the named one, or the configured one.
    ///
    /// # Errors
    /// There is neither, or the named one is not a destination.
    pub(crate) fn source(&self, named: Option<&str>) -> Result<Destination, ConfigError> {
        let place = match named {
            Some(text) => Some(text.parse()?),
            None => self.published.clone(),
        };
        let problem = "where are runs published? Give --from, or `to` under [publish]";
        place.ok_or_else(|| ConfigError(problem.to_owned()))
    }
}
