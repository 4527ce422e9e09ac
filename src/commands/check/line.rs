//! The lines of a check, and their two forms.

use serde::Serialize;

use crate::exit::Failure;
use crate::output::Output;
use crate::text::Shown;

/// Result of a check. The worst result decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It works.
    Ok,
    /// A run would lack something, or cost more than necessary.
    Warn,
    /// A run would not do what is configured.
    Fail,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A line with the name of a check, its result, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    check: &'static str,
    level: Level,
    text: String,
}

impl Line {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, text: text.into() }
    }

    pub(super) fn warn(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, text: text.into() }
    }

    pub(super) fn fail(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, text: text.into() }
    }
}

/// All lines as JSON.
#[derive(Debug, Serialize)]
struct Checks<'a> {
    schema: &'a str,
    worst: Level,
    checks: &'a [Line],
}

/// Prints each line at once, or all of them as JSON at the end.
#[derive(Debug)]
pub(super) struct Lines {
    json: bool,
    lines: Vec<Line>,
}

impl Lines {
    pub(super) fn new(json: bool) -> Self {
        Self { json, lines: Vec::new() }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The line cannot be printed.
    pub(super) fn push(&mut self, line: Line) -> Result<(), Failure> {
        if !self.json {
            let text = format!("{:<5}{:<15}{}", line.level.name(), line.check, line.text);
            Output::Stdout.show(&Shown::line(&text).ended()).map_err(Failure::fatal)?;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Adds lines.
    ///
    /// # Errors
    /// A line cannot be printed.
    pub(super) fn all(&mut self, lines: impl IntoIterator<Item = Line>) -> Result<(), Failure> {
        lines.into_iter().try_for_each(|line| self.push(line))
    }

    /// Ends the list and returns the worst result.
    ///
    /// # Errors
    /// The list cannot be printed.
    pub(super) fn end(self) -> Result<Level, Failure> {
        let worst = self.lines.iter().map(|line| line.level).max().unwrap_or(Level::Ok);
        if self.json {
            let checks = Checks { schema: "efs-scan/check/1", worst, checks: &self.lines };
            let json = serde_json::to_string_pretty(&checks).map_err(Failure::fatal)?;
            Output::Stdout.show(&Shown::json(&json).ended()).map_err(Failure::fatal)?;
        }
        Ok(worst)
    }
}
