//! A line on stderr that says how far the walk is, when a person looks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::units::human;
use crate::usage::Ledger;

const INTERVAL: Duration = Duration::from_millis(200);

/// Shows progress until it is dropped.
pub(crate) struct Display {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts showing what the ledger knows.
    pub(crate) fn start(ledger: &Arc<Ledger>) -> Self {
        let ledger = Arc::clone(ledger);
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            let bar = ProgressBar::new_spinner();
            // The template has no placeholder that could be wrong.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}") {
                bar.set_style(style);
            }
            let started = Instant::now();
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                bar.set_message(message(&ledger, started.elapsed()));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        Self { end: Some(end), thread: Some(thread) }
    }
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
    format!("{entries} entries, {rate:.0}/s, {waiting} directories waiting, {}", human(bytes))
}
