//! Decodes requests: an RPC call (RFC 5531) and the operations of its COMPOUND (RFC 8881).

use super::protocol::{Op, rpc};
use super::xdr::{BadXdr, Reader};

/// `NFS4_OPAQUE_LIMIT`, also the limit of a name before NAMETOOLONG applies.
const OPAQUE: usize = 1024;

/// The caller, according to its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    None,
    /// AUTH_SYS with this uid.
    Sys(u32),
    /// Another flavor, none of which is supported.
    Other(u32),
}

#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) xid: u32,
    /// Version of RPC.
    pub(super) rpc: u32,
    pub(super) program: u32,
    pub(super) version: u32,
    pub(super) procedure: u32,
    pub(super) credential: Credential,
    pub(super) arguments: Reader<'a>,
}

/// Reads the header of a call.
///
/// # Errors
/// The record is not a call.
pub(super) fn call(record: &[u8]) -> Result<Call<'_>, BadXdr> {
    let mut reader = Reader::new(record);
    let xid = reader.u32()?;
    if reader.u32()? != rpc::CALL {
        return Err(BadXdr);
    }
    let rpc = reader.u32()?;
    let (program, version, procedure) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let flavor = reader.u32()?;
    let body = reader.opaque(400)?;
    let credential = match flavor {
        rpc::AUTH_NONE => Credential::None,
        rpc::AUTH_SYS => Credential::Sys(sys(&mut Reader::new(body), End::Here)?),
        other => Credential::Other(other),
    };
    // The verifier, which is not checked.
    let (_, _) = (reader.u32()?, reader.opaque(400)?);
    Ok(Call { xid, rpc, program, version, procedure, credential, arguments: reader })
}

/// True if trailing bytes are allowed.
#[derive(PartialEq, Eq)]
enum End {
    Here,
    Later,
}

/// Reads the uid of an `authsys_parms`.
fn sys(reader: &mut Reader<'_>, end: End) -> Result<u32, BadXdr> {
    let _stamp = reader.u32()?;
    let _machine = reader.opaque(255)?;
    let uid = reader.u32()?;
    let _gid = reader.u32()?;
    let gids = reader.u32()?;
    if gids > 16 {
        return Err(BadXdr);
    }
    for _ in 0..gids {
        reader.u32()?;
    }
    match end == End::Here && !reader.rest().is_empty() {
        true => Err(BadXdr),
        false => Ok(uid),
    }
}

/// `channel_attrs4`, without RDMA's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) max_request: u32,
    pub(super) max_response: u32,
    pub(super) max_response_cached: u32,
    pub(super) max_operations: u32,
    pub(super) max_requests: u32,
}

pub(super) type SessionId = [u8; 16];

/// `SEQUENCE4args`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) session: SessionId,
    pub(super) sequence: u32,
    pub(super) slot: u32,
    pub(super) highest_slot: u32,
    pub(super) cache: bool,
}

/// `READDIR4args`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readdir {
    pub(super) cookie: u64,
    pub(super) verifier: [u8; 8],
    pub(super) dircount: u32,
    pub(super) maxcount: u32,
    pub(super) attrs: u128,
}

/// An operation with its arguments.
#[derive(Debug)]
pub(super) enum Args<'a> {
    Getattr(u128),
    Getfh,
    Lookup(&'a [u8]),
    Putfh(&'a [u8]),
    Putrootfh,
    Read {
        stateid: [u8; 16],
        offset: u64,
        count: u32,
    },
    Readdir(Readdir),
    Bind {
        session: SessionId,
        direction: u32,
    },
    ExchangeId {
        verifier: [u8; 8],
        owner: &'a [u8],
        flags: u32,
    },
    CreateSession {
        client: u64,
        sequence: u32,
        fore: Channel,
        back: Channel,
    },
    DestroySession(SessionId),
    Sequence(Sequence),
    DestroyClientid(u64),
    ReclaimComplete {
        one_fs: bool,
    },
    /// An operation without a decoder: nothing after it can be read.
    Unserved(Op),
    /// Malformed arguments: nothing after them can be read.
    Broken(Op),
}

impl Args<'_> {
    pub(super) fn op(&self) -> Op {
        match self {
            Self::Getattr(_) => Op::GETATTR,
            Self::Getfh => Op::GETFH,
            Self::Lookup(_) => Op::LOOKUP,
            Self::Putfh(_) => Op::PUTFH,
            Self::Putrootfh => Op::PUTROOTFH,
            Self::Read { .. } => Op::READ,
            Self::Readdir(_) => Op::READDIR,
            Self::Bind { .. } => Op::BIND_CONN_TO_SESSION,
            Self::ExchangeId { .. } => Op::EXCHANGE_ID,
            Self::CreateSession { .. } => Op::CREATE_SESSION,
            Self::DestroySession(_) => Op::DESTROY_SESSION,
            Self::Sequence(_) => Op::SEQUENCE,
            Self::DestroyClientid(_) => Op::DESTROY_CLIENTID,
            Self::ReclaimComplete { .. } => Op::RECLAIM_COMPLETE,
            Self::Unserved(op) | Self::Broken(op) => *op,
        }
    }
}

