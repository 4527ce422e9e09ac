//! Sends as many READDIRs as a server can take: its capacity, to compare a client's throughput
//! with.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::super::attrs::Handle;
use super::super::frames::{self, Front};
use super::super::protocol::{Status, attr};
use super::super::xdr::Reader;
use super::{Raw, Session, compound, framed, ops};

/// The attributes an accounting walk requests.
const ATTRS: [u8; 11] = [
    attr::TYPE,
    attr::SIZE,
    attr::FSID,
    attr::RDATTR_ERROR,
    attr::FILEHANDLE,
    attr::FILEID,
    attr::NUMLINKS,
    attr::OWNER,
    attr::SPACE_USED,
    attr::TIME_MODIFY,
    attr::MOUNTED_ON_FILEID,
];

/// Shape of the load.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Connections, each with a session and a thread.
    pub connections: u32,
    /// Requests in flight on all connections together.
    pub in_flight: u32,
    pub time: Duration,
    /// Handles of directories: `first + n * step` for `n` below `dirs`.
    pub first: u64,
    pub step: u64,
    pub dirs: u64,
}

/// The result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    pub replies: u64,
    pub bytes: u64,
    /// Replies whose status was not OK.
    pub failed: u64,
    pub seconds: f64,
}

impl Load {
    /// Sends SEQUENCE, PUTFH, READDIR as fast as they are answered.
    ///
    /// # Errors
    /// The server does not play along.
    pub fn put_on(address: SocketAddr, shape: &Shape) -> io::Result<Self> {
        let start = Instant::now();
        let threads: Vec<_> = (0..shape.connections.max(1))
            .map(|number| {
                let shape = *shape;
                thread::spawn(move || connection(address, &shape, number))
            })
            .collect();
        let mut all = Self::default();
        for thread in threads {
            let one = thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
            all.replies += one.replies;
            all.bytes += one.bytes;
            all.failed += one.failed;
        }
        all.seconds = start.elapsed().as_secs_f64();
        Ok(all)
    }

    /// Replies per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.replies as f64 / self.seconds
    }
}

/// Positions of the xid, the sequence id, the slot and the file handle's id in a request.
struct Places {
    sequence: usize,
    slot: usize,
    id: usize,
}

fn connection(address: SocketAddr, shape: &Shape, number: u32) -> io::Result<Load> {
    let mut raw = Raw::connect(address)?;
    let slots = (shape.in_flight / shape.connections.max(1)).max(1);
    let mut session = raw.session(format!("load {number}").as_bytes(), slots, 0)?;
    let (template, places) = template(&session, shape);
    let dirs = shape.dirs.max(1);
    let mut dir = dirs / u64::from(shape.connections.max(1)) * u64::from(number);
    let mut requests = Vec::new();
    let mut request = |out: &mut Vec<u8>, slot: usize, session: &mut Session| {
        let start = out.len();
        session.sequences[slot] += 1;
        dir = (dir + 1) % dirs;
        out.extend_from_slice(&template);
        let words = [(4, slot as u32), (places.sequence, session.sequences[slot])];
        for (place, word) in words.into_iter().chain([(places.slot, slot as u32)]) {
            out[start + place..][..4].copy_from_slice(&word.to_be_bytes());
        }
        let id = shape.first + shape.step * dir;
        out[start + places.id..][..8].copy_from_slice(&id.to_be_bytes());
    };
    for slot in 0..session.sequences.len() {
        request(&mut requests, slot, &mut session);
    }
    let mut load = Load::default();
    let mut waiting = session.sequences.len();
    let mut buffer = vec![0; 4 << 20];
    let mut filled = 0;
    let end = Instant::now() + shape.time;
    while waiting > 0 {
        raw.stream.write_all(&requests)?;
        requests.clear();
        filled += match raw.stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        let more = Instant::now() < end;
        let mut used = 0;
        while let Front::Record(record, size) = frames::front(&buffer[used..filled]) {
            used += size;
            let mut reader = Reader::new(&record);
            let slot = reader.u32()? as usize;
            let _head = reader.fixed::<20>()?;
            load.failed += u64::from(Status(reader.u32()?) != Status::OK);
            load.replies += 1;
            load.bytes += size as u64;
            match more {
                true => request(&mut requests, slot, &mut session),
                false => waiting -= 1,
            }
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
    Ok(load)
}

/// Returns a complete request with its mark, and the positions to change.
fn template(session: &Session, shape: &Shape) -> (Vec<u8>, Places) {
    // A number that cannot occur by accident, to find the file handle's position.
    const ID: u64 = 0x5ca1_ab1e_0ddb_a115;
    let sequence = session.again(0, false);
    let readdir = ops::readdir(0, [0; 8], (1 << 16, 1 << 16), &ATTRS);
    let request = [sequence.clone(), ops::putfh(Handle::new(ID)), readdir];
    let whole = framed(&compound(0, shape.connections, &request));
    let find = |what: &[u8]| whole.windows(what.len()).position(|bytes| bytes == what).unwrap_or(0);
    // The operation's number, the session.
    let start = find(&sequence) + 4 + 16;
    let id = find(&ID.to_be_bytes());
    (whole, Places { sequence: start, slot: start + 4, id })
}
