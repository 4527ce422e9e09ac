//! Reads the results of a COMPOUND, in the order of its operations.
//!
//! A server stops at the first operation that fails, and the reply ends with its status (RFC 8881,
//! section 16.2.3). Earlier results are valid; later operations were not executed.

use super::attrs::{Attributes, HANDLE_LIMIT};
use super::compound::{ChannelAttrs, NfsOp, SP4_NONE, SessionId};
use super::readdir::{DirEntries, ReadDirCursor};
use super::status::Status;
use super::xdr::{Malformed, XdrReader};

const OPAQUE_LIMIT: usize = 1024;
/// Returned by a server in place of an operation it does not know.
const OP_ILLEGAL: u32 = 10_044;

/// Reason that an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OpError {
    /// The operation failed.
    #[error("{operation}: {status}")]
    Status {
        operation: NfsOp,
        /// Never [`Status::OK`].
        status: Status,
    },
    /// The operation was not executed because an earlier one failed.
    #[error("{operation} was not executed because an earlier operation failed")]
    NotExecuted { operation: NfsOp },
    /// The reply violates the protocol. Every later read returns the same error.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Reads results one by one. The caller reads them in the order in which it wrote the operations; a
/// mismatch counts as the server's error.
#[derive(Clone, Debug)]
pub(super) struct CompoundResults<'a> {
    pub(super) reader: XdrReader<'a>,
    status: Status,
    /// Results not read yet, as announced by the server.
    remaining: u32,
    /// True once a result has been read.
    begun: bool,
    state: DecodeState,
}

#[derive(Clone, Copy, Debug)]
enum DecodeState {
    /// Between results.
    Ready,
    /// Within READDIR's entries.
    Listing(ReadDirCursor),
    /// An operation failed.
    Failed,
    /// The reply is malformed.
    Malformed(Malformed),
}

impl<'a> CompoundResults<'a> {
    /// Reads the head of a COMPOUND's results, as returned by [`super::rpc::reply`].
    pub(super) fn new(mut reader: XdrReader<'a>) -> Result<Self, Malformed> {
        let status = Status(reader.u32("COMPOUND status")?);
        reader.opaque(usize::MAX, "tag")?;
        let remaining = reader.u32("number of results")?;
        Ok(Self { reader, status, remaining, begun: false, state: DecodeState::Ready })
    }

    /// Reads the result of an operation that returns nothing but its status: PUTROOTFH, PUTFH,
    /// LOOKUP, RECLAIM_COMPLETE, DESTROY_SESSION, DESTROY_CLIENTID.
    #[inline]
    pub(super) fn check(&mut self, operation: NfsOp) -> Result<(), OpError> {
        self.result(operation, |_| Ok(()))
    }

