//! Three ways to spread directory reads over threads, behind one call. Measurements decide which of
//! them the real walker uses.

mod deque;
mod rayon;
mod stack;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::walk::{Dir, Reader, Sums};

/// The way directories get to threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheduler {
    /// One shared last-in-first-out stack; rayon's threads carry as many workers as there is work.
    Stack,
    /// One rayon task per directory.
    Rayon,
    /// A deque per worker; idle workers steal from busy ones (crossbeam-deque).
    Deque,
}

/// Settings of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub threads: NonZeroUsize,
    pub scheduler: Scheduler,
    /// Duration of a simulated round trip; zero for none.
    pub delay: Duration,
}

impl Plan {
    fn reader(&self) -> Reader {
        Reader::new(self.delay)
    }
}

/// Walks everything below `root` and returns the sums, which are the same for every plan.
///
/// # Errors
/// If the root cannot be opened, or the threads cannot be started. Failures below the root are
/// counted in [`Sums::errors`].
pub fn walk(root: &Path, plan: &Plan) -> anyhow::Result<Sums> {
    let top = Dir::root(root).with_context(|| format!("open {}", root.display()))?;
    let mut reader = plan.reader();
    reader.count_root(&top);
    let mut sums = reader.sums();
    sums += match plan.scheduler {
        Scheduler::Stack => stack::walk(top, plan)?,
        Scheduler::Rayon => rayon::walk(top, plan)?,
        Scheduler::Deque => deque::walk(top, plan),
    };
    Ok(sums)
}
