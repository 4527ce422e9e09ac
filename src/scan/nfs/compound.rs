//! Requests: a COMPOUND of operations, ready to be sent (RFC 8881, sections 16 and 18).

use std::fmt;

use super::attrs::Mask;
use super::rpc::{self, Credential, LAST_FRAGMENT};
use super::xdr::{Place, Writer};

/// Names a session (`sessionid4`).
pub(super) type SessionId = [u8; 16];
/// `verifier4`.
pub(super) type Verifier = [u8; 8];

/// NFSv4.1.
const MINOR_VERSION: u32 = 1;
/// The program number of callbacks, from the transient range; none will ever come.
const CALLBACK_PROGRAM: u32 = 0x4000_0000;
/// `SP4_NONE`: the server need not protect the state from other clients. AUTH_SYS could not.
pub(super) const SP4_NONE: u32 = 0;
/// `CDFC4_FORE`: this connection is for our requests only.
const CDFC4_FORE: u32 = 1;

macro_rules! operations {
    ($($variant:ident = $number:literal, $name:literal;)*) => {
        /// The operations that a scan needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Operation {
            $(#[doc = concat!("`", $name, "`.")] $variant = $number,)*
        }

        impl Operation {
            /// The name in the RFC.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

operations! {
    GetAttr = 9, "GETATTR";
    GetFh = 10, "GETFH";
    Lookup = 15, "LOOKUP";
    PutFh = 22, "PUTFH";
    PutRootFh = 24, "PUTROOTFH";
    Read = 25, "READ";
    ReadDir = 26, "READDIR";
    BindConnToSession = 41, "BIND_CONN_TO_SESSION";
    ExchangeId = 42, "EXCHANGE_ID";
    CreateSession = 43, "CREATE_SESSION";
    DestroySession = 44, "DESTROY_SESSION";
    Sequence = 53, "SEQUENCE";
    DestroyClientId = 57, "DESTROY_CLIENTID";
    ReclaimComplete = 58, "RECLAIM_COMPLETE";
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a channel of a session carries (`channel_attrs4`): asked for, then granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    /// The longest request, bytes, with the RPC header and without the record mark.
    pub(super) max_request: u32,
    /// The longest reply, bytes, likewise.
    pub(super) max_response: u32,
    /// The longest reply that the server keeps for a request that is sent again, bytes.
    pub(super) max_response_cached: u32,
    /// Operations in a COMPOUND.
    pub(super) max_operations: u32,
    /// Slots: requests in flight.
    pub(super) max_requests: u32,
}

impl Channel {
    /// For callbacks, which nobody will make: the least that servers are content with.
    pub(super) const BACK: Self = Self {
        max_request: 4096,
        max_response: 4096,
        max_response_cached: 0,
        max_operations: 2,
        max_requests: 1,
    };

    fn write(&self, writer: &mut Writer) {
        // No padding of headers, which is RDMA's.
        writer.u32(0);
        writer.u32(self.max_request);
        writer.u32(self.max_response);
        writer.u32(self.max_response_cached);
        writer.u32(self.max_operations);
        writer.u32(self.max_requests);
        // No RDMA.
        writer.u32(0);
    }
}

/// The operation that begins each request in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SequenceArgs {
    /// The session.
    pub(super) session: SessionId,
    /// One more than the slot's last.
    pub(super) sequence: u32,
    /// The slot.
    pub(super) slot: u32,
    /// The highest slot with a request in flight.
    pub(super) highest_slot: u32,
    /// Whether the server shall keep the reply, at most `max_response_cached`.
    pub(super) cache: Cache,
}

/// Whether the server shall keep a reply for a request that is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    /// It need not: reading again does no harm.
    No,
    /// It shall.
    Yes,
}

/// Where and how to read a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadDirArgs {
    /// 0 for the start, else the cookie of the last entry that came.
    pub(super) cookie: u64,
    /// Zeros for the start, else what came with that entry's reply.
    pub(super) verifier: Verifier,
    /// At most so many bytes of names and cookies: a hint. As much as `max_count`, or Linux sends
    /// short replies.
    pub(super) dir_count: u32,
    /// At most so many bytes of the READDIR's own result.
    pub(super) max_count: u32,
    /// What to tell of each entry.
    pub(super) attributes: Mask,
}

/// A COMPOUND that is being written, with its RPC header and its record mark.
#[derive(Debug)]
pub(super) struct Request {
    writer: Writer,
    mark: Place,
    count: Place,
    operations: u32,
}

impl Request {
    /// Begins a request of the given number. `buffer` gives its memory.
    pub(super) fn new(buffer: Vec<u8>, xid: u32, credential: &Credential) -> Self {
        let mut writer = Writer::reuse(buffer);
        let mark = writer.place();
        rpc::call(&mut writer, xid, credential);
        // The tag, which is for people who read network traces.
        writer.opaque(b"");
        writer.u32(MINOR_VERSION);
        let count = writer.place();
        Self { writer, mark, count, operations: 0 }
    }