    pub(super) fn exchange_id(&mut self) -> Result<ExchangeIdResult<'a>, OpError> {
        self.result(NfsOp::ExchangeId, ExchangeIdResult::read)
    }

    pub(super) fn create_session(&mut self) -> Result<CreateSessionResult, OpError> {
        self.result(NfsOp::CreateSession, CreateSessionResult::read)
    }

    /// Reads the result of BIND_CONN_TO_SESSION: the session id.
    pub(super) fn bind_conn_to_session(&mut self) -> Result<SessionId, OpError> {
        self.result(NfsOp::BindConnToSession, |reader| {
            let session = reader.array("bctsr_sessid")?;
            reader.u32("bctsr_dir")?;
            reader.bool("bctsr_use_conn_in_rdma_mode")?;
            Ok(session)
        })
    }

    /// Reads the result of SEQUENCE. The caller checks that session, slot and sequence id match the
    /// request.
    #[inline]
    pub(super) fn sequence(&mut self) -> Result<SequenceResult, OpError> {
        self.result(NfsOp::Sequence, SequenceResult::read)
    }

    /// Reads the result of GETFH: a file handle of at most [`HANDLE_LIMIT`] bytes.
    pub(super) fn get_fh(&mut self) -> Result<&'a [u8], OpError> {
        self.result(NfsOp::GetFh, |reader| reader.opaque(HANDLE_LIMIT, "nfs_fh4"))
    }

    pub(super) fn get_attr(&mut self) -> Result<Attributes<'a>, OpError> {
        self.result(NfsOp::GetAttr, Attributes::read)
    }

    pub(super) fn read(&mut self) -> Result<ReadResult<'a>, OpError> {
        self.result(NfsOp::Read, |reader| {
            let eof = reader.bool("eof")?;
            let data = reader.opaque(usize::MAX, "data")?;
            Ok(ReadResult { eof, data })
        })
    }

    /// Reads the result of READDIR. Entries are decoded as the iterator advances; the next result
    /// skips the rest.
    #[inline]
    pub(super) fn read_dir(&mut self) -> Result<DirEntries<'_, 'a>, OpError> {
        let listing = self.result(NfsOp::ReadDir, ReadDirCursor::read)?;
        self.state = DecodeState::Listing(listing);
        Ok(DirEntries::new(self, listing))
    }

    /// Checks that the whole reply has been read.
    ///
    /// # Errors
    /// The reply has more results than the request had operations. A failed operation has already
    /// been reported and is no error here.
    #[cfg(test)]
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.skip_entries()?;
        if self.remaining > 0 {
            return Err(self.poison(self.reader.malformed("end of the results")));
        }
        match self.reader.end("end of the reply") {
            Err(malformed) => Err(self.poison(malformed)),
            Ok(()) => Ok(()),
        }
    }

    /// Marks the READDIR result as read to its end.
    #[inline]
    pub(super) fn listing_ended(&mut self) {
        self.state = DecodeState::Ready;
    }

    /// Makes all further reads fail.
    #[cold]
    pub(super) fn poison(&mut self, malformed: Malformed) -> Malformed {
        self.state = DecodeState::Malformed(malformed);
        malformed
    }

    fn skip_entries(&mut self) -> Result<(), Malformed> {
        if let DecodeState::Listing(listing) = self.state {
            DirEntries::new(self, listing).end()?;
        }
        match self.state {
            DecodeState::Malformed(malformed) => Err(malformed),
            _ => Ok(()),
        }
    }

    #[inline]
    fn result<T>(
        &mut self,
        operation: NfsOp,
        read: impl FnOnce(&mut XdrReader<'a>) -> Result<T, Malformed>,
    ) -> Result<T, OpError> {
        self.skip_entries()?;
        if let DecodeState::Failed = self.state {
            return Err(OpError::NotExecuted { operation });
        }
        let failed = match self.result_header(operation) {
            Ok(Status::OK) => match read(&mut self.reader) {
                Ok(result) => return Ok(result),
                Err(malformed) => Err(malformed),
            },
            other => other,
        };
        Err(self.fail(operation, failed))
    }

    #[cold]
    fn fail(&mut self, operation: NfsOp, failed: Result<Status, Malformed>) -> OpError {
        match failed {
            Ok(status) => {
                self.state = DecodeState::Failed;
                OpError::Status { operation, status }
            }
            Err(malformed) => self.poison(malformed).into(),
        }
    }

    /// Reads the head of the next result: operation and status.
    #[inline]
    fn result_header(&mut self, operation: NfsOp) -> Result<Status, Malformed> {
        let start = self.reader;
        if self.remaining == 0 {
            // A request rejected as a whole has no results at all, for example with
            // MINOR_VERS_MISMATCH. Otherwise the last result carries the status.
            return match self.begun || self.status == Status::OK {
                true => Err(start.malformed("result for every operation")),
                false => Ok(self.status),
            };
        }
        self.remaining -= 1;
        self.begun = true;
        let number = self.reader.u32("operation of a result")?;
        let status = Status(self.reader.u32("nfsstat4")?);
        let illegal = number == OP_ILLEGAL && status != Status::OK;
        if number != operation as u32 && !illegal {
            return Err(start.malformed(operation.name()));
        }
        if status != Status::OK && self.remaining > 0 {
            return Err(self.reader.malformed("end of the results after a failed operation"));
        }
        Ok(status)
    }
}

/// Result of EXCHANGE_ID: the client id and the server's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExchangeIdResult<'a> {
    /// `eir_clientid`.
    pub(super) client: u64,
    /// Sequence id of the first CREATE_SESSION. Meaningless if `flags` contain CONFIRMED_R.
    pub(super) sequence: u32,
    /// `EXCHGID4_FLAG_*`.
    pub(super) flags: u32,
    /// `so_major_id`. Together with the scope, it identifies the server.
    pub(super) server: &'a [u8],
    /// `so_minor_id`. If this is equal, too, connections can share sessions.
    pub(super) minor: u64,
    pub(super) scope: &'a [u8],
    /// The implementation's domain and name, if the server sends them.
    pub(super) implementation: Option<(&'a [u8], &'a [u8])>,
}

