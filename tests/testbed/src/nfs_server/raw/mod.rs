//! A minimal client to test the server: hand-written requests over a blocking socket. It checks
//! nothing itself.

mod load;
pub mod ops;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::protocol::{Op, Status, rpc};
use super::xdr::{BadXdr, Put as _, Reader};
pub use load::{Load, Shape};

/// Longer than any reply of this server.
const LONGEST: usize = 16 << 20;

/// A connection.
pub struct Raw {
    pub stream: TcpStream,
    /// The xid of the latest request.
    pub xid: u32,
    /// The caller's uid.
    pub uid: u32,
}

/// A session with the last sequence id of each slot.
#[derive(Debug, Clone)]
pub struct Session {
    pub client: u64,
    pub id: [u8; 16],
    pub sequences: Vec<u32>,
    /// `ca_maxresponsesize`, `ca_maxresponsesize_cached` and `ca_maxoperations`.
    pub granted: (u32, u32, u32),
}

/// The reply to a COMPOUND: its status and a cursor over its results.
#[derive(Debug)]
pub struct Answers {
    pub status: Status,
    /// The number of executed operations.
    pub count: u32,
    bytes: Vec<u8>,
    at: usize,
}

/// Malformed or incomplete data.
impl From<BadXdr> for io::Error {
    fn from(_: BadXdr) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, "not the XDR that was expected")
    }
}

impl Answers {
    /// Reads the head of the next result.
    ///
    /// # Errors
    /// There is none.
    pub fn next_op(&mut self) -> io::Result<(Op, Status)> {
        self.read(|reader| Ok((Op(reader.u32()?), Status(reader.u32()?))))
    }

    /// Reads the rest of a result.
    ///
    /// # Errors
    /// It is not what `with` expects.
    pub fn read<T>(
        &mut self,
        with: impl FnOnce(&mut Reader<'_>) -> Result<T, BadXdr>,
    ) -> io::Result<T> {
        let mut reader = Reader::new(&self.bytes[self.at..]);
        let read = with(&mut reader)?;
        self.at = self.bytes.len() - reader.rest().len();
        Ok(read)
    }

    /// Returns the number of bytes not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Reads SEQUENCE's result: the highest slot and the target.
    ///
    /// # Errors
    /// SEQUENCE failed.
    pub fn sequence(&mut self) -> io::Result<(u32, u32)> {
        match self.next_op()? {
            (Op::SEQUENCE, Status::OK) => self.read(|reader| {
                let _session = reader.fixed::<16>()?;
                let (_sequence, _slot) = (reader.u32()?, reader.u32()?);
                let highest = (reader.u32()?, reader.u32()?);
                let _flags = reader.u32()?;
                Ok(highest)
            }),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }
}

impl Raw {
    /// Connects to a server.
    ///
    /// # Errors
    /// The connection is refused.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // Longer than anything takes here, so that a hanging test fails.
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream, xid: 0, uid: 0 })
    }

    /// Sends a COMPOUND without waiting and returns its xid.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn send(&mut self, ops: &[Vec<u8>]) -> io::Result<u32> {
        self.xid += 1;
        let request = compound(self.xid, self.uid, ops);
        self.stream.write_all(&framed(&request))?;
        Ok(self.xid)
    }

    /// Receives the next record, with its fragments joined.
    ///
    /// # Errors
    /// The connection ends first.
    pub fn record(&mut self) -> io::Result<Vec<u8>> {
        let mut record = Vec::new();
        loop {
            let mut mark = [0; 4];
            self.stream.read_exact(&mut mark)?;
            let mark = u32::from_be_bytes(mark);
            let (start, size) = (record.len(), (mark & !rpc::LAST) as usize);
            if size > LONGEST {
                return Err(io::Error::other(format!("a record mark of {size} bytes")));
            }
            record.resize(start + size, 0);
            self.stream.read_exact(&mut record[start..])?;
            if mark & rpc::LAST != 0 {
                return Ok(record);
            }
        }
    }

    /// Receives the next reply and its xid.
    ///
    /// # Errors
    /// The connection ends first, or the record is not a COMPOUND's reply.
    pub fn receive(&mut self) -> io::Result<(u32, Answers)> {
        let record = self.record()?;
        let mut reader = Reader::new(&record);
        let xid = reader.u32()?;
        // A reply, accepted, verifier of AUTH_NONE, success.
        for expected in [rpc::REPLY, 0, 0, 0, 0] {
            if reader.u32()? != expected {
                return Err(io::Error::other("RPC refused"));
            }
        }
        let status = Status(reader.u32()?);
        let _tag = reader.opaque(1024)?;
        let count = reader.u32()?;
        let at = record.len() - reader.rest().len();
        Ok((xid, Answers { status, count, bytes: record, at }))
    }

    /// Sends a COMPOUND and receives the next reply.
    ///
    /// # Errors
    /// See [`Raw::send`] and [`Raw::receive`].
    pub fn call(&mut self, ops: &[Vec<u8>]) -> io::Result<Answers> {
        self.send(ops)?;
        Ok(self.receive()?.1)
    }

    /// Obtains a client id and its next sequence id.
    ///
    /// # Errors
    /// The server did not assign one.
    pub fn exchange(&mut self, owner: &[u8], verifier: [u8; 8]) -> io::Result<(u64, u32)> {
        let mut answers = self.call(&[ops::exchange_id(owner, verifier)])?;
        answers.next_op()?;
        answers.read(|reader| Ok((reader.u64()?, reader.u32()?)))
    }

    /// Creates a session for a new client, requesting this many slots and cached bytes.
    ///
    /// # Errors
    /// The server did not create it.
    pub fn session(&mut self, owner: &[u8], slots: u32, cached: u32) -> io::Result<Session> {
        let (client, sequence) = self.exchange(owner, *b"verifier")?;
        let mut answers = self.call(&[ops::create_session(client, sequence, slots, cached)])?;
        answers.next_op()?;
        answers.read(|reader| {
            let id = reader.fixed()?;
            let (_sequence, _flags, _padding) = (reader.u32()?, reader.u32()?, reader.u32()?);
            let _request = reader.u32()?;
            let granted = (reader.u32()?, reader.u32()?, reader.u32()?);
            let slots = reader.u32()? as usize;
            Ok(Session { client, id, sequences: vec![0; slots], granted })
        })
    }
}

