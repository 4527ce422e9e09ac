//! The server: its threads, their shared state, and what a test can change while it runs.

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
use super::config::Config;
use super::connection;
use super::counts::{Counts, Tally};
use super::faults::{At, Fault, Rules, What};
use super::partition::Partition;
use super::session::lock;
use super::tree::Tree;

/// An NFSv4.1 server on the loopback. Dropping it stops it and closes its connections.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// State shared by all connections. Changes while it runs are Relaxed: a request executing at the
/// same moment may see either value.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) facts: Facts,
    pub(super) tree: Arc<dyn Tree>,
    pub(super) partitions: Vec<Partition>,
    pub(super) tally: Tally,
    pub(super) start: Instant,
    rules: Mutex<Rules>,
    /// True if there are fault rules. Most servers have none and should not take a lock for them.
    faulty: AtomicBool,
    /// Nanoseconds.
    delay: AtomicU64,
    status_flags: AtomicU32,
    streams: Mutex<HashMap<u64, TcpStream>>,
    stopping: AtomicBool,
}

impl Server {
    /// Serves `tree` on 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken, or a thread cannot be started.
    pub fn start(config: Config, tree: Arc<dyn Tree>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, tree));
        let theirs = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("nfs-accept".to_owned())
            .spawn(move || theirs.accept(&listener))?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a fault rule after the existing ones.
    pub fn fault(&self, fault: Fault) {
        self.faults([fault]);
    }

    /// Adds fault rules after the existing ones.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut rules = lock(&self.shared.rules);
        for fault in faults {
            rules.add(fault);
        }
        self.shared.faulty.store(true, SeqCst);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        lock(&self.shared.rules).clear();
        self.shared.faulty.store(false, SeqCst);
    }

    /// Returns the number of times rules have fired.
    #[must_use]
    pub fn faults_fired(&self) -> u64 {
        lock(&self.shared.rules).fired()
    }

    /// Discards all sessions and client ids and closes all connections. For `grace`, operations on
    /// files fail with GRACE. [`What::Restart`] does this to one partition.
    pub fn restart(&self, grace: Duration) {
        for number in 0..self.shared.partitions.len() {
            self.shared.restart(number, grace);
        }
    }

    /// Closes all connections; sessions remain.
    pub fn drop_connections(&self) {
        self.shared.drop_connections(|_| true);
    }

    /// Discards all sessions and client ids, as when leases expire; connections remain.
    pub fn expire(&self) {
        self.shared.partitions.iter().for_each(|partition| partition.clients.forget());
    }

    /// Makes operations on files fail with GRACE for `time`.
    pub fn grace(&self, time: Duration) {
        self.shared.partitions.iter().for_each(|partition| self.shared.grace(partition, time));
    }

    /// Changes [`Config::delay`] for requests from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.set_delay(delay);
    }

    /// Sets `sr_target_highest_slotid` of all sessions, existing and future: `u32::MAX` for all
    /// their slots. Slots above it still work, as on a patient server; see
    /// [`Counts::above_target`].
    pub fn set_target_highest_slot(&self, highest: u32) {
        let partitions = &self.shared.partitions;
        partitions.iter().for_each(|partition| partition.clients.set_target(highest));
    }

    /// Sets `sr_status_flags` from now on.
    pub fn set_status_flags(&self, flags: u32) {
        self.shared.status_flags.store(flags, Relaxed);
    }

    /// Returns the clients' protocol violations, in words. At most 1,000 are kept.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.tally.violations()
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let partitions = self.shared.partitions.iter();
        let made = partitions.map(|partition| partition.clients.sessions_made.load(Relaxed));
        self.shared.tally.counts(made.sum())
    }

    /// Returns the uids in AUTH_SYS credentials.
    #[must_use]
    pub fn uids(&self) -> BTreeSet<u32> {
        self.shared.tally.uids()
    }

    /// Returns the number of sessions and client ids that still exist. A client that cleans up
    /// leaves none.
    #[must_use]
    pub fn alive(&self) -> (usize, usize) {
        let alive = self.shared.partitions.iter().map(|partition| partition.clients.alive());
        alive.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        self.shared.drop_connections(|_| true);
        // Wakes up the accepting thread.
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
            partitions: Partition::all(&config, start),
            tally: Tally::default(),
            start,
            rules: Mutex::new(Rules::new(config.seed)),
            faulty: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            status_flags: AtomicU32::new(config.status_flags),
            streams: Mutex::default(),
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
            // fails.
            let _ = stream.and_then(|stream| self.welcome(stream, number));
        }
    }

    fn welcome(self: &Arc<Self>, stream: TcpStream, number: u64) -> io::Result<()> {
        self.tally.connections.fetch_add(1, Relaxed);
        stream.set_nodelay(true)?;
        match self.fault_at(At::Connection, || None) {
            Some(What::DropBefore) => return stream.shutdown(Shutdown::Both),
            Some(What::Silent) => {
                // Storing it keeps it open; what arrives stays in the kernel.
                lock(&self.streams).insert(number, stream);
                return Ok(());
            }
            Some(What::Call(call)) => call(),
            _ => {}
        }
        lock(&self.streams).insert(number, stream.try_clone()?);
        // The server was dropped meanwhile and missed this connection.
        if self.stopping.load(SeqCst) {
            return stream.shutdown(Shutdown::Both);
        }
        connection::start(self, stream, number)
    }

    /// Returns the fault that applies, if there are rules.
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

    /// Closes the connections whose number `of` selects.
    pub(super) fn drop_connections(&self, of: impl Fn(u64) -> bool) {
        for (_, stream) in lock(&self.streams).extract_if(|number, _| of(*number)) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Restarts one partition.
    pub(super) fn restart(&self, number: usize, grace: Duration) {
        let partition = &self.partitions[number];
        self.grace(partition, grace);
        partition.clients.forget();
        self.drop_connections(|connection| Partition::of(&self.config, connection) == number);
    }

    fn grace(&self, partition: &Partition, time: Duration) {
        partition.grace(self.now() + time.as_millis() as u64);
    }

    /// Returns the partition of a connection.
    pub(super) fn partition(&self, connection: u64) -> &Partition {
        &self.partitions[Partition::of(&self.config, connection)]
    }

    /// Returns the milliseconds since the start.
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
}
