//! Reading the configuration file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{ConfigError, Settings};

/// The configuration file, if no other is named.
const DEFAULT_FILE: &str = "/etc/efs-scan.toml";

/// A configuration file and its text.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl ConfigFile {
    /// Reads the named file, which must exist, or the default one, which need not.
    pub(super) fn read(named: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Self { path, text })),
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(format!("reading the configuration {}: {error}", path.display()).into())
            }
        }
    }
}

/// Parses a file. Without one, all settings have their defaults.
pub(super) fn parse(file: Option<&ConfigFile>) -> Result<Settings, ConfigError> {
    let Some(ConfigFile { path, text }) = file else { return parse_text("") };
    parse_text(text).map_err(|ConfigError(problem)| format!("{}: {problem}", path.display()).into())
}

fn parse_text(text: &str) -> Result<Settings, ConfigError> {
    toml::from_str(text).map_err(|error| one_line(text, &error).into())
}

/// Renders a TOML error as `line N: …`, without the excerpt of several lines.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span() {
        Some(span) => {
            let before = &text.as_bytes()[..span.start.min(text.len())];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            format!("line {line}: {message}")
        }
        None => message,
    }
}
