//! Messages on stderr: the summary line for cron, warnings and errors, and more on request.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::terminal::{self, Terminal};
use crate::text::{Shown, printable};

/// The target of the summary line, which is logged unless `--quiet`.
pub(crate) const SUMMARY: &str = "efs_scan::summary";

/// Form of the messages on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object each, for log collectors
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Warnings and the summary line, too.
    Normal,
    /// Progress in words, too, and what libraries report.
    Verbose,
    /// Everything.
    Debug,
}

/// Logs why there is no result, in one line whatever a name in it holds.
pub(crate) fn failure(format: LogFormat, problem: &str) {
    let line = match format {
        LogFormat::Text => Shown::line(&format!("efs-scan: {}", printable(problem.as_bytes()))),
        LogFormat::Json => {
            let time = jiff::Timestamp::now();
            let line = serde_json::json!({
                "timestamp": time, "level": "ERROR", "message": problem, "target": "efs_scan",
            });
            Shown::json(&line.to_string())
        }
    };
    // The exit code says it, too.
    let _ = put(line);
}

/// Writes a line. Nothing else writes messages to stderr.
fn put(line: Shown) -> io::Result<()> {
    // `eprintln!` panics where stderr is full or nobody reads it.
    io::stderr().write_all(line.ended().as_bytes())
}

/// Starts logging.
pub(crate) fn init(verbosity: Verbosity, format: LogFormat) {
    // Libraries log only on request: our errors repeat what matters of their messages.
    let (ours, summary, libraries) = match verbosity {
        Verbosity::Quiet => (LevelFilter::ERROR, LevelFilter::ERROR, LevelFilter::OFF),
        Verbosity::Normal => (LevelFilter::WARN, LevelFilter::INFO, LevelFilter::OFF),
        Verbosity::Verbose => (LevelFilter::INFO, LevelFilter::INFO, LevelFilter::INFO),
        Verbosity::Debug => (LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::DEBUG),
    };
    let targets = Targets::new().with_default(libraries).with_target("efs_scan", ours);
    let targets = targets.with_target(SUMMARY, summary);
    let layer = tracing_subscriber::fmt::layer().with_writer(move || Lines(format));
    // A line that cannot be written is lost: saying so on the same stderr would panic.
    let layer = layer.log_internal_errors(false);
    let layer = match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text => {
            let ansi = terminal::stderr() == Terminal::Ansi;
            layer.without_time().with_target(false).with_ansi(ansi).boxed()
        }
    };
    // A process that starts logging twice (a test) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// Standard error, for whole lines. What comes from outside (a name, an answer of AWS) may have got
/// into one as it is: nothing in it ends the line, or does more to a terminal than to show.
struct Lines(LogFormat);

impl Write for Lines {
    /// Takes one line: that is how the subscriber writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        put(match self.0 {
            LogFormat::Json => Shown::json(text),
            // The subscriber escapes colours in what it did not write itself.
            LogFormat::Text => Shown::coloured(text),
        })?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
