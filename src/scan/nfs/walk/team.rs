//! Distribution of work among several event loops.
//!
//! Each loop has its own queue, which its thread uses without a lock. Spare tasks are in a pool
//! under a lock:
//!
//! ```text
//! loop 0   queue: 500, loop 1 is hungry -> gives its oldest 250, wakes loop 1
//! loop 1   queue: empty -> hungry        -> takes 250
//! loop 2   all connections lost          -> gives everything back
//! ```
//!
//! The oldest directories of a queue are closest to the root, so the most work is below them.
//!
//! Invariant: a loop that has a task, queued or in flight, is active, and only active loops add
//! tasks to the pool. A loop without tasks becomes inactive under the pool's lock. So if no loop is
//! active and the pool is empty, everything has been read.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mio::Waker;

use super::{CROWDED, NfsWalk, QueuedTask, ReadTask};
use crate::sync::lock;

/// Shortest queue of a loop that gives tasks away. Fewer directories are not worth waking another
/// loop.
const GIVE_FROM: usize = 16;

/// Largest number of tasks to take at once.
const MOST_TAKEN: usize = 256;

/// The work that the loops of a walk share.
#[derive(Debug)]
pub(in super::super) struct Team {
    pool: Mutex<Pool>,
    /// Number of tasks in the pool, readable without the lock.
    pooled: AtomicUsize,
    /// Number of loops with an empty queue and a usable session.
    hungry: AtomicUsize,
    /// True if a directory vanished after its parent was listed.
    saw_vanished: AtomicBool,
    begun: Instant,
    /// Time of the last successful request of any loop, in milliseconds since `begun`.
    last_reply: AtomicU64,
}

#[derive(Debug, Default)]
struct Pool {
    tasks: Vec<QueuedTask>,
    /// Number of loops that may have tasks.
    active: usize,
    wakers: Vec<Arc<Waker>>,
}

impl Team {
    /// Creates a team without members.
    pub(in super::super) fn new() -> Self {
        Self {
            pool: Mutex::default(),
            pooled: AtomicUsize::new(0),
            hungry: AtomicUsize::new(0),
            saw_vanished: AtomicBool::new(false),
            begun: Instant::now(),
            last_reply: AtomicU64::new(0),
        }
    }

    /// Records a reply.
    pub(in super::super) fn note_reply(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun).as_millis();
        // Relaxed: no other data depends on it.
        self.last_reply.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the time since the last reply to any loop.
    pub(in super::super) fn silence(&self, now: Instant) -> Duration {
        let last = Duration::from_millis(self.last_reply.load(Ordering::Relaxed));
        now.saturating_duration_since(self.begun).saturating_sub(last)
    }

    fn give(&self, tasks: impl IntoIterator<Item = QueuedTask>) {
        let mut pool = lock(&self.pool);
        pool.tasks.extend(tasks);
        // Relaxed: this is a hint; the lock orders the tasks.
        self.pooled.store(pool.tasks.len(), Ordering::Relaxed);
        wake(&pool);
    }

    /// Takes tasks for a loop, and makes it active. `is_active` is its state.
    fn take(&self, most: usize, is_active: &mut bool) -> Vec<QueuedTask> {
        if self.pooled.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut pool = lock(&self.pool);
        let share = pool.tasks.len().div_ceil(2).min(most);
        let left = pool.tasks.len() - share;
        let tasks = pool.tasks.split_off(left);
        self.pooled.store(left, Ordering::Relaxed);
        if !tasks.is_empty() && !std::mem::replace(is_active, true) {
            pool.active += 1;
        }
        tasks
    }

