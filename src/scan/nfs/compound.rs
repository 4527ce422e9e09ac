//! Writes requests: a COMPOUND of operations, ready to send (RFC 8881, sections 16 and 18).

use std::fmt;

use super::attrs::AttrMask;
use super::rpc::{self, Credential, LAST_FRAGMENT};
use super::xdr::{Placeholder, XdrWriter};

/// `sessionid4`.
pub(super) type SessionId = [u8; 16];
/// `verifier4`.
pub(super) type Verifier = [u8; 8];

const MINOR_VERSION: u32 = 1;
/// Program number for callbacks, from the transient range. There are no callbacks.
const CALLBACK_PROGRAM: u32 = 0x4000_0000;
/// `SP4_NONE`: no state protection against other clients. AUTH_SYS could not provide any.
pub(super) const SP4_NONE: u32 = 0;
/// `CDFC4_FORE`: bind the connection to the fore channel only.
const CDFC4_FORE: u32 = 1;

macro_rules! operations {
    ($($variant:ident = $number:literal, $name:literal;)*) => {
        /// The operations a scan uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum NfsOp {
            $(#[doc = concat!("`", $name, "`.")] $variant = $number,)*
        }

        impl NfsOp {
            /// Returns the RFC's name.
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

impl fmt::Display for NfsOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Attributes of a session's channel (`channel_attrs4`), as requested or as granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChannelAttrs {
    /// Longest request in bytes, with the RPC header but without the record mark.
    pub(super) max_request: u32,
    /// Longest reply in bytes, counted the same way.
    pub(super) max_response: u32,
    /// Longest reply the server keeps in the reply cache, in bytes.
    pub(super) max_response_cached: u32,
    /// Operations per COMPOUND.
    pub(super) max_operations: u32,
    /// Slots, and so requests in flight.
    pub(super) max_requests: u32,
}

impl ChannelAttrs {
    /// The backchannel, which is not used: the smallest values that servers accept.
    pub(super) const BACK: Self = Self {
        max_request: 4096,
        max_response: 4096,
        max_response_cached: 0,
        max_operations: 2,
        max_requests: 1,
    };

    fn write(&self, writer: &mut XdrWriter) {
        // Header padding is for RDMA only.
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

/// Arguments of SEQUENCE, the first operation of every request in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SequenceArgs {
    pub(super) session: SessionId,
    /// The slot's last sequence id plus one.
    pub(super) sequence: u32,
    pub(super) slot: u32,
    /// The highest slot with a request in flight.
    pub(super) highest_slot: u32,
    pub(super) cache: CacheThis,
}

/// Asks the server to keep the reply in its reply cache (`sa_cachethis`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheThis {
    /// Not needed: repeating a read is harmless.
    No,
    Yes,
}

/// Arguments of READDIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadDirArgs {
    /// 0 for the start, else the cookie of the last entry received.
    pub(super) cookie: u64,
    /// Zeros for the start, else the cookieverf of the reply with that entry.
    pub(super) verifier: Verifier,
    /// Limit for the bytes of names and cookies, a hint. Must equal `max_count`, or Linux sends
    /// short replies.
    pub(super) dir_count: u32,
    /// Limit for the bytes of READDIR's result.
    pub(super) max_count: u32,
    /// The attributes requested for each entry.
    pub(super) attributes: AttrMask,
}

/// A COMPOUND under construction, with its RPC header and record mark.
#[derive(Debug)]
pub(super) struct Request {
    writer: XdrWriter,
    record_mark: Placeholder,
    count: Placeholder,
    operations: u32,
}

impl Request {
    /// Begins a request. Reuses the memory of `buffer`.
    pub(super) fn new(buffer: Vec<u8>, xid: u32, credential: &Credential) -> Self {
        let mut writer = XdrWriter::reuse(buffer);
        let mark = writer.placeholder();
        rpc::call(&mut writer, xid, credential);
        // The tag, meant for people who read network traces.
        writer.opaque(b"");
        writer.u32(MINOR_VERSION);
        let count = writer.placeholder();
        Self { writer, record_mark: mark, count, operations: 0 }
    }

    /// Returns the number of operations so far, limited by [`ChannelAttrs::max_operations`].
    #[cfg(test)]
    pub(super) fn operations(&self) -> u32 {
        self.operations
    }

    /// Returns the size so far in bytes without the record mark, limited by
    /// [`ChannelAttrs::max_request`].
    pub(super) fn size(&self) -> usize {
        self.writer.len() - 4
    }

    /// Returns the bytes to send, including the record mark.
    pub(super) fn finish(mut self) -> Vec<u8> {
        // Requests are at most 1 MiB, far below the record mark's 2 GiB.
        let mark = LAST_FRAGMENT | self.size() as u32;
        self.writer.patch(self.record_mark, mark);
        self.writer.patch(self.count, self.operations);
        self.writer.into_bytes()
    }

    fn operation(&mut self, operation: NfsOp) -> &mut XdrWriter {
        self.operations += 1;
        self.writer.u32(operation as u32);
        &mut self.writer
    }

    /// Adds EXCHANGE_ID, the only operation of its request. `owner` (at most 1,024 bytes)
    /// identifies the client permanently, `verifier` this instance of it: the server discards the
    /// state of an earlier instance.
    pub(super) fn exchange_id(&mut self, verifier: &Verifier, owner: &[u8], flags: u32) {
        let writer = self.operation(NfsOp::ExchangeId);
        writer.fixed(verifier);
        writer.opaque(owner);
        writer.u32(flags);
        writer.u32(SP4_NONE);
        // No implementation id; it is optional.
        writer.u32(0);
    }

    /// Adds CREATE_SESSION, the only operation of its request, without a backchannel. `sequence`
    /// comes from EXCHANGE_ID and grows by one with each session.
    pub(super) fn create_session(&mut self, client: u64, sequence: u32, fore: &ChannelAttrs) {
        let writer = self.operation(NfsOp::CreateSession);
        writer.u64(client);
        writer.u32(sequence);
        // No persistent reply cache, no callbacks on this connection, no RDMA.
        writer.u32(0);
        fore.write(writer);
        ChannelAttrs::BACK.write(writer);
        writer.u32(CALLBACK_PROGRAM);
        // One security flavor for callbacks: AUTH_NONE.
        writer.u32(1);
        writer.u32(0);
    }

    /// Adds BIND_CONN_TO_SESSION, the only operation of its request. Needed only after
    /// CONN_NOT_BOUND_TO_SESSION: with SP4_NONE a SEQUENCE binds its connection.
    pub(super) fn bind_conn_to_session(&mut self, session: &SessionId) {
        let writer = self.operation(NfsOp::BindConnToSession);
        writer.fixed(session);
        writer.u32(CDFC4_FORE);
        writer.bool(false);
    }

    /// Adds DESTROY_SESSION, alone or last in its request.
    pub(super) fn destroy_session(&mut self, session: &SessionId) {
        self.operation(NfsOp::DestroySession).fixed(session);
    }

    /// Adds DESTROY_CLIENTID, alone or after the SEQUENCE of another client's session.
    pub(super) fn destroy_client_id(&mut self, client: u64) {
        self.operation(NfsOp::DestroyClientId).u64(client);
    }

    /// Adds SEQUENCE, the first operation of its request.
    pub(super) fn sequence(&mut self, args: &SequenceArgs) {
        let writer = self.operation(NfsOp::Sequence);
        writer.fixed(&args.session);
        writer.u32(args.sequence);
        writer.u32(args.slot);
        writer.u32(args.highest_slot);
        writer.bool(args.cache == CacheThis::Yes);
    }

    /// Adds RECLAIM_COMPLETE for all file systems: this client has no state to reclaim after a
    /// server restart.
    pub(super) fn reclaim_complete(&mut self) {
        self.operation(NfsOp::ReclaimComplete).bool(false);
    }

    /// Adds PUTROOTFH, which makes the server's root the current file handle.
    pub(super) fn put_root_fh(&mut self) {
        self.operation(NfsOp::PutRootFh);
    }

    /// Adds PUTFH, which makes `handle` the current file handle.
    pub(super) fn put_fh(&mut self, handle: &[u8]) {
        self.operation(NfsOp::PutFh).opaque(handle);
    }

    /// Adds LOOKUP, which moves the current file handle to the entry `name`.
    pub(super) fn lookup(&mut self, name: &[u8]) {
        self.operation(NfsOp::Lookup).opaque(name);
    }

    /// Adds GETFH, which returns the current file handle.
    pub(super) fn get_fh(&mut self) {
        self.operation(NfsOp::GetFh);
    }

    /// Adds GETATTR of the current file.
    pub(super) fn get_attr(&mut self, attributes: AttrMask) {
        attributes.write(self.operation(NfsOp::GetAttr));
    }

    /// Adds READDIR of the current directory.
    pub(super) fn read_dir(&mut self, args: &ReadDirArgs) {
        let writer = self.operation(NfsOp::ReadDir);
        writer.u64(args.cookie);
        writer.fixed(&args.verifier);
        writer.u32(args.dir_count);
        writer.u32(args.max_count);
        args.attributes.write(writer);
    }

    /// Adds READ of the current file with the anonymous stateid, so without an OPEN.
    pub(super) fn read(&mut self, offset: u64, count: u32) {
        let writer = self.operation(NfsOp::Read);
        writer.fixed(&[0; 16]);
        writer.u64(offset);
        writer.u32(count);
    }
}

#[cfg(test)]
mod tests;
