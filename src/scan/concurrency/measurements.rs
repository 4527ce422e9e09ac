//! Measurements that the controller judges by.

use std::time::Duration;

/// Measurements since the walk began.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::scan) struct Measurements {
    pub(in crate::scan) now: Duration,
    /// Round trips that a worker waited for.
    pub(in crate::scan) trips: u64,
    /// The sum of these waits.
    pub(in crate::scan) waited: Duration,
    /// Processor time of the process.
    pub(in crate::scan) cpu: Duration,
    /// Number of times a thread of the process waited for something other than the processor.
    pub(in crate::scan) waits: u64,
    /// True if all workers are busy and more work waits.
    pub(in crate::scan) backlog: bool,
    /// True if workers waited for `--max-ops`.
    pub(in crate::scan) held_back: bool,
}

/// Load of the walk on the processors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Share of all processors, up to 1.
    pub(super) share: f64,
    /// True if more workers would only queue for the processors.
    pub(super) busy: bool,
}

impl Load {
    /// Returns the factor by which the number of workers may grow at once.
    pub(super) fn room(self) -> f64 {
        if 4.0 * self.share < 0.5 { 4.0 } else { (0.8 / self.share).clamp(1.0, 2.0) }
    }
}

/// A number of workers, and the mean round trip with it in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperatingPoint {
    pub(super) workers: usize,
    pub(super) latency: f64,
}

impl OperatingPoint {
    pub(super) fn throughput(self) -> f64 {
        self.workers as f64 / self.latency
    }

    /// Returns the same number of workers with at least this throughput, so that several steps down are
    /// compared with the number of workers before the first.
    pub(super) fn at_least(self, throughput: f64) -> Self {
        Self { latency: self.latency.min(self.workers as f64 / throughput), ..self }
    }

    /// Returns the part of the added workers that shows as throughput.
    pub(super) fn gain(self, before: Self) -> f64 {
        let change = self.workers as f64 / before.workers as f64;
        (self.throughput() / before.throughput() - 1.0) / (change - 1.0)
    }
}
