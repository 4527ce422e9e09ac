//! The contract of state, in a directory and as objects. Tests pass a place that is empty. This module
//! is independent of the other test modules, so it runs on any store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use efs_scan::service_error::{ServiceError, ServiceResult, Trouble};
use efs_scan::state::{Lease, State, StateError, StateObjects};
use efs_scan::store::{Condition, Listing, Object, Opener, Put, Store};
use efs_scan_testbed::at_once;

/// How long a lock lasts that nobody renews, in these tests. A busy machine renews it in that time, too.
const LASTS: Duration = Duration::from_secs(4);

/// The longest time until a lock of a holder that crashed can be had: stores date their objects in
/// whole seconds, and requests take their time.
const FREE_AGAIN: Duration = Duration::from_secs(60);

/// Checks what both forms promise. `open` opens the same state again, as another process would.
pub(crate) fn state_contract(open: &(dyn Fn() -> State + Sync)) {
    files_are_read_as_they_were_written(open);
    one_at_a_time_has_the_lock(open);
    nothing_is_lost_under_the_lock(open);
}

/// Checks what objects promise beyond that.
pub(crate) fn objects_contract(at: &Arc<dyn Opener>) {
    let objects = |prefix: &str| StateObjects::new(at, format!("state/{prefix}"), LASTS);
    state_contract(&|| State::Objects(objects("fs=contract")));
    at_once([0, 1, 2, 3], |case| match case {
        0 => a_crashed_holder_keeps_nobody_out_for_long(at),
        1 => nothing_is_written_over_what_was_not_read(&|| objects("fs=stale")),
        2 => a_lost_lock_stops_writes(at),
        _ => what_is_not_ours_is_refused(at),
    });
    work_that_breaks_off_anywhere_can_be_done_again(at);
}

fn files_are_read_as_they_were_written(open: &dyn Fn() -> State) {
    let (one, other) = (open(), open());
    assert_eq!(one.read::<String>("a.json").unwrap(), None);
    one.write("a.json", &"first").unwrap();
    assert_eq!(other.read::<String>("a.json").unwrap().as_deref(), Some("first"));
    assert_eq!(other.read::<String>("b.json").unwrap(), None, "each name has its own");
    // Larger and smaller ones, and bytes that JSON escapes.
    for text in ["x".repeat(300_000), String::new(), "\u{0}\n\"é".to_owned()] {
        other.write("a.json", &text).unwrap();
        assert_eq!(open().read::<String>("a.json").unwrap(), Some(text));
    }
    // Contents of another kind are an error that names the file, and stay.
    let said = open().read::<u32>("a.json").unwrap_err();
    assert!(said.text.contains("a.json") && said.trouble == Trouble::Refused, "{said}");
    assert!(open().read::<String>("a.json").unwrap().is_some());
    // Who has not read a file may write it.
    open().write("a.json", &7).unwrap();
    assert_eq!(open().read::<u32>("a.json").unwrap(), Some(7));
}

fn one_at_a_time_has_the_lock(open: &dyn Fn() -> State) {
    let (one, other) = (open(), open());
    let held = one.lock("counting").unwrap();
    let asked = Instant::now();
    let Err(StateError::Held(said)) = other.lock("waiting") else { panic!("two have it") };
    assert!(said.contains("counting") && said.contains("process id"), "{said}");
    // Longer than a lock lasts: its holder renews it.
    std::thread::sleep((LASTS * 2).saturating_sub(asked.elapsed()));
    assert!(matches!(other.lock("waiting"), Err(StateError::Held(_))));
    one.write("held.json", &1).unwrap();
    drop(held);
    let asked = Instant::now();
    let held = other.lock("waiting").unwrap();
    assert!(asked.elapsed() < LASTS, "it was released: {:?}", asked.elapsed());
    drop(held);
    drop(one.lock("counting again").unwrap());
}

fn nothing_is_lost_under_the_lock(open: &(dyn Fn() -> State + Sync)) {
    const EACH: u32 = 4;
    at_once([(); 4], |()| {
        for _ in 0..EACH {
            let state = open();
            let _lock = loop {
                match state.lock("counting") {
                    Ok(lock) => break lock,
                    Err(StateError::Held(_)) => std::thread::sleep(Duration::from_millis(5)),
                    // So many at once may be too many for one try.
                    Err(StateError::Destination(error)) if error.trouble.passes() => {}
                    Err(error) => panic!("{error}"),
                }
            };
            let count: u32 = state.read("count.json").unwrap().unwrap_or_default();
            state.write("count.json", &(count + 1)).unwrap();
        }
    });
    assert_eq!(open().read::<u32>("count.json").unwrap(), Some(4 * EACH));
}

