//! RPC (RFC 5531): splits a byte stream into records, writes call headers and reads reply headers.

use std::fmt;
use std::ops::Range;

use super::xdr::{Malformed, XdrReader, XdrWriter};

/// The bit of a record mark that flags the last fragment (RFC 5531, section 11).
pub(super) const LAST_FRAGMENT: u32 = 1 << 31;

const CALL: u32 = 0;
const REPLY: u32 = 1;
const RPC_VERSION: u32 = 2;
const NFS_PROGRAM: u32 = 100_003;
const NFS_VERSION: u32 = 4;
const COMPOUND: u32 = 1;
const AUTH_NONE: u32 = 0;
const AUTH_SYS: u32 = 1;
/// Limit for the body of a credential or verifier, in bytes (RFC 5531, section 8.2).
const AUTH_LIMIT: usize = 400;
/// Limit for the machine name in a credential, in bytes (RFC 5531, appendix A).
const MACHINE_LIMIT: usize = 255;

/// Reassembles records from a byte stream (record marking, RFC 5531, section 11).
///
/// Bytes are read straight into [`RecordBuffer::space`]. A record of a single fragment, the form
/// servers send, is returned in place.
#[derive(Debug)]
pub(super) struct RecordBuffer {
    buffer: Vec<u8>,
    /// The received bytes are `buffer[..filled]`.
    filled: usize,
    /// The payload of the incomplete record, with its fragments joined.
    record: Range<usize>,
    /// The position of the next fragment's mark. Never before `record.end`.
    mark: usize,
    limit: usize,
}

/// Error after which the stream cannot be split into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    /// The record is longer than any reply we allow.
    #[error("{}", too_long(*announced, *limit))]
    TooLong {
        /// Bytes announced by the record's marks so far.
        announced: usize,
        limit: usize,
    },
    /// An empty fragment that is not the last. A server could send these forever.
    #[error("the server sent an empty record fragment")]
    Empty,
}

/// A server of another protocol begins with text where a record has its length.
fn too_long(announced: usize, limit: usize) -> String {
    let bytes = u32::try_from(announced).unwrap_or_default().to_be_bytes();
    match bytes.iter().all(|byte| byte.is_ascii_graphic()) {
        true => {
            let text = String::from_utf8_lossy(&bytes);
            format!("the server there does not speak NFS: it begins with `{text}`")
        }
        false => {
            format!("the server announced a message of {announced} bytes; the limit is {limit}")
        }
    }
}

impl FramingError {
    /// True if the "record mark" is the start of a TLS 1.0 to 1.3 alert (RFC 8446, section 5.1),
    /// which a server that expects TLS sends in reply to a plaintext request.
    pub(super) fn is_tls(self) -> bool {
        matches!(self, Self::TooLong { announced, .. } if announced >> 16 == 0x1503)
    }
}

