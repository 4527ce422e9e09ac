//! Remote procedure calls (RFC 5531): records on a stream, the header of a call, what becomes of it.

use std::fmt;
use std::ops::Range;

use super::xdr::{Malformed, Reader, Writer};

/// The bit of a record mark that says "the last fragment" (RFC 5531, section 11).
pub(super) const LAST_FRAGMENT: u32 = 1 << 31;

const CALL: u32 = 0;
const REPLY: u32 = 1;
const RPC_VERSION: u32 = 2;
const NFS_PROGRAM: u32 = 100_003;
const NFS_VERSION: u32 = 4;
const COMPOUND: u32 = 1;
const AUTH_NONE: u32 = 0;
const AUTH_SYS: u32 = 1;
/// The longest body of a credential or verifier, bytes (RFC 5531, section 8.2).
const AUTH_LIMIT: usize = 400;
/// The longest machine name in a credential, bytes (RFC 5531, appendix A).
const MACHINE_LIMIT: usize = 255;

/// Makes whole records out of a stream's bytes, however they come.
///
/// The bytes are read straight into [`Records::space`]; a record of one fragment, which is what
/// servers send, is handed out where it lies.
#[derive(Debug)]
pub(super) struct Records {
    buffer: Vec<u8>,
    /// What was received is `buffer[..filled]`.
    filled: usize,
    /// The payload of the record that is coming in, its fragments moved together.
    record: Range<usize>,
    /// Where the next fragment's mark is, or will be. Never before `record.end`.
    mark: usize,
    limit: usize,
}

/// Why a stream cannot be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unframed {
    /// A record is longer than any that was asked for.
    #[error("the server announced a message of {announced} bytes; at most {limit} were asked for")]
    TooLong {
        /// Bytes, as far as marks have told.
        announced: usize,
        /// Bytes at most.
        limit: usize,
    },
    /// A fragment without a byte that is not the last: they could come for ever.
    #[error("the server sends a message in pieces of no bytes")]
    Empty,
}

impl Unframed {
    /// Whether it is no message, but the beginning of an alert in TLS 1.0 to 1.3 (RFC 8446, section
    /// 5.1): what a server that wants TLS answers to plain requests.
    pub(super) fn is_tls(self) -> bool {
        matches!(self, Self::TooLong { announced, .. } if announced >> 16 == 0x1503)
    }
}

impl Records {
    /// Of at most `limit` bytes each, the marks of fragments after the first included.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), filled: 0, record: 0..0, mark: 0, limit }
    }

    /// Room for at least `bytes` more from the stream. Then call [`Records::filled`].
    ///
    /// Memory grows with what has come, not with what a mark announces.
    pub(super) fn space(&mut self, bytes: usize) -> &mut [u8] {
        self.compact();
        let wanted = self.filled + bytes;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// The first `bytes` of the room were filled.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.filled = self.buffer.len().min(self.filled + bytes);
    }

    /// Takes bytes that were read elsewhere.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// The next whole record, if it has come. To be called until there is none.
    ///
    /// # Errors
    /// There can be none. It stays so: the connection must be given up.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Unframed> {
        loop {
            let received = &self.buffer[..self.filled];
            let Some(mark) = received.get(self.mark..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            let mark = u32::from_be_bytes(*mark);
            let length = (mark & !LAST_FRAGMENT) as usize;
            if mark == 0 {
                return Err(Unframed::Empty);
            }
            // A record that has nothing yet starts here. Later fragments count by their marks, too:
            // else those of one byte could take five times what a record may have.
            let first = self.mark == self.record.start;
            let before = if first { 0 } else { self.mark + 4 - self.record.start };
            let announced = before.saturating_add(length);
            if announced > self.limit {
                return Err(Unframed::TooLong { announced, limit: self.limit });
            }
            let start = self.mark + 4;
            if self.filled - start < length {
                return Ok(None);
            }
            let end = start + length;
            if first {
                self.record = start..end;
            } else {
                // Each byte is moved once, however many fragments there are.
                self.buffer.copy_within(start..end, self.record.end);
                self.record.end += length;
            }
            self.mark = end;
            if mark & LAST_FRAGMENT != 0 {
                let record = std::mem::replace(&mut self.record, end..end);
                return Ok(Some(&self.buffer[record]));
            }
        }
    }

    /// Moves what is still needed to the front.
    fn compact(&mut self) {
        let start = self.record.start;
        if start > 0 {
            self.buffer.copy_within(start..self.filled, 0);
            self.filled -= start;
            self.mark -= start;
            self.record = 0..self.record.end - start;
        }
    }
}

/// Who a call says it comes from: AUTH_SYS (RFC 5531, appendix A), which a server believes.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    body: Vec<u8>,
}

impl Credential {
    /// `machine` is for the server's logs and cut at 255 bytes. There are no further groups.
    pub(super) fn sys(stamp: u32, machine: &[u8], uid: u32, gid: u32) -> Self {
        let mut writer = Writer::default();
        writer.u32(stamp);
        writer.opaque(&machine[..machine.len().min(MACHINE_LIMIT)]);
        writer.u32(uid);
        writer.u32(gid);
        writer.u32(0);
        Self { body: writer.into_bytes() }
    }
}