/// Takes the lock as a process does that is killed right after.
fn crash(at: &Arc<dyn Opener>, prefix: &str) -> Lease {
    let store = at.open().unwrap();
    let key = format!("state/{prefix}/lock.json");
    Lease::acquire(&*store, &key, ("a run that crashed", "its token"), LASTS).unwrap()
}

fn a_crashed_holder_keeps_nobody_out_for_long(at: &Arc<dyn Opener>) {
    crash(at, "fs=crashed");
    let asked = Instant::now();
    let state = State::Objects(StateObjects::new(at, "state/fs=crashed".to_owned(), LASTS));
    drop(state.lock("scanning").unwrap());
    let waited = asked.elapsed();
    assert!(LASTS < waited + Duration::from_secs(1) && waited < FREE_AGAIN, "{waited:?}");
}

fn nothing_is_written_over_what_was_not_read(open: &dyn Fn() -> StateObjects) {
    let [one, other] = [open(), open()].map(State::Objects);
    one.write("a.json", &1).unwrap();
    assert_eq!(other.read::<u32>("a.json").unwrap(), Some(1));
    one.write("a.json", &2).unwrap();
    let said = other.write("a.json", &3).unwrap_err();
    assert!(said.contains("a.json") && said.contains("another run has written it"), "{said}");
    assert_eq!(open_read(open), Some(2));
    // The same for one that was not there.
    assert_eq!(other.read::<u32>("b.json").unwrap(), None);
    one.write("b.json", &1).unwrap();
    other.write("b.json", &2).unwrap_err();
    // Having read it again, it may.
    assert_eq!(other.read::<u32>("a.json").unwrap(), Some(2));
    other.write("a.json", &3).unwrap();
    assert_eq!(open_read(open), Some(3));
}

fn open_read(open: &dyn Fn() -> StateObjects) -> Option<u32> {
    State::Objects(open()).read("a.json").unwrap()
}

