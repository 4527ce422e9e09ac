//! Examines a server before a scan: opens as many connections as a scan opens at most, and sends a
//! few requests on each.

mod batch;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Events;

use super::NfsClient;
use super::send::MAX_CONNECTIONS;
use crate::scan::nfs::attrs::AttrMask;
use crate::scan::nfs::compound::{NfsOp, Request};
use crate::scan::nfs::connection::{Connection, ConnectionState};
use crate::scan::nfs::identity::SHARED_OWNER;
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::rpc;
use crate::scan::nfs::session::ReplyMatch;
use crate::scan::nfs::slots::SlotOutcome;
use crate::scan::probe::{BatchAnswer, Grants, ServerProbe, Trial};
use crate::stop::Stop;

/// Time limit. A scan waits longer for a slow server.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Failures after which a connection is given up.
const TRIES: u32 = 3;

/// Requests on each connection.
const ROUND_TRIPS: usize = 3;

/// The root directory of the scan.
#[derive(Debug)]
struct Root {
    handle: Vec<u8>,
    supported: AttrMask,
}

impl NfsClient {
    /// Opens the connections, examines the server, and cleans up. `path` is the root's path.
    ///
    /// # Errors
    /// The operation that failed and why: the server cannot be reached, or its root cannot be read.
    pub(in super::super) fn probe(
        &mut self,
        path: &[Vec<u8>],
        trial: Trial,
        stop: &Arc<Stop>,
    ) -> Result<ServerProbe, (&'static str, io::Error)> {
        let until = Instant::now() + PROBE_TIMEOUT;
        let probed = self.open(until, stop).and_then(|()| {
            let root = self.root(path, until).map_err(|why| ("open", io::Error::other(why)))?;
            Ok(self.look(&root, trial, until))
        });
        self.leave();
        match self.walk.fatal.take() {
            Some(fatal) => Err(fatal),
            None => probed,
        }
    }

    /// Opens the connections, and waits until each has a session or has failed.
    fn open(&mut self, until: Instant, stop: &Stop) -> Result<(), (&'static str, io::Error)> {
        let now = Instant::now();
        // A scan needs at most one connection for each request in flight.
        let most = MAX_CONNECTIONS.min(self.window.most() as usize);
        let more = most.saturating_sub(self.connections.len());
        self.connections.extend((0..more).map(|_| Connection::new(now)));
        let mut events = Events::with_capacity(64);
        // RECLAIM_COMPLETE may still be in flight.
        let is_settled = |connection: &Connection| match (&connection.state, &connection.session) {
            (ConnectionState::Ready, Some(session)) => session.slots.in_flight() == 0,
            _ => connection.failures >= TRIES,
        };
        while !self.connections.iter().all(is_settled) {
            let now = Instant::now();
            if now >= until || stop.is_set() || self.walk.fatal.is_some() {
                break;
            }
            self.maintain(now)?;
            self.start_next_setup(now);
            self.retry_reclaim_complete(now);
            for at in 0..self.connections.len() {
                if let Err(lost) = self.service(at, true) {
                    self.close_connection(at, &lost);
                }
            }
            self.poll_writable(&mut events);
        }
        Ok(())
    }

