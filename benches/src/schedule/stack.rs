//! Elastic workers over one shared stack.
//!
//! A directory takes tens of microseconds to read and one short critical section to hand over, so a
//! single lock is far from contended, and it keeps the reasoning in one place. Workers end when the
//! stack is empty instead of waiting, so no wake-ups are needed, and rayon's scope returns when the
//! last worker has ended.
//!
//! Invariant, whenever the lock is free: `dirs.len() <= coming` or `active == limit`, that is,
//! every directory on the stack has a worker on its way to it, or no more workers are allowed. A
//! worker that pushes keeps one directory for itself and starts a worker for each of the others
//! that has none coming, up to the limit; a worker leaves only when it sees the stack empty under
//! the same lock. So no directory is left behind, and none waits while a worker could be started.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::{Scope, ThreadPoolBuilder};

use super::Plan;
use crate::walk::{Dir, Sums};

struct State {
    dirs: Vec<Dir>,
    /// Workers that were started and have not ended, running or not.
    active: usize,
    /// Active workers that have not yet taken their first directory.
    coming: usize,
    sums: Sums,
}

struct Shared {
    state: Mutex<State>,
    limit: usize,
    plan: Plan,
}

impl Shared {
    /// No code that can panic runs under the lock, so a poisoned state is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn walk(root: Dir, plan: &Plan) -> anyhow::Result<Sums> {
    let limit = plan.threads.get();
    let pool = ThreadPoolBuilder::new().num_threads(limit).build()?;
    let shared = Shared {
        state: Mutex::new(State { dirs: vec![root], active: 1, coming: 1, sums: Sums::default() }),
        limit,
        plan: *plan,
    };
    pool.scope(|scope| work(scope, &shared));
    let sums = shared.lock().sums;
    Ok(sums)
}

fn work<'scope>(scope: &Scope<'scope>, shared: &'scope Shared) {
    let mut reader = shared.plan.reader();
    let mut children = Vec::new();
    let mut state = shared.lock();
    state.coming -= 1;
    loop {
        state.dirs.append(&mut children);
        let Some(dir) = state.dirs.pop() else {
            state.active -= 1;
            state.sums += reader.sums();
            return;
        };
        let start = state.dirs.len().saturating_sub(state.coming).min(shared.limit - state.active);
        state.active += start;
        state.coming += start;
        drop(state);
        for _ in 0..start {
            scope.spawn(|scope| work(scope, shared));
        }
        reader.visit(&dir, &mut children);
        state = shared.lock();
    }
}