/// Writes the header of a call of COMPOUND, without a record mark.
pub(super) fn call(writer: &mut Writer, xid: u32, credential: &Credential) {
    for word in [xid, CALL, RPC_VERSION, NFS_PROGRAM, NFS_VERSION, COMPOUND, AUTH_SYS] {
        writer.u32(word);
    }
    writer.opaque(&credential.body);
    writer.u32(AUTH_NONE);
    writer.u32(0);
}

/// What came back for the call of this number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    /// The number of the call.
    pub(super) xid: u32,
    /// Its results, or why the server did not look at it.
    pub(super) outcome: Result<Reader<'a>, Refused>,
}

/// Why a server did not do a call at all (RFC 5531, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// `RPC_MISMATCH`.
    #[error("the server speaks RPC versions {low} to {high}, not 2")]
    RpcMismatch {
        /// Oldest version.
        low: u32,
        /// Newest version.
        high: u32,
    },
    /// `AUTH_ERROR`.
    #[error("the server refuses the credentials: {0}")]
    Auth(AuthStat),
    /// `PROG_UNAVAIL`.
    #[error("the server has no NFS (PROG_UNAVAIL)")]
    ProgUnavail,
    /// `PROG_MISMATCH`.
    #[error("the server speaks NFS versions {low} to {high}, not 4")]
    ProgMismatch {
        /// Oldest version.
        low: u32,
        /// Newest version.
        high: u32,
    },
    /// `PROC_UNAVAIL`.
    #[error("the server has no COMPOUND (PROC_UNAVAIL)")]
    ProcUnavail,
    /// `GARBAGE_ARGS`.
    #[error("the server does not understand the request (GARBAGE_ARGS)")]
    GarbageArgs,
    /// `SYSTEM_ERR`.
    #[error("the server failed (SYSTEM_ERR)")]
    SystemErr,
}

/// `auth_stat` of RFC 5531, section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthStat(pub(super) u32);

impl AuthStat {
    /// What an NFS server answers that demands Kerberos, or privileged ports.
    pub(super) const TOOWEAK: Self = Self(5);

    fn name(self) -> Option<&'static str> {
        let names = [
            "AUTH_OK",
            "AUTH_BADCRED",
            "AUTH_REJECTEDCRED",
            "AUTH_BADVERF",
            "AUTH_REJECTEDVERF",
            "AUTH_TOOWEAK",
            "AUTH_INVALIDRESP",
            "AUTH_FAILED",
        ];
        names.get(self.0 as usize).copied()
    }
}

impl fmt::Display for AuthStat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "RPC authentication status {}", self.0),
        }
    }
}

/// Reads a record: the header of a reply.
///
/// # Errors
/// It is none. A server's own calls (callbacks) are none either: no session of ours has a back
/// channel, so there are none to expect.
pub(super) fn reply(record: &[u8]) -> Result<Reply<'_>, Malformed> {
    let mut reader = Reader::new(record);
    let xid = reader.u32("xid")?;
    number(&mut reader, &[REPLY], "REPLY")?;
    let outcome = match number(&mut reader, &[0, 1], "reply_stat")? {
        0 => accepted(reader)?,
        _ => Err(denied(reader)?),
    };
    Ok(Reply { xid, outcome })
}

fn accepted(mut reader: Reader<'_>) -> Result<Result<Reader<'_>, Refused>, Malformed> {
    reader.u32("verifier flavor")?;
    reader.opaque(AUTH_LIMIT, "verifier")?;
    let refused = match number(&mut reader, &[0, 1, 2, 3, 4, 5], "accept_stat")? {
        0 => return Ok(Ok(reader)),
        1 => Refused::ProgUnavail,
        2 => {
            let (low, high) = (reader.u32("mismatch low")?, reader.u32("mismatch high")?);
            Refused::ProgMismatch { low, high }
        }
        3 => Refused::ProcUnavail,
        4 => Refused::GarbageArgs,
        _ => Refused::SystemErr,
    };
    reader.end("end of the reply")?;
    Ok(Err(refused))
}

fn denied(mut reader: Reader<'_>) -> Result<Refused, Malformed> {
    let refused = match number(&mut reader, &[0, 1], "reject_stat")? {
        0 => {
            let (low, high) = (reader.u32("mismatch low")?, reader.u32("mismatch high")?);
            Refused::RpcMismatch { low, high }
        }
        _ => Refused::Auth(AuthStat(reader.u32("auth_stat")?)),
    };
    reader.end("end of the reply")?;
    Ok(refused)
}

/// One of a few numbers.
fn number(
    reader: &mut Reader<'_>,
    known: &[u32],
    expected: &'static str,
) -> Result<u32, Malformed> {
    let at = *reader;
    let number = reader.u32(expected)?;
    if known.contains(&number) { Ok(number) } else { Err(at.malformed(expected)) }
}

#[cfg(test)]
mod tests;
