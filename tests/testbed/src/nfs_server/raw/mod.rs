//! As little of a client as shows that the server does what it says: requests by hand over a
//! blocking socket. It checks nothing; whoever uses it does.

mod load;
pub mod ops;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::protocol::{Op, Status, rpc};
use super::xdr::{BadXdr, Put as _, Reader};
pub use load::{Load, Shape};

/// No reply of this server comes near.
const LONGEST: usize = 16 << 20;

/// A connection.
pub struct Raw {
    pub stream: TcpStream,
    /// Of the latest request.
    pub xid: u32,
    /// Who calls.
    pub uid: u32,
}

/// A session with the sequence id that was used last, by slot.
#[derive(Debug, Clone)]
pub struct Session {
    pub client: u64,
    pub id: [u8; 16],
    pub sequences: Vec<u32>,
    /// `ca_maxresponsesize`, `ca_maxresponsesize_cached` and `ca_maxoperations`.
    pub granted: (u32, u32, u32),
}

/// A COMPOUND's reply: its status and a cursor over its results.
#[derive(Debug)]
pub struct Answers {
    pub status: Status,
    /// How many operations were performed.
    pub count: u32,
    bytes: Vec<u8>,
    at: usize,
}

/// What this server does not send, or not whole.
impl From<BadXdr> for io::Error {
    fn from(_: BadXdr) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, "not the XDR that was expected")
    }
}

impl Answers {
    /// Takes the head of the next result.
    ///
    /// # Errors
    /// When there is none.
    pub fn next_op(&mut self) -> io::Result<(Op, Status)> {
        self.read(|reader| Ok((Op(reader.u32()?), Status(reader.u32()?))))
    }

    /// Takes what follows it.
    ///
    /// # Errors
    /// When it is not what `with` expects.
    pub fn read<T>(
        &mut self,
        with: impl FnOnce(&mut Reader<'_>) -> Result<T, BadXdr>,
    ) -> io::Result<T> {
        let mut reader = Reader::new(&self.bytes[self.at..]);
        let read = with(&mut reader)?;
        self.at = self.bytes.len() - reader.rest().len();
        Ok(read)
    }

    /// Bytes that were not taken yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Takes SEQUENCE's result, the highest slot and its target.
    ///
    /// # Errors
    /// When it failed.
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
    /// # Errors
    /// When nobody listens.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // Longer than anything here takes; a test that hangs says nothing.
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream, xid: 0, uid: 0 })
    }

    /// Sends a COMPOUND without waiting; gives its xid.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, ops: &[Vec<u8>]) -> io::Result<u32> {
        self.xid += 1;
        let request = compound(self.xid, self.uid, ops);
        self.stream.write_all(&framed(&request))?;
        Ok(self.xid)
    }

    /// The next record as it is, its fragments put together.
    ///
    /// # Errors
    /// When the connection ends first.
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

    /// The next reply, and its xid.
    ///
    /// # Errors
    /// When the connection ends first, or it is no COMPOUND's.
    pub fn receive(&mut self) -> io::Result<(u32, Answers)> {
        let record = self.record()?;
        let mut reader = Reader::new(&record);
        let xid = reader.u32()?;
        // A reply, accepted, without a verifier, successful.
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

    /// Sends, and waits for the next reply.
    ///
    /// # Errors
    /// As [`Raw::send`] and [`Raw::receive`] have them.
    pub fn call(&mut self, ops: &[Vec<u8>]) -> io::Result<Answers> {
        self.send(ops)?;
        Ok(self.receive()?.1)
    }

    /// A client id and its next sequence.
    ///
    /// # Errors
    /// When it was not given.
    pub fn exchange(&mut self, owner: &[u8], verifier: [u8; 8]) -> io::Result<(u64, u32)> {
        let mut answers = self.call(&[ops::exchange_id(owner, verifier)])?;
        answers.next_op()?;
        answers.read(|reader| Ok((reader.u64()?, reader.u32()?)))
    }

    /// A session of a new client, for as many slots and bytes of cached replies as are asked for.
    ///
    /// # Errors
    /// When it was not given.
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
    /// SEQUENCE for the next request in a slot.
    pub fn next(&mut self, slot: usize, cache: bool) -> Vec<u8> {
        self.sequences[slot] += 1;
        self.again(slot, cache)
    }

    /// SEQUENCE for the latest request in a slot once more.
    #[must_use]
    pub fn again(&self, slot: usize, cache: bool) -> Vec<u8> {
        let (sequence, slots) = (self.sequences[slot], self.sequences.len());
        ops::sequence(&self.id, sequence, slot as u32, slots as u32 - 1, cache)
    }
}

/// The call with these operations, without a record mark.
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

/// A record of one fragment.
#[must_use]
pub fn framed(record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + 4);
    out.put_u32(rpc::LAST | record.len() as u32);
    out.extend_from_slice(record);
    out
}
