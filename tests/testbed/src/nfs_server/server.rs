//! The server: threads, what they share, and what a test turns while it runs.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::attrs::Facts;
use super::clients::Clients;
use super::config::Config;
use super::connection;
use super::counts::{Counts, Tally};
use super::faults::{At, Fault, Rules, What};
use super::session::lock;
use super::tree::Tree;

/// An NFSv4.1 server on the loopback. It ends, with its connections, when this is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What all connections share. What changes while it runs is Relaxed: a request that is performed
/// at the moment of the change may see either.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) facts: Facts,
    pub(super) tree: Arc<dyn Tree>,
    pub(super) clients: Clients,
    pub(super) tally: Tally,
    pub(super) start: Instant,
    rules: Mutex<Rules>,
    /// Whether there is any rule; most servers have none, and should not take a lock for it.
    faulty: AtomicBool,
    /// Nanoseconds.
    delay: AtomicU64,
    /// Milliseconds since the start until which files are not to be had.
    grace_until: AtomicU64,
    status_flags: AtomicU32,
    streams: Mutex<HashMap<u64, TcpStream>>,
    /// When the next request may begin, where there is a limit to them.
    free: Mutex<Instant>,
    stopping: AtomicBool,
}

impl Server {
    /// Starts to serve `tree` on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken, or there cannot be another thread.
    pub fn start(config: Config, tree: Arc<dyn Tree>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, tree));
        let theirs = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("nfs41-accept".to_owned())
            .spawn(move || theirs.accept(&listener))?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, behind the rules that are there.
    pub fn fault(&self, fault: Fault) {
        self.faults([fault]);
    }

    /// From now on, behind the rules that are there.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut rules = lock(&self.shared.rules);
        for fault in faults {
            rules.add(fault);
        }
        self.shared.faulty.store(true, SeqCst);
    }

    /// From now on, nothing goes wrong.
    pub fn clear_faults(&self) {
        lock(&self.shared.rules).clear();
        self.shared.faulty.store(false, SeqCst);
    }

    /// How often a rule has fired.
    #[must_use]
    pub fn faults_fired(&self) -> u64 {
        lock(&self.shared.rules).fired()
    }

    /// All sessions and client ids are forgotten and all connections closed. For `grace` from
    /// now on, operations on files answer GRACE.
    pub fn restart(&self, grace: Duration) {
        self.shared.restart(grace);
    }

    /// All connections are closed; sessions live on.
    pub fn drop_connections(&self) {
        self.shared.drop_connections();
    }

    /// All sessions and client ids are forgotten, as when a lease runs out; connections stay.
    pub fn expire(&self) {
        self.shared.clients.forget();
    }

    /// For `time` from now on, operations on files answer GRACE.
    pub fn grace(&self, time: Duration) {
        self.shared.grace(time);
    }

    /// Of requests that come from now on. See [`Config::delay`].
    pub fn set_delay(&self, delay: Duration) {
        self.shared.set_delay(delay);
    }

    /// `sr_target_highest_slotid` of all sessions, now and later: `u32::MAX` for all their slots.
    /// Slots above it still work, as for a server that is patient; see
    /// [`Counts::above_target`].
    pub fn set_target_highest_slot(&self, highest: u32) {
        self.shared.clients.set_target(highest);
    }

    /// `sr_status_flags` from now on.
    pub fn set_status_flags(&self, flags: u32) {
        self.shared.status_flags.store(flags, Relaxed);
    }

    /// What was against the protocol in what clients did, in words. At most 1,000 are kept.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.tally.violations()
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.tally.counts(self.shared.clients.sessions_made.load(Relaxed))
    }

    /// The uids that AUTH_SYS brought.
    #[must_use]
    pub fn uids(&self) -> BTreeSet<u32> {
        self.shared.tally.uids()
    }

    /// Sessions and client ids that were not destroyed. A client that leaves properly leaves
    /// none of either.
    #[must_use]
    pub fn alive(&self) -> (usize, usize) {
        self.shared.clients.alive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        self.shared.drop_connections();
        // The accepting thread looks up only when somebody comes.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(config: Config, tree: Arc<dyn Tree>) -> Self {
        let start = Instant::now();
        let shared = Self {
            facts: Facts::new(&config.without, config.lease),
            tree,
            clients: Clients::new(),
            tally: Tally::default(),
            start,
            rules: Mutex::new(Rules::new(config.seed)),
            faulty: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            grace_until: AtomicU64::new(0),
            status_flags: AtomicU32::new(config.status_flags),
            streams: Mutex::default(),
            free: Mutex::new(start),
            stopping: AtomicBool::new(false),
            config,
        };
        shared.set_delay(shared.config.delay);
        shared
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (number, stream) in (1..).zip(listener.incoming()) {
            if self.stopping.load(SeqCst) {
                return;
            }
            // Out of descriptors or threads: the client sees a closed connection, and the test
            // fails by that.
            let _ = stream.and_then(|stream| self.welcome(stream, number));
        }
    }

    fn welcome(self: &Arc<Self>, stream: TcpStream, number: u64) -> io::Result<()> {
        self.tally.connections.fetch_add(1, Relaxed);
        stream.set_nodelay(true)?;
        match self.fault_at(At::Connection, || None) {
            Some(What::DropBefore) => return stream.shutdown(Shutdown::Both),
            Some(What::Silent) => {
                // Kept open by being kept at all; what comes is left to the kernel.
                lock(&self.streams).insert(number, stream);
                return Ok(());
            }
            Some(What::Call(call)) => call(),
            _ => {}
        }
        lock(&self.streams).insert(number, stream.try_clone()?);
        // The server was dropped meanwhile, and did not see this one.
        if self.stopping.load(SeqCst) {
            return stream.shutdown(Shutdown::Both);
        }
        connection::start(self, stream, number)
    }

    /// What a rule says of this, if there are rules.
    pub(super) fn fault_at(&self, at: At, name: impl FnMut() -> Option<Vec<u8>>) -> Option<What> {
        match self.is_faulty() {
            true => lock(&self.rules).take(at, name),
            false => None,
        }
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.faulty.load(SeqCst)
    }

    pub(super) fn forget_connection(&self, number: u64) {
        lock(&self.streams).remove(&number);
    }

    pub(super) fn drop_connections(&self) {
        for (_, stream) in lock(&self.streams).drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn restart(&self, grace: Duration) {
        self.grace(grace);
        self.clients.forget();
        self.drop_connections();
    }

    fn grace(&self, time: Duration) {
        self.grace_until.store(self.now() + time.as_millis() as u64, Relaxed);
    }

    pub(super) fn in_grace(&self) -> bool {
        // Nearly always 0, and then there is no need for the clock.
        match self.grace_until.load(Relaxed) {
            0 => false,
            until => self.now() < until,
        }
    }

    /// Milliseconds since the start.
    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    pub(super) fn status_flags(&self) -> u32 {
        self.status_flags.load(Relaxed)
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay.load(Relaxed))
    }

    fn set_delay(&self, delay: Duration) {
        self.delay.store(delay.as_nanos() as u64, Relaxed);
    }

    /// When a request that is here now may begin, at `most` a second.
    pub(super) fn turn(&self, now: Instant, most: u32) -> Instant {
        let mut free = lock(&self.free);
        let begins = now.max(*free);
        *free = begins + Duration::from_secs(1) / most.max(1);
        begins
    }
}
