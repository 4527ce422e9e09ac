//! Requests to end, from a signal or another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

use crate::exit::Exit;

/// Flag that a signal handler or another thread sets and workers read.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Returns the flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Requests the end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True if the end was requested.
    #[inline]
    pub fn is_set(&self) -> bool {
        // Relaxed: no other data is published through the flag, and a short delay does no harm.
        self.0.load(Ordering::Relaxed)
    }
}

/// Requests the end at the first signal and ends the process at the second.
pub(crate) fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let code = i32::from(Exit::Interrupted.code());
        signal_hook::flag::register_conditional_shutdown(signal, code, stop.flag())?;
        signal_hook::flag::register(signal, stop.flag())?;
    }
    Ok(())
}

/// Makes a write beyond the file size limit (`ulimit -f`) fail with an error. By default, SIGXFSZ
/// ends the process.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    // Any handler is enough. Nothing reads the flag it sets, because the error names the file.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}