    /// Looks up the root over the first connection that has a session.
    fn root(&mut self, path: &[Vec<u8>], until: Instant) -> Result<Root, String> {
        let at = self.ready().next().ok_or_else(|| self.no_session())?;
        let write = |request: &mut Request| {
            request.put_root_fh();
            path.iter().for_each(|name| request.lookup(name));
            request.get_fh();
            request.get_attr(AttrMask::SUPPORTED_ATTRS);
        };
        let (record, _) = self.ask(at, &write, until)?;
        let read = |results: &mut CompoundResults<'_>| {
            results.check(NfsOp::PutRootFh)?;
            path.iter().try_for_each(|_| results.check(NfsOp::Lookup))?;
            let handle = results.get_fh()?.to_vec();
            // If the server does not list its attributes, all are requested.
            let supported = results.get_attr()?.supported.unwrap_or(AttrMask::ENTRY);
            Ok(Root { handle, supported })
        };
        read(&mut in_session(&record)?).map_err(|error: OpError| error.to_string())
    }

    fn look(&mut self, root: &Root, trial: Trial, until: Instant) -> ServerProbe {
        let ready: Vec<usize> = self.ready().collect();
        let (partitions, fewest_servers) = self.servers(&ready);
        let wanted = self.connections.len();
        let mut probe = ServerProbe {
            reached: self.address().to_string(),
            connections: wanted,
            partitions,
            fewest_servers,
            problem: (ready.len() < wanted).then(|| self.no_session()),
            grants: self.grants(),
            lacking: AttrMask::ENTRY.without(root.supported).names().collect(),
            tls: ready.first().and_then(|at| self.connections[*at].stream.as_ref()?.tls()),
            ..ServerProbe::default()
        };
        let mut times = Vec::new();
        for at in &ready {
            for _ in 0..ROUND_TRIPS {
                match self.read_attributes(*at, root, until) {
                    Ok(took) => times.push(took),
                    Err(why) => {
                        probe.foreign_handle.get_or_insert(why);
                        break;
                    }
                }
            }
        }
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied();
        probe.round_trips = match (times.first(), middle, times.last()) {
            (Some(first), Some(middle), Some(last)) => Some([*first, middle, *last]),
            _ => None,
        };
        probe.batch = (trial == Trial::Batch).then(|| match (self.may_be_linux, ready.first()) {
            (true, _) => BatchAnswer::MayBeLinux,
            (false, None) => BatchAnswer::Unknown(self.no_session()),
            (false, Some(at)) => self.try_batch(*at, root, until),
        });
        probe
    }

    /// Returns the number of connections to each partition, largest first, and the smallest
    /// possible number of servers.
    fn servers(&self, ready: &[usize]) -> (Vec<usize>, usize) {
        let mut by_partition = BTreeMap::new();
        for at in ready {
            let Connection { partition, owner, .. } = &self.connections[*at];
            by_partition.entry(*partition).or_insert((0, *owner)).0 += 1;
        }
        // A partition with its own owner is a server that differs from one with the same name.
        let shared = by_partition.values().filter(|(_, owner)| *owner == SHARED_OWNER).count();
        let fewest = match by_partition.len() - shared {
            0 => shared,
            _ => shared.max(2).min(by_partition.len()),
        };
        let mut counts: Vec<usize> = by_partition.into_values().map(|(count, _)| count).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        (counts, fewest)
    }

    /// Returns the connections that have a session.
    fn ready(&self) -> impl Iterator<Item = usize> {
        let all = self.connections.iter().enumerate();
        all.filter(|(_, connection)| matches!(connection.state, ConnectionState::Ready))
            .map(|(at, _)| at)
    }

    /// Returns the reason that a connection has no session.
    fn no_session(&self) -> String {
        let silent = || "the server does not respond in time".to_owned();
        self.last_error.clone().unwrap_or_else(silent)
    }

    /// Returns the smallest limits of all sessions.
    fn grants(&self) -> Grants {
        let sessions = self.connections.iter().filter_map(|connection| connection.session.as_ref());
        let each = sessions.map(|session| Grants {
            requests: session.granted() as u32,
            operations: session.limits.operations,
            reply: session.limits.reply,
        });
        let least = |a: Grants, b: Grants| Grants {
            requests: a.requests.min(b.requests),
            operations: a.operations.min(b.operations),
            reply: a.reply.min(b.reply),
        };
        each.reduce(least).unwrap_or_default()
    }

    /// Reads the root's attributes by its file handle, and returns the time it took.
    fn read_attributes(
        &mut self,
        at: usize,
        root: &Root,
        until: Instant,
    ) -> Result<Duration, String> {
        let write = |request: &mut Request| {
            request.put_fh(&root.handle);
            request.get_attr(AttrMask::TYPE);
        };
        let (record, took) = self.ask(at, &write, until)?;
        let mut results = in_session(&record)?;
        let read = results.check(NfsOp::PutFh).and_then(|()| results.get_attr());
        read.map(|_| took).map_err(|error| error.to_string())
    }

    /// Sends a request in a connection's session and waits for its reply. Returns the record and
    /// the time it took.
    fn ask(
        &mut self,
        at: usize,
        write: &dyn Fn(&mut Request),
        until: Instant,
    ) -> Result<(Vec<u8>, Duration), String> {
        self.request_counter = self.request_counter.wrapping_add(1);
        let (number, began) = (self.request_counter, Instant::now());
        let connection = &mut self.connections[at];
        let credential = &self.options.credential;
        let session = connection.session.as_mut().ok_or("the session is lost")?;
        let begun = session.begin_request(number, Vec::new(), credential, Vec::new(), began);
        let (xid, mut request) = begun.map_err(|_| "the session has no free slot")?;
        write(&mut request);
        connection.send(&request.finish());
        let mut events = Events::with_capacity(64);
        let record = loop {
            match self.receive_record(at, xid) {
                Ok(Some(record)) => break record,
                Ok(None) if Instant::now() < until => self.poll_writable(&mut events),
                Ok(None) => {
                    let silent = self.silence_reason(at);
                    self.close_connection(at, &silent);
                    return Err(silent);
                }
                Err(lost) => {
                    self.close_connection(at, &lost);
                    return Err(lost);
                }
            }
        };
        Ok((record, began.elapsed()))
    }

    /// Reads the received bytes, and returns the record of the reply with this xid, if it is
    /// complete.
    fn receive_record(&mut self, at: usize, xid: u32) -> Result<Option<Vec<u8>>, String> {
        let connection = &mut self.connections[at];
        connection.flush().map_err(|error| error.to_string())?;
        let mut found = None;
        while found.is_none() && connection.fill().map_err(|error| error.to_string())? {
            let mut records = connection.take_records();
            while let Some(record) = records.next().map_err(|error| error.to_string())? {
                let of = rpc::reply(record).map_err(|malformed| malformed.to_string())?.xid;
                if of == xid {
                    found = Some(record.to_vec());
                }
                if let Some(session) = &mut connection.session
                    && let ReplyMatch::Pending(pending) = session.match_reply(of)
                {
                    session.release_slot(pending.slot, SlotOutcome::Completed);
                }
            }
            connection.put_records(records);
        }
        Ok(found)
    }
}

/// Returns the results after SEQUENCE.
fn in_session(record: &[u8]) -> Result<CompoundResults<'_>, String> {
    let reply = rpc::reply(record).map_err(|malformed| malformed.to_string())?;
    let reader = reply.outcome.map_err(|error| error.to_string())?;
    let mut results = CompoundResults::new(reader).map_err(|malformed| malformed.to_string())?;
    results.sequence().map_err(|error| error.to_string())?;
    Ok(results)
}
