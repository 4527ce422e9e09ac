//! A line on stderr that says how far the walk is, when a person looks.
//!
//! Percent and time left are there when an earlier run of the same root tells how much there is to
//! see; otherwise there is no end to show, and none is made up.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::units::human;
use crate::usage::Ledger;

const INTERVAL: Duration = Duration::from_millis(200);

const OPEN: &str = "{spinner} {elapsed_precise}  {wide_msg}";

const WITH_END: &str =
    "{spinner} {elapsed_precise} {bar:12} {percent:>2} %, {eta} left  {wide_msg}";

/// Shows progress until it is dropped.
pub(crate) struct Display {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts showing what the ledger knows. `expected` is how many inodes there are; it may take
    /// its time to find that out, as nobody waits for it.
    pub(crate) fn start(
        ledger: &Arc<Ledger>,
        expected: impl FnOnce() -> Option<u64> + Send + 'static,
    ) -> Self {
        let ledger = Arc::clone(ledger);
        let (end, ended) = channel();
        let known = Arc::new(OnceLock::new());
        let its_known = Arc::clone(&known);
        // Without a thread for it there is no bar, or one without an end.
        let _ = Builder::new().spawn(move || its_known.set(expected()));
        let thread = Builder::new().spawn(move || {
            let bar = ProgressBar::new_spinner();
            bar.set_style(style(OPEN));
            let started = Instant::now();
            let mut shows_end = false;
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let entries = ledger.progress.entries.load(Ordering::Relaxed);
                let expected = known.get().copied().flatten();
                // Where there is more than there was, nobody knows how much more; and before the
                // first entries nobody knows how fast they come.
                let total = expected.filter(|expected| (1..*expected).contains(&entries));
                if shows_end != total.is_some() {
                    shows_end = total.is_some();
                    bar.set_style(style(if shows_end { WITH_END } else { OPEN }));
                }
                if let Some(total) = total {
                    bar.set_length(total);
                    // The walk has not ended: 99.6 % is not 100.
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

fn style(template: &str) -> ProgressStyle {
    // The templates have no placeholder that could be wrong.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // It only draws; if that panicked, the scan does not care.
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
    // What matters least comes last: the line is cut where the terminal ends.
    format!("{entries} entries, {}, {rate:.0}/s, {waiting} directories waiting", human(bytes))
}
