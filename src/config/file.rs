//! Reads the configuration file.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{ConfigError, Settings, variables};
use crate::bounded::{self, Bound};
use crate::guard;
use crate::text::printable;

/// The configuration file if none is named.
const DEFAULT_FILE: &str = "/etc/efs-scan.toml";

/// Largest configuration: 200,000 lines of `[remind.addresses]` have 12 MiB.
const LARGEST: Bound = Bound::mib(16, "is this the configuration?");

/// A configuration file, or the variable that replaces it, and its text.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    /// The path, or the name of the variable.
    pub(super) name: String,
    pub(super) text: String,
    /// A warning, if others can write to the file.
    pub(super) shared: Option<String>,
}

impl ConfigFile {
    /// Reads the first of these that is given: the named file, the text in the environment, the
    /// file that the environment names, the default file. Only the default file may be missing.
    pub(super) fn read(named: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        if let (None, Some(text)) = (named, variables::set(variables::TEXT)) {
            let name = variables::TEXT.to_owned();
            let text = text.into_string().map_err(|_| format!("{name}: it is not UTF-8"))?;
            return Ok(Some(Self { name, text, shared: None }));
        }
        let named = named.map(Path::to_owned).or_else(|| variables::path(variables::FILE));
        let path = named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        match read(path) {
            // The configuration decides where this program writes and to whom it sends mail.
            Ok((_, Some(shared))) if guard::is_root() => Err(shared.into()),
            Ok((text, shared)) => Ok(Some(Self { name: path.display().to_string(), text, shared })),
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(format!("reading the configuration {}: {error}", path.display()).into())
            }
        }
    }

    /// The name for a comment, without line breaks.
    pub(super) fn shown(&self) -> String {
        printable(self.name.as_bytes())
    }
}

/// Returns a warning and its remedy if others can change the file or replace it.
fn shared(path: &Path, metadata: &Metadata) -> io::Result<Option<String>> {
    let name = path.display();
    // A device such as /dev/null has no contents that others can change.
    if !metadata.is_file() {
        return Ok(None);
    }
    if guard::others_may_write(metadata) {
        let mend = guard::mend(path);
        return Ok(Some(format!("others can write to the configuration {name}: {mend}")));
    }
    // The directory may be a person's home, so the warning has no command that revokes access to
    // it.
    Ok(guard::replaceable_by(path)?.map(|above| {
        let above = above.display();
        format!(
            "others can replace the configuration {name}, because they can write to {above}: move it \
             to a place that only root can write to, such as /etc"
        )
    }))
}

/// Reads a file, and returns the warning if it is [`shared`].
fn read(path: &Path) -> io::Result<(String, Option<String>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let text = String::from_utf8(bounded::read_file(&file, LARGEST)?).map_err(|_| {
        io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8")
    })?;
    Ok((text, shared(path, &metadata)?))
}

/// Parses a file. Without a file, all settings have their defaults.
pub(super) fn parse(file: Option<&ConfigFile>) -> Result<Settings, ConfigError> {
    let Some(ConfigFile { name, text, .. }) = file else { return parse_text("") };
    parse_text(text).map_err(|ConfigError(problem)| format!("{name}: {problem}").into())
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