    /// The number of operations so far, to be compared with [`Channel::max_operations`].
    #[cfg(test)]
    pub(super) fn operations(&self) -> u32 {
        self.operations
    }

    /// Bytes so far without the record mark, to be compared with [`Channel::max_request`].
    pub(super) fn size(&self) -> usize {
        self.writer.len() - 4
    }

    /// What is to be sent, its record mark included.
    pub(super) fn finish(mut self) -> Vec<u8> {
        // Requests are some KiB, far from the mark's 2 GiB.
        let mark = LAST_FRAGMENT | self.size() as u32;
        self.writer.patch(self.mark, mark);
        self.writer.patch(self.count, self.operations);
        self.writer.into_bytes()
    }

    fn operation(&mut self, operation: Operation) -> &mut Writer {
        self.operations += 1;
        self.writer.u32(operation as u32);
        &mut self.writer
    }

    /// EXCHANGE_ID, alone in its request. `owner` (at most 1,024 bytes) names this client for the
    /// server for ever, `verifier` this run of it: the server drops what an earlier run left.
    pub(super) fn exchange_id(&mut self, verifier: &Verifier, owner: &[u8], flags: u32) {
        let writer = self.operation(Operation::ExchangeId);
        writer.fixed(verifier);
        writer.opaque(owner);
        writer.u32(flags);
        writer.u32(SP4_NONE);
        // Which implementation this is may be left out.
        writer.u32(0);
    }

    /// CREATE_SESSION, alone in its request, without a back channel. `sequence` is the one of
    /// EXCHANGE_ID, one more for each further session.
    pub(super) fn create_session(&mut self, client: u64, sequence: u32, fore: &Channel) {
        let writer = self.operation(Operation::CreateSession);
        writer.u64(client);
        writer.u32(sequence);
        // Neither a persistent reply cache, nor callbacks on this connection, nor RDMA.
        writer.u32(0);
        fore.write(writer);
        Channel::BACK.write(writer);
        writer.u32(CALLBACK_PROGRAM);
        // One way for callbacks to authenticate: AUTH_NONE.
        writer.u32(1);
        writer.u32(0);
    }

    /// BIND_CONN_TO_SESSION, alone in its request: only for a server that answers
    /// CONN_NOT_BOUND_TO_SESSION, since with SP4_NONE a SEQUENCE binds its connection.
    pub(super) fn bind_conn_to_session(&mut self, session: &SessionId) {
        let writer = self.operation(Operation::BindConnToSession);
        writer.fixed(session);
        writer.u32(CDFC4_FORE);
        writer.bool(false);
    }

    /// DESTROY_SESSION, alone in its request or last.
    pub(super) fn destroy_session(&mut self, session: &SessionId) {
        self.operation(Operation::DestroySession).fixed(session);
    }

    /// DESTROY_CLIENTID, alone in its request or behind another session's SEQUENCE.
    pub(super) fn destroy_client_id(&mut self, client: u64) {
        self.operation(Operation::DestroyClientId).u64(client);
    }

    /// SEQUENCE, first in its request.
    pub(super) fn sequence(&mut self, args: &SequenceArgs) {
        let writer = self.operation(Operation::Sequence);
        writer.fixed(&args.session);
        writer.u32(args.sequence);
        writer.u32(args.slot);
        writer.u32(args.highest_slot);
        writer.bool(args.cache == Cache::Yes);
    }

    /// RECLAIM_COMPLETE for all file systems: there is nothing to reclaim from before a restart.
    pub(super) fn reclaim_complete(&mut self) {
        self.operation(Operation::ReclaimComplete).bool(false);
    }

    /// PUTROOTFH: the root of the server's names is the current file.
    pub(super) fn put_root_fh(&mut self) {
        self.operation(Operation::PutRootFh);
    }

    /// PUTFH: this file handle is the current file.
    pub(super) fn put_fh(&mut self, handle: &[u8]) {
        self.operation(Operation::PutFh).opaque(handle);
    }

    /// LOOKUP: the entry `name` of the current directory is the current file.
    pub(super) fn lookup(&mut self, name: &[u8]) {
        self.operation(Operation::Lookup).opaque(name);
    }

    /// GETFH: the current file's handle.
    pub(super) fn get_fh(&mut self) {
        self.operation(Operation::GetFh);
    }

    /// GETATTR of the current file.
    pub(super) fn get_attr(&mut self, attributes: Mask) {
        attributes.write(self.operation(Operation::GetAttr));
    }

    /// READDIR of the current directory.
    pub(super) fn read_dir(&mut self, args: &ReadDirArgs) {
        let writer = self.operation(Operation::ReadDir);
        writer.u64(args.cookie);
        writer.fixed(&args.verifier);
        writer.u32(args.dir_count);
        writer.u32(args.max_count);
        args.attributes.write(writer);
    }

    /// READ of the current file, which is not opened: the anonymous stateid.
    pub(super) fn read(&mut self, offset: u64, count: u32) {
        let writer = self.operation(Operation::Read);
        writer.fixed(&[0; 16]);
        writer.u64(offset);
        writer.u32(count);
    }
}

#[cfg(test)]
mod tests;
