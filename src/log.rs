//! What is said on stderr: one line of summary for cron, warnings, and more on request.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{CommonArgs, LogFormat};
use crate::text::printable;

/// The target of the summary line, which is said unless `--quiet`.
pub(crate) const SUMMARY: &str = "efs_scan::summary";

/// Says why there is no result, in one line whatever a name in it holds.
pub(crate) fn failure(format: LogFormat, problem: &str) {
    match format {
        LogFormat::Text => eprintln!("efs-scan: {}", printable(problem.as_bytes())),
        LogFormat::Json => {
            let time = jiff::Timestamp::now();
            let line = serde_json::json!({
                "timestamp": time, "level": "ERROR", "message": problem, "target": "efs_scan",
            });
            eprintln!("{line}");
        }
    }
}

/// Starts it.
pub(crate) fn init(common: &CommonArgs, format: LogFormat) {
    let (level, summary) = match (common.quiet, common.verbose) {
        (true, _) => (LevelFilter::ERROR, LevelFilter::ERROR),
        (_, 0) => (LevelFilter::WARN, LevelFilter::INFO),
        (_, 1) => (LevelFilter::INFO, LevelFilter::INFO),
        _ => (LevelFilter::DEBUG, LevelFilter::INFO),
    };
    // Libraries have their say only when it is asked for: what matters of it is in our errors.
    let others = if common.verbose > 0 { level } else { LevelFilter::OFF };
    let targets = Targets::new().with_default(others).with_target("efs_scan", level);
    let targets = targets.with_target(SUMMARY, summary);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            layer.without_time().with_target(false).with_ansi(ansi).boxed()
        }
    };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}
