//! The progress line on a terminal.
//!
//! It shows percent and time left only if an earlier run of the same root gives the number of
//! inodes.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::{self, Terminal};
use crate::units::human;
use crate::usage::Ledger;

const INTERVAL: Duration = Duration::from_millis(200);

/// The longest line without escapes, which fits the narrowest usual terminal.
const PLAIN_WIDTH: usize = 79;

const OPEN: &str = "{spinner} {elapsed_precise}  {wide_msg}";

const WITH_END: &str =
    "{spinner} {elapsed_precise} {bar:12} {percent:>2} %, {eta} left  {wide_msg}";

/// Shows progress until it is dropped.
pub(crate) struct Display {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts showing the ledger's progress. `expected` returns the expected number of inodes. It
    /// runs in its own thread and may take long.
    pub(crate) fn start(
        ledger: &Arc<Ledger>,
        expected: impl FnOnce() -> Option<u64> + Send + 'static,
    ) -> Self {
        let ledger = Arc::clone(ledger);
        let (end, ended) = channel();
        let known = Arc::new(OnceLock::new());
        let its_known = Arc::clone(&known);
        // If the first thread cannot be started, no total is shown; if the second cannot, no line.
        let _ = Builder::new().spawn(move || its_known.set(expected()));
        let thread = Builder::new().spawn(move || {
            let started = Instant::now();
            match terminal::stderr() {
                Terminal::Ansi => {}
                Terminal::Plain => return plain(&ledger, started, &ended),
                Terminal::Lines => return,
            }
            let bar = ProgressBar::new_spinner();
            bar.set_style(style(OPEN));
            let mut shows_end = false;
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let entries = ledger.progress.entries.load(Ordering::Relaxed);
                let expected = known.get().copied().flatten();
                // No total is shown before the first entries, or once there are more of them than
                // in the earlier run.
                let total = expected.filter(|expected| (1..*expected).contains(&entries));
                if shows_end != total.is_some() {
                    shows_end = total.is_some();
                    bar.set_style(style(if shows_end { WITH_END } else { OPEN }));
                }
                if let Some(total) = total {
                    bar.set_length(total);
                    // The walk has not ended, so 99.6 % must not be shown as 100 %.
                    bar.set_position(entries.min(total - total.div_ceil(100)));
                }
                bar.set_message(message(&ledger, started.elapsed()));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        Self { end: Some(end), thread: thread.ok() }
    }
}

/// Shows progress without escapes: each line overwrites the one before.
fn plain(ledger: &Ledger, started: Instant, ended: &Receiver<()>) {
    let mut width = 0;
    let mut show = |line: &str| {
        // An error in showing progress does not affect the scan.
        let _ = write!(io::stderr(), "\r{line:width$}");
        width = line.len();
    };
    while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let mut line = message(ledger, started.elapsed());
        // A wrapped line could not be overwritten.
        line.truncate(PLAIN_WIDTH);
        show(&line);
    }
    show("");
    show("");
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants and valid.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // A panic while drawing does not affect the scan.
            let _ = thread.join();
        }
    }
}

fn message(ledger: &Ledger, elapsed: Duration) -> String {
    // Relaxed: for display only.
    let progress = &ledger.progress;
    let entries = progress.entries.load(Ordering::Relaxed);
    let waiting = progress.waiting.load(Ordering::Relaxed);
    let bytes = progress.bytes.load(Ordering::Relaxed);
    let rate = entries as f64 / elapsed.as_secs_f64().max(0.001);
    // The least important part comes last, because the line is cut to the terminal's width.
    format!("{entries} entries, {}, {rate:.0}/s, {waiting} directories waiting", human(bytes))
}
