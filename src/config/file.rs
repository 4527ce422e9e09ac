//! Reading the configuration file.

use std::path::{Path, PathBuf};

/// The named file, which must exist, or the default one, which need not.
pub(super) fn read_file(
    named: Option<&Path>,
) -> Result<Option<(PathBuf, String)>, super::ConfigError> {
    let path = named.unwrap_or(Path::new(super::DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("reading the configuration {}: {error}", path.display()).into()),
    }
}

/// A TOML error as `line N: …`, without the excerpt of several lines.
pub(super) fn one_line(text: &str, error: &toml::de::Error) -> String {
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
