//! Settings of a walk's pace.

use std::time::Duration;

use super::Settings;
use crate::scan::{Pacing, Threads};

/// Upper bound of the number of workers. A larger number is a typing error.
const MAX_WORKERS: usize = 4096;

/// Upper bound of the rate. A higher rate is below the resolution of a clock in nanoseconds.
const MAX_RATE: u32 = 10_000_000;

/// Upper bound of the latency, in milliseconds.
const MAX_LATENCY: f64 = 60_000.0;

impl Settings {
    pub(super) fn pacing(&self) -> Result<Pacing, String> {
        let &Self { threads, max_threads, max_ops, max_latency, .. } = self;
        let fits = |count: usize| (1..=MAX_WORKERS).contains(&count);
        if matches!(threads, Threads::Fixed(count) if !fits(count)) {
            return Err(format!("--threads must be `auto` or from 1 to {MAX_WORKERS}"));
        }
        if max_threads.is_some_and(|count| !fits(count)) {
            return Err(format!("--max-threads must be from 1 to {MAX_WORKERS}"));
        }
        if max_ops.is_some_and(|ops| !(1..=MAX_RATE).contains(&ops)) {
            return Err(format!("--max-ops must be from 1 to {MAX_RATE}"));
        }
        if max_latency.is_some_and(|ms| !(ms > 0.0 && ms <= MAX_LATENCY)) {
            return Err(format!("--max-latency must be more than 0 and at most {MAX_LATENCY}"));
        }
        let is_paced = max_ops.is_some() || max_latency.is_some();
        if is_paced && !self.engine.unwrap_or_default().can_hold_back() {
            return Err("--max-ops and --max-latency need --engine posix or nfs".to_owned());
        }
        let max_latency = max_latency.map(|ms| Duration::from_secs_f64(ms / 1000.0));
        Ok(Pacing { threads, max_threads, max_ops, max_latency })
    }
}
