//! The request to end, from a signal or another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

use crate::exit::Exit;

/// Set from a signal handler or another thread, read by workers.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Asks for an end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True if an end was asked for.
    #[inline]
    pub fn is_set(&self) -> bool {
        // Relaxed: nothing is published through the flag, it need only be seen soon.
        self.0.load(Ordering::Relaxed)
    }
}

/// The first signal asks for an end, the second one ends at once.
pub(crate) fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let code = i32::from(Exit::Interrupted.code());
        signal_hook::flag::register_conditional_shutdown(signal, code, stop.flag())?;
        signal_hook::flag::register(signal, stop.flag())?;
    }
    Ok(())
}

/// Makes a write beyond the limit of file sizes (`ulimit -f`) fail with an error. By default the
/// signal that comes with it ends the process.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    // A handler is enough, and what it sets is of no use: the error names the file.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}
