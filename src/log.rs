//! Messages on stderr: the summary line for cron, warnings and errors, and more on request.
//!
//! `log::warn!` and the other macros are the only way to the log: `tests/commands/arrows.rs` checks
//! that no other file uses `tracing`. Each macro takes figures and a text. Values formatted into
//! the text become [`Shown`] before they are logged:

use std::io::{self, Write};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::terminal::{self, Terminal};
use crate::text::Shown;

/// The target of the summary line, which is logged unless `--quiet`.
pub(crate) const SUMMARY: &str = "efs_scan::summary";

/// Logs one event: figures, then a text and the values formatted into it.
macro_rules! event {
    ($level:ident [$($target:tt)*] $($name:ident = $figure:expr,)* $text:literal $($values:tt)*) => {
        tracing::$level!(
            $($target)*
            $($name = $crate::log::figure($figure),)*
            "{}", $crate::text::Shown::line(&format!($text $($values)*))
        )
    };
}
macro_rules! error { ($($event:tt)+) => { $crate::log::event!(error [] $($event)+) } }
macro_rules! warning { ($($event:tt)+) => { $crate::log::event!(warn [] $($event)+) } }
macro_rules! info { ($($event:tt)+) => { $crate::log::event!(info [] $($event)+) } }
macro_rules! debug { ($($event:tt)+) => { $crate::log::event!(debug [] $($event)+) } }
/// Logs the summary line of the run.
macro_rules! summary {
    ($($event:tt)+) => { $crate::log::event!(info [target: $crate::log::SUMMARY,] $($event)+) };
}
// `warn` is the name of a built-in attribute, too.
pub(crate) use {debug, error, event, info, summary, warning as warn};

/// Types that a field of an event may have: none of them can hold text from outside.
pub(crate) trait Figure {}
impl Figure for f64 {}
impl Figure for u64 {}
impl Figure for usize {}
impl Figure for &'static str {}
impl<T: Figure> Figure for Option<T> {}

pub(crate) fn figure<T: Figure>(value: T) -> T {
    value
}

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

/// Amount of logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Warnings and the summary line as well.
    Normal,
    /// Progress in words and the messages of libraries as well.
    Verbose,
    /// Everything.
    Debug,
}

/// Logs the reason that there is no result, in one line even if a name in it has newlines.
pub(crate) fn failure(format: LogFormat, problem: &str) {
    let line = match format {
        LogFormat::Text => Shown::line(&format!("efs-scan: {problem}")),
        LogFormat::Json => {
            let time = jiff::Timestamp::now();
            let line = serde_json::json!({
                "timestamp": time, "level": "ERROR", "message": problem, "target": "efs_scan",
            });
            Shown::json(&line.to_string())
        }
    };
    // The exit code reports the failure even if this line is lost.
    let _ = put(&mut io::stderr(), line);
}

/// Writes a line. Nothing else writes messages to stderr.
fn put(to: &mut impl Write, line: Shown) -> io::Result<()> {
    // `eprintln!` panics if stderr is full or closed.
    to.write_all(line.ended().as_bytes())
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
    let terminal = terminal::stderr();
    let layer = layer(format, move || Lines { format, terminal, to: io::stderr() });
    // A process that starts logging twice (a test) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// Returns the layer that formats events as lines.
fn layer<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    // A line that cannot be written is lost: an error message on the same stderr would panic.
    let layer = layer.log_internal_errors(false);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        // The layer's own colours cannot be distinguished from escapes in a text, some of which it
        // passes on.
        LogFormat::Text => layer.without_time().with_target(false).with_ansi(false).boxed(),
    }
}

/// Colours the level of a text line as usual.
fn coloured(line: &str) -> Shown {
    // The subscriber pads levels to five letters.
    let (level, rest) = line.split_at_checked(5).unwrap_or_default();
    let colour = match level.trim_start() {
        "ERROR" => 31,
        "WARN" => 33,
        "INFO" => 32,
        "DEBUG" => 34,
        "TRACE" => 35,
        _ => return Shown::line(line),
    };
    Shown::coloured(colour, level, rest)
}

/// Standard error, written in whole lines. Libraries may put text from outside into a line
/// unescaped, so this writer escapes everything that would end the line or control the terminal.
struct Lines<W> {
    format: LogFormat,
    terminal: Terminal,
    to: W,
}

impl<W: Write> Write for Lines<W> {
    /// Takes one line per call, which is how the subscriber writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let shown = match (self.format, self.terminal) {
            (LogFormat::Json, _) => Shown::json(text),
            (LogFormat::Text, Terminal::Ansi) => coloured(text),
            (LogFormat::Text, Terminal::Plain | Terminal::Lines) => Shown::line(text),
        };
        put(&mut self.to, shown)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::text::is_raw;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Caused(String, Option<Box<Caused>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl std::error::Error for Caused {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    /// Logs `text` in every way in which text can get into an event, ours first, and returns the
    /// lines.
    fn logged(format: LogFormat, terminal: Terminal, text: &str) -> String {
        let buffer = Buffer::default();
        let to = buffer.clone();
        let layer = layer(format, move || Lines { format, terminal, to: to.clone() });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            crate::log::warn!(figure = 1_u64, "{text} {}", text);
            let cause = Caused(text.to_owned(), None);
            let error = Caused(text.to_owned(), Some(Box::new(cause)));
            let _span = tracing::warn_span!("span", text, shown = %text, debug = ?text).entered();
            tracing::warn!(text, "a field");
            tracing::warn!(shown = %text, "a field");
            tracing::warn!(debug = ?text, "a field");
            tracing::warn!(error = &error as &dyn std::error::Error, chain = %error, "an error");
            tracing::warn!("{text}");
        });
        String::from_utf8(std::mem::take(&mut *buffer.0.lock().expect("no panic"))).expect("text")
    }

    fn hostile() -> impl Strategy<Value = String> {
        const BAD: &[&str] = &[
            "\x1b[31m",
            "\x1b[2J",
            "\u{9b}31m",
            "\n",
            "\r",
            "\u{202e}",
            "\u{2066}",
            "\u{e0041}",
            "\u{34f}",
            "\u{2028}",
            "\u{0}",
            "\u{85}",
            "\u{fe0f}",
            "\n\x1b[33m WARN\x1b[0m all is well",
            "\"}\n{\"level\":\"INFO\"",
            "\\",
            "\u{1d173}",
        ];
        let part =
            prop_oneof![proptest::sample::select(BAD).prop_map(str::to_owned), any::<String>()];
        proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_ends_a_line_or_controls_the_terminal(text in hostile()) {
            let lines = logged(LogFormat::Text, Terminal::Plain, &text);
            prop_assert_eq!(lines.lines().count(), 6);
            prop_assert!(lines.lines().all(is_raw), "{:?}", lines);

            let coloured = logged(LogFormat::Text, Terminal::Ansi, &text);
            prop_assert_eq!(coloured.lines().count(), 6);
            for (line, plain) in coloured.lines().zip(lines.lines()) {
                let (level, rest) = plain.split_at(5);
                prop_assert_eq!(line, format!("\x1b[33m{level}\x1b[0m{rest}"));
            }

            let json = logged(LogFormat::Json, Terminal::Plain, &text);
            prop_assert_eq!(json.lines().count(), 6);
            for line in json.lines() {
                prop_assert!(is_raw(line), "{:?}", line);
                let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
                prop_assert_eq!(&event["level"], "WARN");
            }
        }
    }
}
