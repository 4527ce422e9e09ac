//! A store in memory whose calls happen in an order that the test chooses.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use efs_scan::service_error::{ServiceError, ServiceResult, Trouble};
use efs_scan::store::{Condition, Listing, Object, Put, Store, Version};

/// Versions that a store makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Every write makes a new version, as in a directory.
    Counted,
    /// Equal content has an equal version, like S3's ETags.
    Content,
}

/// Objects in memory. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    versions: Versions,
    writes: Arc<Mutex<u64>>,
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
}

impl Memory {
    pub(crate) fn new(versions: Versions) -> Self {
        Self { versions, writes: Arc::default(), objects: Arc::default() }
    }

    /// Returns another store with the same objects.
    pub(crate) fn copy(&self) -> Self {
        let objects = self.objects.lock().unwrap().clone();
        let writes = *self.writes.lock().unwrap();
        Self {
            versions: self.versions,
            writes: Arc::new(Mutex::new(writes)),
            objects: Arc::new(Mutex::new(objects)),
        }
    }
}

impl Store for Memory {
    fn name(&self, key: &str) -> String {
        format!("memory/{key}")
    }

    fn check(&self) -> ServiceResult<()> {
        Ok(())
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        let mut objects = self.objects.lock().unwrap();
        let holds = match (condition, objects.get(key)) {
            (Condition::Absent, now) => now.is_none(),
            (Condition::Unchanged(seen), now) => now.is_some_and(|now| now.version == seen),
        };
        if !holds {
            return Ok(Put::Conflict);
        }
        let mut writes = self.writes.lock().unwrap();
        *writes += 1;
        let version = Version(match self.versions {
            Versions::Counted => writes.to_string(),
            Versions::Content => String::from_utf8_lossy(bytes).into_owned(),
        });
        objects.insert(key.to_owned(), Object { bytes: bytes.to_vec(), version });
        Ok(Put::Done)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        let objects = self.objects.lock().unwrap();
        let keys = objects.keys();
        let keys = keys.filter(|key| key.starts_with(prefix) && key.as_str() > after);
        Ok(Listing { keys: keys.cloned().collect(), ..Listing::default() })
    }
}

/// A store that fails at one of its calls.
pub(crate) struct Breaks<'a> {
    pub(crate) store: &'a dyn Store,
    /// Number of calls that are still answered.
    pub(crate) left: Cell<usize>,
    /// True if the failing call takes effect before it fails.
    pub(crate) lost: bool,
}

impl Breaks<'_> {
    fn answer<T>(&self, call: impl FnOnce() -> ServiceResult<T>) -> ServiceResult<T> {
        let broken = Err(ServiceError::new(Trouble::Unreachable, "it broke down"));
        match self.left.get() {
            0 => {
                if self.lost {
                    call()?;
                }
                broken
            }
            left => {
                self.left.set(left - 1);
                call()
            }
        }
    }
}

impl Store for Breaks<'_> {
    fn name(&self, key: &str) -> String {
        self.store.name(key)
    }

    fn check(&self) -> ServiceResult<()> {
        self.answer(|| self.store.check())
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        self.answer(|| self.store.get(key))
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        self.answer(|| self.store.put(key, bytes, condition))
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        self.answer(|| self.store.list(prefix, after))
    }
}

/// The next call of one of several threads.
enum Event {
    Call(String),
    End,
}

/// A store whose calls wait for their turn.
pub(crate) struct Turn {
    memory: Memory,
    thread: usize,
    events: Sender<(usize, Event)>,
    go: Receiver<()>,
}

impl Turn {
    fn wait(&self, call: &str, key: &str) {
        // Objects of one run are seen by no other thread, so their order does not matter.
        // Nor does that of `latest.json`, which nobody writes.
        if !key.contains("dt=") && key != "latest.json" {
            self.events.send((self.thread, Event::Call(format!("{call} {key}")))).unwrap();
            self.go.recv().unwrap();
        }
    }
}

impl Store for Turn {
    fn name(&self, key: &str) -> String {
        self.memory.name(key)
    }

    fn check(&self) -> ServiceResult<()> {
        self.memory.check()
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        self.wait("get", key);
        self.memory.get(key)
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        self.wait("put", key);
        self.memory.put(key, bytes, condition)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        self.memory.list(prefix, after)
    }
}

impl Drop for Turn {
    /// Runs even when a thread panics; otherwise the others would wait for it.
    fn drop(&mut self) {
        let _ = self.events.send((self.thread, Event::End));
    }
}

/// The work of a thread on its store.
pub(crate) type Work<'a> = dyn Fn(&dyn Store) + Sync + 'a;

/// Runs `threads` at once on copies of `start`, in every order of their calls in which a thread that
/// could continue waits for another one at most `changes` times, and passes each result to `check`
/// with a description of the order. There are too many orders to try all, and nearly all bugs show
/// with two changes (Musuvathi and Qadeer, "Iterative context bounding", 2007).
pub(crate) fn in_every_order(
    start: &Memory,
    threads: &[&Work<'_>],
    changes: usize,
    mut check: impl FnMut(&Memory, &str),
) -> usize {
    let mut choices: Vec<usize> = Vec::new();
    let mut orders = 0;
    loop {
        let memory = start.copy();
        let options = RefCell::new(Vec::new());
        let order = one_order(&memory, threads, (changes, &choices), &options);
        orders += 1;
        check(&memory, &order);
        // The next order: change the last choice that has an alternative left.
        let options = options.into_inner();
        choices.resize(options.len(), 0);
        loop {
            let Some(last) = choices.pop() else { return orders };
            if last + 1 < options[choices.len()] {
                choices.push(last + 1);
                break;
            }
        }
    }
}

fn one_order(
    memory: &Memory,
    threads: &[&Work<'_>],
    (most_changes, choices): (usize, &[usize]),
    options: &RefCell<Vec<usize>>,
) -> String {
    let (events, arriving) = channel();
    let mut order = String::new();
    std::thread::scope(|scope| {
        let mut goes = Vec::new();
        for (thread, work) in threads.iter().enumerate() {
            let (go, receive) = channel();
            goes.push(go);
            let events = events.clone();
            let turn = Turn { memory: memory.clone(), thread, events, go: receive };
            scope.spawn(move || work(&turn));
        }
        let mut ready: BTreeMap<usize, String> = BTreeMap::new();
        let mut running = threads.len();
        let (mut last, mut changes) = (None, 0);
        loop {
            for _ in 0..running {
                if let (thread, Event::Call(call)) = arriving.recv().unwrap() {
                    ready.insert(thread, call);
                }
            }
            if ready.is_empty() {
                break;
            }
            // The current thread first.
            let mut next: Vec<usize> = ready.keys().copied().collect();
            next.sort_by_key(|thread| Some(*thread) != last);
            let going_on = last.is_some_and(|last| ready.contains_key(&last));
            if going_on && changes == most_changes {
                next.truncate(1);
            }
            let at = options.borrow().len();
            options.borrow_mut().push(next.len());
            let choice = choices.get(at).copied().unwrap_or(0);
            let thread = next[choice];
            changes += usize::from(going_on && choice > 0);
            last = Some(thread);
            let call = ready.remove(&thread).unwrap();
            order += &format!("  {thread}: {call}\n");
            goes[thread].send(()).unwrap();
            running = 1;
        }
    });
    order
}
