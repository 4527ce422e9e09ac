//! Encodes operations with their arguments.

use super::super::attrs::Handle;
use super::super::protocol::Op;
use super::super::xdr::Put as _;

fn op(op: Op) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u32(op.0);
    out
}

/// Returns the bits of attribute numbers.
#[must_use]
pub fn bits(attrs: &[u8]) -> u128 {
    attrs.iter().fold(0, |bits, bit| bits | 1 << bit)
}

#[must_use]
pub fn exchange_id(owner: &[u8], verifier: [u8; 8]) -> Vec<u8> {
    let mut out = op(Op::EXCHANGE_ID);
    out.extend_from_slice(&verifier);
    out.put_opaque(owner);
    // No flags, SP4_NONE, no implementation id.
    for _ in 0..3 {
        out.put_u32(0);
    }
    out
}

#[must_use]
pub fn create_session(client: u64, sequence: u32, slots: u32, cached: u32) -> Vec<u8> {
    let mut out = op(Op::CREATE_SESSION);
    out.put_u64(client);
    out.put_u32(sequence);
    out.put_u32(0);
    for (cached, slots) in [(cached, slots), (0, 1)] {
        for word in [0, 1 << 20, 1 << 20, cached, 1024, slots, 0] {
            out.put_u32(word);
        }
    }
    // A callback program, and AUTH_NONE for it.
    for word in [0x4000_0000, 1, 0] {
        out.put_u32(word);
    }
    out
}

#[must_use]
pub fn sequence(id: &[u8; 16], sequence: u32, slot: u32, highest: u32, cache: bool) -> Vec<u8> {
    let mut out = op(Op::SEQUENCE);
    out.extend_from_slice(id);
    for word in [sequence, slot, highest, u32::from(cache)] {
        out.put_u32(word);
    }
    out
}

#[must_use]
pub fn bind(id: &[u8; 16]) -> Vec<u8> {
    let mut out = op(Op::BIND_CONN_TO_SESSION);
    out.extend_from_slice(id);
    out.put_u32(1);
    out.put_u32(0);
    out
}

#[must_use]
pub fn reclaim_complete() -> Vec<u8> {
    let mut out = op(Op::RECLAIM_COMPLETE);
    out.put_u32(0);
    out
}

#[must_use]
pub fn destroy_session(id: &[u8; 16]) -> Vec<u8> {
    let mut out = op(Op::DESTROY_SESSION);
    out.extend_from_slice(id);
    out
}

#[must_use]
pub fn destroy_clientid(client: u64) -> Vec<u8> {
    let mut out = op(Op::DESTROY_CLIENTID);
    out.put_u64(client);
    out
}

#[must_use]
pub fn putrootfh() -> Vec<u8> {
    op(Op::PUTROOTFH)
}

#[must_use]
pub fn putfh(handle: Handle) -> Vec<u8> {
    let mut out = op(Op::PUTFH);
    handle.put(&mut out);
    out
}

#[must_use]
pub fn getfh() -> Vec<u8> {
    op(Op::GETFH)
}

#[must_use]
pub fn lookup(name: &[u8]) -> Vec<u8> {
    let mut out = op(Op::LOOKUP);
    out.put_opaque(name);
    out
}

#[must_use]
pub fn getattr(attrs: &[u8]) -> Vec<u8> {
    let mut out = op(Op::GETATTR);
    out.put_bitmap(bits(attrs));
    out
}

#[must_use]
pub fn readdir(cookie: u64, verifier: [u8; 8], sizes: (u32, u32), attrs: &[u8]) -> Vec<u8> {
    let mut out = op(Op::READDIR);
    out.put_u64(cookie);
    out.extend_from_slice(&verifier);
    out.put_u32(sizes.0);
    out.put_u32(sizes.1);
    out.put_bitmap(bits(attrs));
    out
}

#[must_use]
pub fn read(offset: u64, count: u32) -> Vec<u8> {
    let mut out = op(Op::READ);
    out.extend_from_slice(&[0; 16]);
    out.put_u64(offset);
    out.put_u32(count);
    out
}
