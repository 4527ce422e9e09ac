//! One rayon task per directory: the least code, at the price of a boxed task and a search by idle
//! threads for each.

use std::sync::{Mutex, PoisonError};

use rayon::{Scope, ThreadPoolBuilder};

use super::Plan;
use crate::walk::{Dir, Reader, Sums};

/// State of a thread between tasks. Only its own thread locks it, so nothing ever waits for the
/// lock; it exists because a task cannot own what outlives it.
struct Slot {
    reader: Reader,
    children: Vec<Dir>,
}

pub(super) fn walk(root: Dir, plan: &Plan) -> anyhow::Result<Sums> {
    let threads = plan.threads.get();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let slots: Vec<_> = (0..threads)
        .map(|_| Mutex::new(Slot { reader: plan.reader(), children: Vec::new() }))
        .collect();
    pool.scope(|scope| visit(scope, root, &slots));
    let mut sums = Sums::default();
    for slot in slots {
        sums += slot.into_inner().unwrap_or_else(PoisonError::into_inner).reader.sums();
    }
    Ok(sums)
}

fn visit<'scope>(scope: &Scope<'scope>, dir: Dir, slots: &'scope [Mutex<Slot>]) {
    let index = rayon::current_thread_index().unwrap_or_default();
    // `spawn` only queues, it never runs a task here, so the lock is not taken twice.
    let mut slot = slots[index].lock().unwrap_or_else(PoisonError::into_inner);
    let Slot { reader, children } = &mut *slot;
    reader.visit(&dir, children);
    for child in children.drain(..) {
        scope.spawn(move |scope| visit(scope, child, slots));
    }
}