/// `EXCHGID4_FLAG_USE_NON_PNFS`: requests a server without pNFS.
pub(super) const USE_NON_PNFS: u32 = 0x0001_0000;
/// `EXCHGID4_FLAG_CONFIRMED_R`: the client id exists and has had a session.
pub(super) const CONFIRMED_R: u32 = 0x8000_0000;

impl<'a> ExchangeIdResult<'a> {
    /// True if this may be the Linux kernel's server. Linux 6.1 sends no implementation id, and the
    /// host name as both owner and scope; ganesha sends none either, but a different scope.
    pub(super) fn may_be_linux(&self) -> bool {
        match self.implementation {
            Some((domain, name)) => domain == b"kernel.org" || name.starts_with(b"Linux"),
            None => self.server == self.scope,
        }
    }

    fn read(reader: &mut XdrReader<'a>) -> Result<Self, Malformed> {
        let client = reader.u64("eir_clientid")?;
        let sequence = reader.u32("eir_sequenceid")?;
        let flags = reader.u32("eir_flags")?;
        let protect = *reader;
        if reader.u32("eir_state_protect")? != SP4_NONE {
            // The server must grant what was requested, or fail.
            return Err(protect.malformed("SP4_NONE"));
        }
        let minor = reader.u64("so_minor_id")?;
        let server = reader.opaque(OPAQUE_LIMIT, "so_major_id")?;
        let scope = reader.opaque(OPAQUE_LIMIT, "eir_server_scope")?;
        let implementation = match optional(reader, "eir_server_impl_id")? {
            false => None,
            true => {
                let domain = reader.opaque(usize::MAX, "nii_domain")?;
                let name = reader.opaque(usize::MAX, "nii_name")?;
                reader.i64("nii_date")?;
                reader.u32("nii_date")?;
                Some((domain, name))
            }
        };
        Ok(Self { client, sequence, flags, server, minor, scope, implementation })
    }
}

/// Result of CREATE_SESSION: the session and its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CreateSessionResult {
    pub(super) session: SessionId,
    /// The sequence id of the request.
    pub(super) sequence: u32,
    pub(super) flags: u32,
    /// The fore channel. A server may grant less than requested, even zeros.
    pub(super) fore: ChannelAttrs,
    /// The backchannel, which is not used.
    pub(super) back: ChannelAttrs,
}

impl CreateSessionResult {
    fn read(reader: &mut XdrReader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            session: reader.array("csr_sessionid")?,
            sequence: reader.u32("csr_sequence")?,
            flags: reader.u32("csr_flags")?,
            fore: channel(reader)?,
            back: channel(reader)?,
        })
    }
}

fn channel(reader: &mut XdrReader<'_>) -> Result<ChannelAttrs, Malformed> {
    reader.u32("ca_headerpadsize")?;
    let channel = ChannelAttrs {
        max_request: reader.u32("ca_maxrequestsize")?,
        max_response: reader.u32("ca_maxresponsesize")?,
        max_response_cached: reader.u32("ca_maxresponsesize_cached")?,
        max_operations: reader.u32("ca_maxoperations")?,
        max_requests: reader.u32("ca_maxrequests")?,
    };
    if optional(reader, "ca_rdma_ird")? {
        reader.u32("ca_rdma_ird")?;
    }
    Ok(channel)
}

/// Reads the length of an array of at most one element.
fn optional(reader: &mut XdrReader<'_>, expected: &'static str) -> Result<bool, Malformed> {
    reader.bool(expected)
}

/// Result of SEQUENCE: the state of the slot and of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SequenceResult {
    pub(super) session: SessionId,
    /// The sequence id of the request.
    pub(super) sequence: u32,
    /// The slot of the request.
    pub(super) slot: u32,
    /// The highest slot the server accepts now.
    pub(super) highest_slot: u32,
    /// The highest slot the server wants us to use.
    pub(super) target_highest_slot: u32,
    pub(super) flags: u32,
}

impl SequenceResult {
    #[inline]
    fn read(reader: &mut XdrReader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            session: reader.array("sr_sessionid")?,
            sequence: reader.u32("sr_sequenceid")?,
            slot: reader.u32("sr_slotid")?,
            highest_slot: reader.u32("sr_highest_slotid")?,
            target_highest_slot: reader.u32("sr_target_highest_slotid")?,
            flags: reader.u32("sr_status_flags")?,
        })
    }
}

/// Result of READ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadResult<'a> {
    /// True if the file ends after these bytes.
    pub(super) eof: bool,
    /// A server may return fewer bytes than requested.
    pub(super) data: &'a [u8],
}

#[cfg(test)]
mod tests;