    /// Takes everything from the pool.
    fn take_all(&self, is_active: &mut bool) -> Vec<QueuedTask> {
        let mut all = Vec::new();
        loop {
            let some = self.take(usize::MAX, is_active);
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// Makes a loop without tasks inactive. Returns true if everything has been read.
    fn rest(&self, is_active: &mut bool) -> bool {
        let mut pool = lock(&self.pool);
        if std::mem::replace(is_active, false) {
            pool.active -= 1;
            wake_if_done(&pool);
        }
        pool.active == 0 && pool.tasks.is_empty()
    }
}

fn wake_if_done(pool: &Pool) {
    if pool.active == 0 && pool.tasks.is_empty() {
        wake(pool);
    }
}

fn wake(pool: &Pool) {
    for waker in &pool.wakers {
        // A loop that is not woken checks the pool within 50 ms.
        let _ = waker.wake();
    }
}

/// A loop's membership of its team. It ends with the loop, even by a panic, so that the others do
/// not wait for it.
#[derive(Debug)]
pub(super) struct Member {
    team: Arc<Team>,
    is_active: bool,
    is_hungry: bool,
}

impl Member {
    fn set_hungry(&mut self, hungry: bool) {
        // Relaxed: this is a hint to the others.
        match (std::mem::replace(&mut self.is_hungry, hungry), hungry) {
            (false, true) => self.team.hungry.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.team.hungry.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.set_hungry(false);
        self.team.rest(&mut self.is_active);
    }
}

impl NfsWalk {
    /// Reduces the length of a long queue to the part of one of `loops` loops.
    pub(in super::super) fn split_queue(&mut self, loops: usize) {
        self.crowded = CROWDED / loops;
    }

    /// Makes the walk an active member of a team, which wakes the loop with `waker`.
    pub(in super::super) fn join(&mut self, team: &Arc<Team>, waker: Arc<Waker>) {
        let team = Arc::clone(team);
        let mut pool = lock(&team.pool);
        pool.active += 1;
        pool.wakers.push(waker);
        drop(pool);
        self.member = Some(Member { team, is_active: true, is_hungry: false });
    }

    /// Returns the team, if the walk has one.
    pub(in super::super) fn team(&self) -> Option<&Team> {
        self.member.as_ref().map(|member| &*member.team)
    }

    /// Gives directories to hungry loops, or takes tasks. A loop without a session (`has_session`)
    /// gives away everything that it has not begun.
    pub(in super::super) fn share_tasks(&mut self, has_session: bool) {
        let queued = self.queued();
        let Some(member) = &mut self.member else { return };
        member.set_hungry(has_session && queued == 0);
        if has_session && queued == 0 {
            let taken = member.team.take(MOST_TAKEN, &mut member.is_active);
            member.set_hungry(taken.is_empty());
            self.ready.extend(taken);
            return;
        }
        // Relaxed: this is a hint.
        let wanted = queued >= GIVE_FROM && member.team.hungry.load(Ordering::Relaxed) > 0;
        let keep = match has_session {
            true if !wanted => return,
            true => self.ready.len() / 2,
            false => 0,
        };
        let newest = self.ready.split_off(self.ready.len() - keep);
        let oldest = std::mem::replace(&mut self.ready, newest);
        // A listing that has begun stays with its partition, whose number only this loop knows.
        let is_new = |task: &QueuedTask| matches!(task, QueuedTask::New(..));
        let (new, begun): (Vec<_>, Vec<_>) = oldest.into_iter().partition(is_new);
        self.ready.splice(0..0, begun);
        if !new.is_empty() {
            member.team.give(new);
        }
    }

    /// Gives everything that is not in flight to the other loops.
    pub(in super::super) fn give_all(&mut self) {
        let mut tasks = std::mem::take(&mut self.ready);
        let deferred = std::mem::take(&mut self.deferred).into_iter();
        let delayed = std::mem::take(&mut self.delayed).into_values();
        let begun = deferred.chain(self.bound.take()).chain(delayed);
        tasks.extend(begun.map(QueuedTask::Begun));
        for task in &mut tasks {
            if let QueuedTask::Begun(ReadTask::List(reading)) = task {
                // Each loop has its own numbers for partitions.
                reading.partition = None;
            }
        }
        match &self.member {
            Some(member) if !tasks.is_empty() => member.team.give(tasks),
            _ => self.ready = tasks,
        }
    }

    /// Takes all tasks in the pool, to record or to count them.
    pub(super) fn take_pooled(&mut self) -> Vec<QueuedTask> {
        let taken = self.member.as_mut().map(|member| member.team.take_all(&mut member.is_active));
        taken.unwrap_or_default()
    }

    /// Makes the loop inactive if it has no tasks. Returns true if no loop has any.
    pub(super) fn rest(&mut self) -> bool {
        let Some(member) = &mut self.member else { return true };
        if self.saw_vanished {
            // Relaxed: the lock in `rest` orders it.
            member.team.saw_vanished.store(true, Ordering::Relaxed);
        }
        member.team.rest(&mut member.is_active)
    }

    /// Leaves the team, and gives it the queued tasks.
    pub(in super::super) fn leave_team(&mut self) {
        self.give_all();
        if let Some(member) = self.member.take() {
            // Relaxed: `rest` has taken the lock since.
            self.saw_vanished |= member.team.saw_vanished.load(Ordering::Relaxed);
        }
    }
}
