//! Answers: the results of a COMPOUND, in the order of its operations.
//!
//! A server stops at the first operation that fails, and its reply ends with that one's status
//! (RFC 8881, section 16.2.3). What came before it holds; what came behind it was not done.

use super::attrs::{Attributes, HANDLE_LIMIT};
use super::compound::{Channel, Operation, SP4_NONE, SessionId};
use super::readdir::{Entries, Listing};
use super::status::Status;
use super::xdr::{Malformed, Reader};

/// `NFS4_OPAQUE_LIMIT`, bytes.
const OPAQUE_LIMIT: usize = 1024;
/// What a server answers for an operation that it does not know.
const OP_ILLEGAL: u32 = 10_044;

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The server refused it.
    #[error("{operation}: {status}")]
    Status {
        /// The operation.
        operation: Operation,
        /// Never [`Status::OK`].
        status: Status,
    },
    /// It was not done because an earlier one failed.
    #[error("{operation} was not done, as an operation before it failed")]
    NotDone {
        /// The operation.
        operation: Operation,
    },
    /// The reply is not what the protocol says. Every further question gets the same answer.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Reads the results one by one. Each is to be asked for as its operation was written in the
/// request, in the same order; a wrong order is taken for the server's fault.
#[derive(Clone, Debug)]
pub(super) struct Answers<'a> {
    pub(super) reader: Reader<'a>,
    status: Status,
    /// Results that are not read yet, as the server announced them.
    left: u32,
    /// Whether any result was read.
    begun: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between results.
    Ready,
    /// In a READDIR's entries.
    Listing(Listing),
    /// An operation failed.
    Failed,
    /// The reply cannot be read further.
    Malformed(Malformed),
}

impl<'a> Answers<'a> {
    /// Reads the head of a COMPOUND's results, which [`super::rpc::reply`] found.
    pub(super) fn new(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let status = Status(reader.u32("COMPOUND status")?);
        reader.opaque(usize::MAX, "tag")?;
        let left = reader.u32("number of results")?;
        Ok(Self { reader, status, left, begun: false, state: State::Ready })
    }

    /// The result of an operation that has none: PUTROOTFH, PUTFH, LOOKUP, RECLAIM_COMPLETE,
    /// DESTROY_SESSION, DESTROY_CLIENTID.
    ///
    /// # Errors
    /// [`Fault`], as for all the others.
    #[inline]
    pub(super) fn done(&mut self, operation: Operation) -> Result<(), Fault> {
        self.result(operation, |_| Ok(()))
    }

    /// EXCHANGE_ID.
    pub(super) fn exchange_id(&mut self) -> Result<ExchangeId<'a>, Fault> {
        self.result(Operation::ExchangeId, ExchangeId::read)
    }

    /// CREATE_SESSION.
    pub(super) fn create_session(&mut self) -> Result<CreateSession, Fault> {
        self.result(Operation::CreateSession, CreateSession::read)
    }

    /// BIND_CONN_TO_SESSION: the session.
    pub(super) fn bind_conn_to_session(&mut self) -> Result<SessionId, Fault> {
        self.result(Operation::BindConnToSession, |reader| {
            let session = reader.array("bctsr_sessid")?;
            reader.u32("bctsr_dir")?;
            reader.bool("bctsr_use_conn_in_rdma_mode")?;
            Ok(session)
        })
    }

    /// SEQUENCE. Whether session, slot and sequence are the request's is the caller's to check.
    #[inline]
    pub(super) fn sequence(&mut self) -> Result<Sequence, Fault> {
        self.result(Operation::Sequence, Sequence::read)
    }

    /// GETFH: a file handle of at most [`HANDLE_LIMIT`] bytes.
    pub(super) fn get_fh(&mut self) -> Result<&'a [u8], Fault> {
        self.result(Operation::GetFh, |reader| reader.opaque(HANDLE_LIMIT, "nfs_fh4"))
    }

    /// GETATTR.
    pub(super) fn get_attr(&mut self) -> Result<Attributes<'a>, Fault> {
        self.result(Operation::GetAttr, Attributes::read)
    }

    /// READ.
    pub(super) fn read(&mut self) -> Result<Read<'a>, Fault> {
        self.result(Operation::Read, |reader| {
            let eof = reader.bool("eof")?;
            let data = reader.opaque(usize::MAX, "data")?;
            Ok(Read { eof, data })
        })
    }

    /// READDIR. The entries are decoded as they are asked for; those that are not are skipped
    /// when the next result is asked for.
    #[inline]
    pub(super) fn read_dir(&mut self) -> Result<Entries<'_, 'a>, Fault> {
        let listing = self.result(Operation::ReadDir, Listing::read)?;
        self.state = State::Listing(listing);
        Ok(Entries::new(self, listing))
    }

    /// That everything was done and read.
    ///
    /// # Errors
    /// There is more in the reply than the request had operations. A failed operation was an
    /// error when it was asked for, and is none here.
    #[cfg(test)]
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.skip_entries()?;
        if self.left > 0 {
            return Err(self.broken(self.reader.malformed("end of the results")));
        }
        match self.reader.end("end of the reply") {
            Err(malformed) => Err(self.broken(malformed)),
            Ok(()) => Ok(()),
        }
    }

    /// The listing was read to its end.
    #[inline]
    pub(super) fn listed(&mut self) {
        self.state = State::Ready;
    }

    /// Nothing more can be read.
    #[cold]
    pub(super) fn broken(&mut self, malformed: Malformed) -> Malformed {
        self.state = State::Malformed(malformed);
        malformed
    }

    fn skip_entries(&mut self) -> Result<(), Malformed> {
        if let State::Listing(listing) = self.state {
            Entries::new(self, listing).end()?;
        }
        match self.state {
            State::Malformed(malformed) => Err(malformed),
            _ => Ok(()),
        }
    }

    #[inline]
    fn result<T>(
        &mut self,
        operation: Operation,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Fault> {
        self.skip_entries()?;
        if let State::Failed = self.state {
            return Err(Fault::NotDone { operation });
        }
        let failed = match self.status_of(operation) {
            Ok(Status::OK) => match read(&mut self.reader) {
                Ok(result) => return Ok(result),
                Err(malformed) => Err(malformed),
            },
            other => other,
        };
        Err(self.failed(operation, failed))
    }

    #[cold]
    fn failed(&mut self, operation: Operation, failed: Result<Status, Malformed>) -> Fault {
        match failed {
            Ok(status) => {
                self.state = State::Failed;
                Fault::Status { operation, status }
            }
            Err(malformed) => self.broken(malformed).into(),
        }
    }

    /// The head of the next result: which operation, and its status.
    #[inline]
    fn status_of(&mut self, operation: Operation) -> Result<Status, Malformed> {
        let start = self.reader;
        if self.left == 0 {
            // A server that refuses the request as a whole says so without any result, such as
            // MINOR_VERS_MISMATCH. Otherwise the last result has the status.
            return match self.begun || self.status == Status::OK {
                true => Err(start.malformed("results for all operations")),
                false => Ok(self.status),
            };
        }
        self.left -= 1;
        self.begun = true;
        let number = self.reader.u32("operation of a result")?;
        let status = Status(self.reader.u32("nfsstat4")?);
        let illegal = number == OP_ILLEGAL && status != Status::OK;
        if number != operation as u32 && !illegal {
            return Err(start.malformed(operation.name()));
        }
        if status != Status::OK && self.left > 0 {
            return Err(self.reader.malformed("end of the results behind a failed operation"));
        }
        Ok(status)
    }
}