impl Session {
    /// Encodes SEQUENCE for the next request in a slot.
    pub fn next(&mut self, slot: usize, cache: bool) -> Vec<u8> {
        self.sequences[slot] += 1;
        self.again(slot, cache)
    }

    /// Encodes SEQUENCE for the latest request in a slot again.
    #[must_use]
    pub fn again(&self, slot: usize, cache: bool) -> Vec<u8> {
        let (sequence, slots) = (self.sequences[slot], self.sequences.len());
        ops::sequence(&self.id, sequence, slot as u32, slots as u32 - 1, cache)
    }
}

/// Encodes a call of these operations, without a record mark.
#[must_use]
pub fn compound(xid: u32, uid: u32, ops: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [xid, rpc::CALL, rpc::VERSION, rpc::NFS, rpc::NFS_V4, rpc::COMPOUND] {
        out.put_u32(word);
    }
    let mut sys = Vec::new();
    sys.put_u32(0);
    sys.put_opaque(b"raw");
    sys.put_u32(uid);
    sys.put_u32(0);
    sys.put_u32(0);
    out.put_u32(rpc::AUTH_SYS);
    out.put_opaque(&sys);
    out.put_u32(rpc::AUTH_NONE);
    out.put_opaque(&[]);
    // No tag, NFSv4.1.
    out.put_opaque(&[]);
    out.put_u32(1);
    out.put_u32(ops.len() as u32);
    for op in ops {
        out.extend_from_slice(op);
    }
    out
}

/// Encodes a record of one fragment.
#[must_use]
pub fn framed(record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + 4);
    out.put_u32(rpc::LAST | record.len() as u32);
    out.extend_from_slice(record);
    out
}