/// `COMPOUND4args` without the operations.
#[derive(Debug)]
pub(super) struct Compound<'a> {
    pub(super) tag: &'a [u8],
    pub(super) minor: u32,
    /// The number of operations it announces.
    pub(super) count: u32,
    /// The bytes after its SEQUENCE, which identify a retry.
    pub(super) body: &'a [u8],
    /// True if bytes follow the last operation.
    pub(super) trailing: bool,
}

/// Reads a COMPOUND and its operations, up to the first unreadable one.
///
/// # Errors
/// Its head is malformed.
pub(super) fn compound<'a>(
    mut reader: Reader<'a>,
    ops: &mut Vec<Args<'a>>,
) -> Result<Compound<'a>, BadXdr> {
    ops.clear();
    let tag = reader.opaque(OPAQUE)?;
    let minor = reader.u32()?;
    let count = reader.u32()?;
    let mut body = reader.rest();
    for at in 0..count {
        let op = Op(reader.u32()?);
        let args = args(op, &mut reader).unwrap_or(Args::Broken(op));
        let last = matches!(args, Args::Broken(_) | Args::Unserved(_));
        ops.push(args);
        if last {
            return Ok(Compound { tag, minor, count, body, trailing: false });
        }
        if at == 0 && op == Op::SEQUENCE {
            body = reader.rest();
        }
    }
    Ok(Compound { tag, minor, count, body, trailing: !reader.rest().is_empty() })
}

fn args<'a>(op: Op, reader: &mut Reader<'a>) -> Result<Args<'a>, BadXdr> {
    Ok(match op {
        Op::GETATTR => Args::Getattr(reader.bitmap()?),
        Op::GETFH => Args::Getfh,
        Op::LOOKUP => Args::Lookup(reader.opaque(OPAQUE)?),
        Op::PUTFH => Args::Putfh(reader.opaque(128)?),
        Op::PUTROOTFH => Args::Putrootfh,
        Op::READ => {
            Args::Read { stateid: reader.fixed()?, offset: reader.u64()?, count: reader.u32()? }
        }
        Op::READDIR => Args::Readdir(Readdir {
            cookie: reader.u64()?,
            verifier: reader.fixed()?,
            dircount: reader.u32()?,
            maxcount: reader.u32()?,
            attrs: reader.bitmap()?,
        }),
        Op::BIND_CONN_TO_SESSION => {
            let (session, direction) = (reader.fixed()?, reader.u32()?);
            let _rdma = reader.bool()?;
            Args::Bind { session, direction }
        }
        Op::EXCHANGE_ID => exchange_id(reader)?,
        Op::CREATE_SESSION => create_session(reader)?,
        Op::DESTROY_SESSION => Args::DestroySession(reader.fixed()?),
        Op::SEQUENCE => Args::Sequence(Sequence {
            session: reader.fixed()?,
            sequence: reader.u32()?,
            slot: reader.u32()?,
            highest_slot: reader.u32()?,
            cache: reader.bool()?,
        }),
        Op::DESTROY_CLIENTID => Args::DestroyClientid(reader.u64()?),
        Op::RECLAIM_COMPLETE => Args::ReclaimComplete { one_fs: reader.bool()? },
        other => Args::Unserved(other),
    })
}

fn exchange_id<'a>(reader: &mut Reader<'a>) -> Result<Args<'a>, BadXdr> {
    let (verifier, owner, flags) = (reader.fixed()?, reader.opaque(OPAQUE)?, reader.u32()?);
    // SP4_NONE; the others require Kerberos.
    if reader.u32()? != 0 {
        return Err(BadXdr);
    }
    if reader.bool()? {
        let (_domain, _name) = (reader.opaque(OPAQUE)?, reader.opaque(OPAQUE)?);
        let (_seconds, _nanoseconds) = (reader.u64()?, reader.u32()?);
    }
    Ok(Args::ExchangeId { verifier, owner, flags })
}

fn create_session<'a>(reader: &mut Reader<'a>) -> Result<Args<'a>, BadXdr> {
    let (client, sequence, _flags) = (reader.u64()?, reader.u32()?, reader.u32()?);
    let (fore, back) = (channel(reader)?, channel(reader)?);
    let _callback_program = reader.u32()?;
    for _ in 0..reader.u32()? {
        match reader.u32()? {
            rpc::AUTH_NONE => {}
            rpc::AUTH_SYS => _ = sys(reader, End::Later)?,
            _ => return Err(BadXdr),
        }
    }
    Ok(Args::CreateSession { client, sequence, fore, back })
}

fn channel(reader: &mut Reader<'_>) -> Result<Channel, BadXdr> {
    let _header_padding = reader.u32()?;
    let channel = Channel {
        max_request: reader.u32()?,
        max_response: reader.u32()?,
        max_response_cached: reader.u32()?,
        max_operations: reader.u32()?,
        max_requests: reader.u32()?,
    };
    // An array of at most one element is encoded like an optional value.
    if reader.bool()? {
        reader.u32()?;
    }
    Ok(channel)
}