/// Who the server takes this client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExchangeId<'a> {
    /// `clientid4`.
    pub(super) client: u64,
    /// The first sequence for CREATE_SESSION; not to be used where `flags` say CONFIRMED_R.
    pub(super) sequence: u32,
    /// `EXCHGID4_FLAG_*`.
    pub(super) flags: u32,
    /// `so_major_id`, which with the scope tells whether two connections lead to the same server.
    pub(super) server: &'a [u8],
    /// `so_minor_id`: sessions can be shared between connections where this is the same, too.
    pub(super) minor: u64,
    /// `eir_server_scope`.
    pub(super) scope: &'a [u8],
    /// Domain and name of the server's program, where it tells.
    pub(super) implementation: Option<(&'a [u8], &'a [u8])>,
}

/// `EXCHGID4_FLAG_USE_NON_PNFS`: what a client of a plain server asks for.
pub(super) const USE_NON_PNFS: u32 = 0x0001_0000;
/// `EXCHGID4_FLAG_CONFIRMED_R`: the server knows this client id and has a session of it.
pub(super) const CONFIRMED_R: u32 = 0x8000_0000;

impl<'a> ExchangeId<'a> {
    /// Whether this may be the server in Linux's kernel. Linux 6.1 was seen to tell no name, and
    /// the host's name as both owner and scope; ganesha tells none either, but another scope.
    pub(super) fn may_be_linux(&self) -> bool {
        match self.implementation {
            Some((domain, name)) => domain == b"kernel.org" || name.starts_with(b"Linux"),
            None => self.server == self.scope,
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let client = reader.u64("eir_clientid")?;
        let sequence = reader.u32("eir_sequenceid")?;
        let flags = reader.u32("eir_flags")?;
        let protect = *reader;
        if reader.u32("eir_state_protect")? != SP4_NONE {
            // The server must grant the one that was asked for, or fail.
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

/// A session, and what the server grants in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CreateSession {
    /// The session.
    pub(super) session: SessionId,
    /// The request's.
    pub(super) sequence: u32,
    /// `CREATE_SESSION4_FLAG_*`.
    pub(super) flags: u32,
    /// The channel for our requests. A server may grant less than asked for, and any zero.
    pub(super) fore: Channel,
    /// The channel for callbacks, which nobody makes.
    pub(super) back: Channel,
}

impl CreateSession {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            session: reader.array("csr_sessionid")?,
            sequence: reader.u32("csr_sequence")?,
            flags: reader.u32("csr_flags")?,
            fore: channel(reader)?,
            back: channel(reader)?,
        })
    }
}

fn channel(reader: &mut Reader<'_>) -> Result<Channel, Malformed> {
    reader.u32("ca_headerpadsize")?;
    let channel = Channel {
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

/// An array of at most one.
fn optional(reader: &mut Reader<'_>, expected: &'static str) -> Result<bool, Malformed> {
    reader.bool(expected)
}

/// What the server says about a slot and about the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The session.
    pub(super) session: SessionId,
    /// The request's.
    pub(super) sequence: u32,
    /// The request's.
    pub(super) slot: u32,
    /// The highest slot that the server accepts now.
    pub(super) highest_slot: u32,
    /// The highest slot that the server wants to be used.
    pub(super) target_highest_slot: u32,
    /// `SEQ4_STATUS_*`.
    pub(super) flags: u32,
}

impl Sequence {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
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

/// Bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read<'a> {
    /// Whether the file ends with them.
    pub(super) eof: bool,
    /// The bytes; a server may send fewer than asked for.
    pub(super) data: &'a [u8],
}

#[cfg(test)]
mod tests;
