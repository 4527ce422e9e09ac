//! Environment variables as a layer of their own, between the file and the flags.
//!
//! clap treats a variable like its flag, so that a flag conflicts with variables. Here each
//! variable is parsed as the value of its flag, on a separate command line.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

use super::{ConfigError, Settings};
use crate::log::LogFormat;

/// The variable with the path of the configuration file.
pub(super) const FILE: &str = "EFS_SCAN_CONFIG";

/// The variable with the text of a configuration file.
pub(super) const TEXT: &str = "EFS_SCAN_CONFIG_TOML";

/// Setting of every command.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// Form of the messages on stderr
    #[arg(long, global = true, value_enum, value_name = "FORM", env = "EFS_SCAN_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl LogArgs {
    /// The form set in the environment, for errors before the configuration is read.
    pub(crate) fn of_environment() -> LogFormat {
        let text = set("EFS_SCAN_LOG_FORMAT");
        match text.as_deref() == Some(OsStr::new("json")) {
            true => LogFormat::Json,
            false => LogFormat::Text,
        }
    }
}

/// The value of a variable; `None` if it is empty.
pub(super) fn set(name: impl AsRef<OsStr>) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The value of a variable as a path.
pub(super) fn path(name: &str) -> Option<PathBuf> {
    set(name).map(PathBuf::from)
}

/// A command that has each setting as a flag.
fn command() -> Command {
    LogArgs::augment_args(Settings::augment_args_for_update(Command::new("efs-scan")))
}

/// Stops clap from reading the environment, which has a layer of its own.
pub(crate) fn without_variables(command: Command) -> Command {
    command.mut_args(|arg| arg.env(Resettable::Reset)).mut_subcommands(without_variables)
}

/// Parses the variables of all settings.
///
/// # Errors
/// Names the variable.
pub(super) fn parse() -> Result<ArgMatches, ConfigError> {
    let command = command();
    let parser = without_variables(command.clone());
    let mut line = vec![OsString::from("efs-scan")];
    let mut root = None;
    for arg in command.get_arguments() {
        let Some((variable, value)) = arg.get_env().and_then(|name| Some((name, set(name)?)))
        else {
            continue;
        };
        let words = words(arg, &value);
        let alone = [&line[..1], &words].concat();
        if let Err(error) = parser.clone().try_get_matches_from(alone) {
            let variable = variable.to_string_lossy();
            return Err(format!("{variable}: {}", one_line(&error)).into());
        }
        match arg.is_positional() {
            true => root = Some(words),
            false => line.extend(words),
        }
    }
    line.extend(root.into_iter().flatten());
    parser.try_get_matches_from(line).map_err(|error| one_line(&error).into())
}

/// Converts a value to words of a command line.
fn words(arg: &Arg, value: &OsStr) -> Vec<OsString> {
    match arg.get_long() {
        Some(long) => {
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            vec![word]
        }
        None => vec!["--".into(), value.to_owned()],
    }
}

/// Formats the first paragraph of a clap error and its tip in one line, without the usage.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|end| text.find(end));
    let text = &text[..end.min().unwrap_or(text.len())];
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" tip: ", "; tip: ")
}

/// The settings in a layer, by key, each with its flag or variable.
pub(super) fn named(layer: &ArgMatches, by: By) -> BTreeMap<String, String> {
    let command = command();
    let given = command.get_arguments().filter(|arg| {
        let id = arg.get_id().as_str();
        // A flag of another command is not a setting.
        layer.try_contains_id(id).is_ok()
            && layer.value_source(id) == Some(ValueSource::CommandLine)
    });
    let name = |arg: &Arg| match (by, arg.get_env(), arg.get_long()) {
        (By::Variable, Some(variable), _) => variable.to_string_lossy().into_owned(),
        (_, _, Some(long)) => format!("--{long}"),
        (..) => arg.get_id().as_str().to_uppercase(),
    };
    given.map(|arg| (arg.get_id().to_string(), name(arg))).collect()
}

/// Kind of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Flag,
    Variable,
}

/// The flag of each setting that has one, by key.
pub(super) fn flags() -> BTreeMap<String, String> {
    let command = command();
    let flags = command.get_arguments().filter_map(|arg| {
        let flag = format!("--{}", arg.get_long()?);
        Some((arg.get_id().to_string(), flag))
    });
    flags.collect()
}