fn a_lost_lock_stops_writes(at: &Arc<dyn Opener>) {
    let prefix = "state/fs=lost";
    let state = State::Objects(StateObjects::new(at, prefix.to_owned(), LASTS));
    let held = state.lock("scanning").unwrap();
    state.write("a.json", &1).unwrap();
    // Another run takes it, as if this one had been suspended for long.
    let (store, key) = (at.open().unwrap(), format!("{prefix}/lock.json"));
    let taken = || {
        let version = store.get(&key).unwrap().unwrap().version;
        let who = ("a thief", "the token of a thief");
        Lease::take(&*store, &key, who, LASTS, Some(&version)).unwrap().ok()
    };
    let stolen = std::iter::from_fn(|| Some(taken())).flatten().next().unwrap();
    let until = Instant::now() + FREE_AGAIN;
    while state.check_lock().is_ok() {
        assert!(Instant::now() < until, "the loss goes unnoticed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = state.write("a.json", &2).unwrap_err();
    assert!(said.contains("a thief") && said.contains("from this run"), "{said}");
    assert_eq!(state.read::<u32>("a.json").unwrap(), Some(1));
    // Ending it leaves the other's lock.
    drop(held);
    let file = String::from_utf8(store.get(&key).unwrap().unwrap().bytes).unwrap();
    assert!(file.contains("a thief"), "{file}");
    stolen.release(&*store).unwrap();
    drop(state.lock("scanning again").unwrap());
}

fn what_is_not_ours_is_refused(at: &Arc<dyn Opener>) {
    let store = at.open().unwrap();
    let state = State::Objects(StateObjects::new(at, "state/fs=foreign".to_owned(), LASTS));
    for foreign in
        [&b"{}"[..], b"", b"[1]", b"\xff", b"{\"schema\":\"efs-scan/state/2\",\"value\":1}"]
    {
        for name in ["lock.json", "a.json"] {
            let key = format!("state/fs=foreign/{name}");
            let seen = store.get(&key).unwrap();
            store.put(&key, foreign, Condition::since(seen.as_ref())).unwrap();
        }
        let Err(StateError::Destination(said)) = state.lock("scanning") else { panic!() };
        assert!(said.text.contains("lock.json") && !said.text.contains('\n'), "{said}");
        let said = state.read::<u32>("a.json").unwrap_err();
        assert!(said.text.contains("a.json") && !said.text.contains('\n'), "{said}");
        let kept = store.get("state/fs=foreign/lock.json").unwrap().unwrap();
        assert_eq!(kept.bytes, foreign);
    }
}

/// Breaks off at each request in turn, which takes effect or not, and does the same again.
fn work_that_breaks_off_anywhere_can_be_done_again(at: &Arc<dyn Opener>) {
    const MOST: usize = 24;
    for lost in [false, true] {
        let broken = AtomicUsize::new(0);
        at_once(0..MOST, |calls| {
            broken.fetch_add(usize::from(broke_off(at, calls, lost)), Ordering::SeqCst);
        });
        let broken = broken.into_inner();
        // The lock, a read and two writes are read, written and read back; then it is released.
        assert!((8..MOST).contains(&broken), "{broken} requests");
    }
}

fn broke_off(at: &Arc<dyn Opener>, calls: usize, lost: bool) -> bool {
    let prefix = format!("state/fs=breaks-{lost}-{calls}");
    let whole = State::Objects(StateObjects::new(at, prefix.clone(), LASTS));
    whole.write("a.json", &1).unwrap();
    let left = Arc::new(AtomicUsize::new(calls));
    let breaks: Arc<dyn Opener> = Arc::new(Breaks { inner: Arc::clone(at), left, lost });
    // It ends before the first renewal.
    let state = State::Objects(StateObjects::new(&breaks, prefix.clone(), Duration::from_secs(60)));
    let work = || -> Result<(), String> {
        let lock = state.lock("breaking").map_err(|error| error.to_string())?;
        let count = state.read::<u32>("a.json").map_err(|error| error.text)?.unwrap();
        state.write("a.json", &(count + 1))?;
        state.write("a.json", &(count + 2))?;
        drop(lock);
        Ok(())
    };
    let done = work();
    let value = State::Objects(StateObjects::new(at, prefix.clone(), LASTS)).read::<u32>("a.json");
    let value = value.unwrap().unwrap();
    match done {
        Ok(()) => assert_eq!(value, 3, "{calls} {lost}"),
        Err(_) => assert!((1..=3).contains(&value), "{calls} {lost}: {value}"),
    }
    // Nobody waits for a minute in a test: the lock is taken as one that is over.
    let (store, key) = (at.open().unwrap(), format!("{prefix}/lock.json"));
    let over = store.get(&key).unwrap().map(|object| object.version);
    let taken = Lease::take(&*store, &key, ("next", "its token"), LASTS, over.as_ref());
    taken.unwrap().unwrap().release(&*store).unwrap();
    let next = State::Objects(StateObjects::new(at, prefix, LASTS));
    let _lock = next.lock("again").unwrap();
    assert_eq!(next.read::<u32>("a.json").unwrap(), Some(value));
    next.write("a.json", &9).unwrap();
    done.is_err()
}

/// A store that fails from one of its requests on.
#[derive(Debug)]
struct Breaks {
    inner: Arc<dyn Opener>,
    /// Number of requests that are still answered.
    left: Arc<AtomicUsize>,
    /// True if the first that fails takes effect.
    lost: bool,
}

struct BreaksStore<'a> {
    store: Box<dyn Store + Sync + 'a>,
    of: &'a Breaks,
}

impl Opener for Breaks {
    fn open(&self) -> ServiceResult<Box<dyn Store + Sync + '_>> {
        Ok(Box::new(BreaksStore { store: self.inner.open()?, of: self }))
    }

    fn anew(&self) -> Arc<dyn Opener> {
        let (inner, left) = (self.inner.anew(), Arc::clone(&self.left));
        Arc::new(Self { inner, left, lost: self.lost })
    }
}

impl BreaksStore<'_> {
    fn answer<T>(&self, call: impl FnOnce() -> ServiceResult<T>) -> ServiceResult<T> {
        let count = |left: usize| Some(left.checked_sub(1).unwrap_or(usize::MAX));
        let before = self.of.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            if left == usize::MAX { None } else { count(left) }
        });
        match before {
            Ok(0) if self.of.lost => call().map(drop)?,
            Ok(0) | Err(_) => {}
            Ok(_) => return call(),
        }
        Err(ServiceError::new(Trouble::Unreachable, "it broke down"))
    }
}

impl Store for BreaksStore<'_> {
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