impl RecordBuffer {
    /// Creates a buffer for records of at most `limit` bytes, counting the marks of all fragments
    /// but the first.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), filled: 0, record: 0..0, mark: 0, limit }
    }

    /// Returns space for at least `bytes` more from the stream. Call [`RecordBuffer::filled`]
    /// afterwards.
    ///
    /// Memory grows with the bytes received, not with the length a mark announces.
    pub(super) fn space(&mut self, bytes: usize) -> &mut [u8] {
        self.compact();
        let wanted = self.filled + bytes;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Records that the first `bytes` of the space were filled.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.filled = self.buffer.len().min(self.filled + bytes);
    }

    /// Appends bytes that were read elsewhere.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Returns the next complete record, if there is one. Call until it returns `None`.
    ///
    /// # Errors
    /// The stream is unusable, and every later call returns the same error. Close the connection.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FramingError> {
        loop {
            let received = &self.buffer[..self.filled];
            let Some(mark) = received.get(self.mark..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            let mark = u32::from_be_bytes(*mark);
            let length = (mark & !LAST_FRAGMENT) as usize;
            if mark == 0 {
                return Err(FramingError::Empty);
            }
            // An empty payload means that a record starts here. The marks of later fragments count
            // towards the limit; otherwise one-byte fragments could use five times the limit.
            let first = self.mark == self.record.start;
            let before = if first { 0 } else { self.mark + 4 - self.record.start };
            let announced = before.saturating_add(length);
            if announced > self.limit {
                return Err(FramingError::TooLong { announced, limit: self.limit });
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

    /// Moves the bytes still needed to the front of the buffer.
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

/// AUTH_SYS credential (RFC 5531, appendix A): the uid and gid a call claims, which the server
/// trusts.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    body: Vec<u8>,
}

impl Credential {
    /// Creates a credential without supplementary groups. `machine` appears in the server's logs;
    /// it is cut at 255 bytes.
    pub(super) fn sys(stamp: u32, machine: &[u8], uid: u32, gid: u32) -> Self {
        let mut writer = XdrWriter::default();
        writer.u32(stamp);
        writer.opaque(&machine[..machine.len().min(MACHINE_LIMIT)]);
        writer.u32(uid);
        writer.u32(gid);
        writer.u32(0);
        Self { body: writer.into_bytes() }
    }
}

/// Writes the header of a COMPOUND call, without the record mark.
pub(super) fn call(writer: &mut XdrWriter, xid: u32, credential: &Credential) {
    for word in [xid, CALL, RPC_VERSION, NFS_PROGRAM, NFS_VERSION, COMPOUND, AUTH_SYS] {
        writer.u32(word);
    }
    writer.opaque(&credential.body);
    writer.u32(AUTH_NONE);
    writer.u32(0);
}

/// The reply to a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct RpcReply<'a> {
    pub(super) xid: u32,
    /// The results, or the reason that the server did not execute the call.
    pub(super) outcome: Result<XdrReader<'a>, RpcError>,
}

/// Reason that a server did not execute a call (RFC 5531, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RpcError {
    #[error("the server speaks RPC versions {low} to {high}, not 2")]
    RpcMismatch { low: u32, high: u32 },
    #[error("the server rejected the credential: {0}")]
    Auth(AuthStat),
    #[error("the server does not offer NFS (PROG_UNAVAIL)")]
    ProgUnavail,
    #[error("the server speaks NFS versions {low} to {high}, not 4")]
    ProgMismatch { low: u32, high: u32 },
    #[error("the server does not support COMPOUND (PROC_UNAVAIL)")]
    ProcUnavail,
    #[error("the server does not understand the request (GARBAGE_ARGS)")]
    GarbageArgs,
    #[error("the server failed (SYSTEM_ERR)")]
    SystemErr,
}

/// `auth_stat` (RFC 5531, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthStat(pub(super) u32);

impl AuthStat {
    /// Sent by NFS servers that require Kerberos or a privileged port.
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

/// Reads the header of a reply.
///
/// # Errors
/// The record is not a reply. Calls from the server (callbacks) are errors too: our sessions have
/// no backchannel.
pub(super) fn reply(record: &[u8]) -> Result<RpcReply<'_>, Malformed> {
    let mut reader = XdrReader::new(record);
    let xid = reader.u32("xid")?;
    one_of(&mut reader, &[REPLY], "REPLY")?;
    let outcome = match one_of(&mut reader, &[0, 1], "reply_stat")? {
        0 => accepted(reader)?,
        _ => Err(denied(reader)?),
    };
    Ok(RpcReply { xid, outcome })
}

fn accepted(mut reader: XdrReader<'_>) -> Result<Result<XdrReader<'_>, RpcError>, Malformed> {
    reader.u32("verifier flavor")?;
    reader.opaque(AUTH_LIMIT, "verifier")?;
    let error = match one_of(&mut reader, &[0, 1, 2, 3, 4, 5], "accept_stat")? {
        0 => return Ok(Ok(reader)),
        1 => RpcError::ProgUnavail,
        2 => {
            let (low, high) = (reader.u32("mismatch low")?, reader.u32("mismatch high")?);
            RpcError::ProgMismatch { low, high }
        }
        3 => RpcError::ProcUnavail,
        4 => RpcError::GarbageArgs,
        _ => RpcError::SystemErr,
    };
    reader.end("end of the reply")?;
    Ok(Err(error))
}

fn denied(mut reader: XdrReader<'_>) -> Result<RpcError, Malformed> {
    let error = match one_of(&mut reader, &[0, 1], "reject_stat")? {
        0 => {
            let (low, high) = (reader.u32("mismatch low")?, reader.u32("mismatch high")?);
            RpcError::RpcMismatch { low, high }
        }
        _ => RpcError::Auth(AuthStat(reader.u32("auth_stat")?)),
    };
    reader.end("end of the reply")?;
    Ok(error)
}

/// Reads an integer that must be one of `known`.
fn one_of(
    reader: &mut XdrReader<'_>,
    known: &[u32],
    expected: &'static str,
) -> Result<u32, Malformed> {
    let at = *reader;
    let number = reader.u32(expected)?;
    if known.contains(&number) { Ok(number) } else { Err(at.malformed(expected)) }
}

#[cfg(test)]
mod tests;
