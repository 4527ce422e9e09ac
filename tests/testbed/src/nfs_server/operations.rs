//! The operations, other than SEQUENCE and READDIR.

use std::sync::Arc;

use super::attrs::Handle;
use super::calls::Handler;
use super::compound::State;
use super::protocol::{Op, Status};
use super::request::{Args, Channel, SessionId};
use super::xdr::{Put as _, length};

/// Flags of EXCHANGE_ID (RFC 8881, section 18.35).
const UPDATE: u32 = 0x4000_0000;
const CONFIRMED: u32 = 0x8000_0000;
const NON_PNFS: u32 = 0x0001_0000;

/// `MAXNAMLEN` nearly everywhere.
const LONGEST_NAME: usize = 255;

impl Handler<'_> {
    /// Executes one operation and appends what follows its status.
    pub(super) fn perform(
        &mut self,
        args: &Args<'_>,
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        match *args {
            Args::Putrootfh => {
                state.current = Some(self.shared.tree.root());
                Ok(())
            }
            Args::Putfh(bytes) => self.putfh(bytes, state),
            Args::Readdir(ref asked) => self.readdir(asked, state, out),
            Args::Getattr(asked) => {
                let handle = self.file(state)?;
                self.wanted.ask(asked);
                self.shared.tree.attrs(handle, &mut |attrs| self.wanted.put(out, attrs))
            }
            Args::Getfh => {
                state.current.ok_or(Status::NOFILEHANDLE)?.put(out);
                Ok(())
            }
            Args::Lookup(name) => self.lookup(name, state),
            Args::Read { stateid, offset, count } => self.read(stateid, offset, count, state, out),
            Args::Sequence(_) => {
                self.violation("SEQUENCE is not the first operation");
                Err(Status::SEQUENCE_POS)
            }
            Args::ExchangeId { verifier, owner, flags } => {
                self.exchange_id(verifier, owner, flags, out)
            }
            Args::CreateSession { client, sequence, ref fore, ref back } => {
                self.create_session(client, sequence, fore, back, out)
            }
            Args::Bind { session, direction } => self.bind(session, direction, out),
            Args::DestroySession(session) => done(self.partition.clients.destroy_session(&session)),
            Args::DestroyClientid(client) => done(self.partition.clients.destroy_client(client)),
            Args::ReclaimComplete { one_fs: true } => Ok(()),
            Args::ReclaimComplete { one_fs: false } => {
                let client = state.session.as_ref().ok_or(Status::OP_NOT_IN_SESSION)?.client;
                done(self.partition.clients.reclaim_complete(client))
            }
            Args::Broken(op) => {
                self.violation(format_args!("arguments of {op} that are not XDR"));
                Err(Status::BADXDR)
            }
            Args::Unserved(op) if Op::KNOWN.contains(&op.0) => {
                self.violation(format_args!("operation {op}, which is not served here"));
                Err(Status::NOTSUPP)
            }
            Args::Unserved(op) => {
                self.violation(format_args!("operation {op}, which does not exist"));
                Err(Status::OP_ILLEGAL)
            }
        }
    }

    /// Returns the current file handle, outside the grace period.
    pub(super) fn file(&self, state: &State) -> Result<Handle, Status> {
        let handle = state.current.ok_or_else(|| {
            self.violation("no current file handle");
            Status::NOFILEHANDLE
        })?;
        if self.partition.in_grace(|| self.shared.now()) { Err(Status::GRACE) } else { Ok(handle) }
    }

    fn putfh(&self, bytes: &[u8], state: &mut State) -> Result<(), Status> {
        let handle = Handle::from_bytes(bytes).inspect_err(|_| {
            self.violation(format_args!("a file handle that was never given: {bytes:02x?}"));
        })?;
        self.shared.tree.check(handle)?;
        state.current = Some(handle);
        Ok(())
    }

    fn lookup(&self, name: &[u8], state: &mut State) -> Result<(), Status> {
        let dir = self.file(state)?;
        match name {
            b"" => {
                self.violation("LOOKUP of an empty name");
                return Err(Status::INVAL);
            }
            b"." | b".." => {
                self.violation("LOOKUP of . or ..");
                return Err(Status::BADNAME);
            }
            _ if name.len() > LONGEST_NAME => return Err(Status::NAMETOOLONG),
            _ if name.contains(&0) || name.contains(&b'/') => return Err(Status::BADNAME),
            _ => {}
        }
        state.current = Some(self.shared.tree.lookup(dir, name, state.who)?);
        Ok(())
    }

    fn read(
        &self,
        stateid: [u8; 16],
        offset: u64,
        count: u32,
        state: &State,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let file = self.file(state)?;
        // The anonymous stateid, and the one that bypasses locks (RFC 8881, section 8.2.3).
        if stateid != [0; 16] && stateid != [0xff; 16] {
            self.violation("READ with a state id that was never given");
            return Err(Status::BAD_STATEID);
        }
        // As much as fits, like `maxread`.
        let room = (state.place + 4 + state.limit).saturating_sub(out.len() + 8) & !3;
        let count = count.min(u32::try_from(room).unwrap_or(u32::MAX));
        let (bytes, eof) = self.shared.tree.read(file, offset, count, state.who)?;
        out.put_u32(u32::from(eof));
        out.put_opaque(&bytes);
        Ok(())
    }

    fn exchange_id(
        &self,
        verifier: [u8; 8],
        owner: &[u8],
        flags: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        if flags & CONFIRMED != 0 {
            self.violation("EXCHANGE_ID with a flag that is the server's");
            return Err(Status::INVAL);
        }
        let update = flags & UPDATE != 0;
        let now = self.shared.now();
        let given = self.partition.clients.exchange(owner, verifier, update, now)?;
        if given.usurps {
            self.violation("EXCHANGE_ID with a new verifier for an owner that has sessions");
        }
        out.put_u64(given.client);
        out.put_u32(given.sequence);
        out.put_u32(NON_PNFS | if given.confirmed { CONFIRMED } else { 0 });
        // SP4_NONE.
        out.put_u32(0);
        // Minor id and major id of the owner, and the scope.
        out.put_u64(0);
        out.put_opaque(&self.partition.name);
        out.put_opaque(&self.partition.name);
        let named = self.shared.config.implementation;
        out.put_u32(u32::from(named.is_some()));
        if let Some((domain, name)) = named {
            out.put_opaque(domain.as_bytes());
            out.put_opaque(name.as_bytes());
            out.put_u64(0);
            out.put_u32(0);
        }
        Ok(())
    }

    fn create_session(
        &mut self,
        client: u64,
        sequence: u32,
        fore: &Channel,
        back: &Channel,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let now = self.shared.now();
        let config = &self.shared.config;
        let created = self.partition.clients.create(client, sequence, fore, config, now)?;
        created.session.bind(self.connection);
        out.extend_from_slice(&created.session.id);
        out.put_u32(created.sequence);
        // Neither persistent nor with a backchannel.
        out.put_u32(0);
        for channel in [&created.fore, back] {
            put_channel(out, channel);
        }
        self.session = Some(Arc::clone(&created.session));
        Ok(())
    }

    fn bind(&self, id: SessionId, direction: u32, out: &mut Vec<u8>) -> Result<(), Status> {
        // Fore, back, and two ways to request both.
        if !matches!(direction, 1 | 2 | 3 | 7) {
            self.violation(format_args!("BIND_CONN_TO_SESSION with direction {direction}"));
            return Err(Status::INVAL);
        }
        let session = self.partition.clients.session(&id).ok_or(Status::BADSESSION)?;
        session.bind(self.connection);
        out.extend_from_slice(&id);
        // Fore, whatever was requested; no RDMA.
        out.put_u32(1);
        out.put_u32(0);
        Ok(())
    }
}

fn put_channel(out: &mut Vec<u8>, channel: &Channel) {
    let sizes = [channel.max_request, channel.max_response, channel.max_response_cached];
    out.put_u32(0);
    for word in sizes.into_iter().chain([channel.max_operations, channel.max_requests]) {
        out.put_u32(word);
    }
    // No RDMA.
    out.put_u32(length(&[]));
}

fn done(status: Status) -> Result<(), Status> {
    if status == Status::OK { Ok(()) } else { Err(status) }
}
