//! File handles and attributes: `nfs_fh4` and `fattr4`.

use std::time::Duration;

use super::protocol::{Status, attr};
use super::xdr::{Put, length};

/// Distinguishes our file handles from arbitrary bytes a client may send.
const MAGIC: [u8; 4] = *b"efs?";

/// Shortest and longest file handle in bytes (`NFS4_FHSIZE`).
const SIZES: std::ops::RangeInclusive<usize> = 16..=128;

/// A file handle. On the wire it is padded to `size`; clients treat it as opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The tree's id of the inode.
    pub id: u64,
    /// Changes when an id is reused.
    pub generation: u32,
    /// Size on the wire in bytes, 16 to 128.
    pub size: u8,
}

impl Handle {
    /// Makes a handle of 28 bytes, like Linux's for ext4.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self { id, generation: 0, size: 28 }
    }

    /// Parses a handle.
    ///
    /// # Errors
    /// `BADHANDLE` if this server did not make it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Status> {
        let parse = || {
            let (magic, rest) = bytes.split_first_chunk::<4>()?;
            let (generation, rest) = rest.split_first_chunk::<4>()?;
            let (id, padding) = rest.split_first_chunk::<8>()?;
            let ours = *magic == MAGIC && padding.iter().all(|&byte| byte == 0);
            let size = u8::try_from(bytes.len()).ok()?;
            (ours && SIZES.contains(&bytes.len())).then_some(Self {
                id: u64::from_be_bytes(*id),
                generation: u32::from_be_bytes(*generation),
                size,
            })
        };
        parse().ok_or(Status::BADHANDLE)
    }

    /// Encodes an `nfs_fh4`.
    #[inline]
    pub fn put(self, out: &mut Vec<u8>) {
        let size = usize::from(self.size).clamp(*SIZES.start(), *SIZES.end());
        out.put_u32(size as u32);
        out.extend_from_slice(&MAGIC);
        out.put_u32(self.generation);
        out.put_u64(self.id);
        out.extend_from_slice(&[0; 128][..(size - 16).next_multiple_of(4)]);
    }
}

/// `nfs_ftype4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    File = 1,
    Dir = 2,
    Block = 3,
    Char = 4,
    Symlink = 5,
    Socket = 6,
    Fifo = 7,
}

/// The owner. NFSv4 transmits text: Linux and EFS send the uid in decimal, a server with a domain
/// sends names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    Uid(u32),
    Name(&'a str),
}

/// The attributes of an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attrs<'a> {
    pub handle: Handle,
    pub kind: Kind,
    /// Apparent size in bytes.
    pub size: u64,
    /// Allocated bytes.
    pub space_used: u64,
    /// `fsid4`: major and minor.
    pub fsid: (u64, u64),
    pub fileid: u64,
    /// Differs from `fileid` only for the root of a nested file system.
    pub mounted_on_fileid: u64,
    pub numlinks: u32,
    pub owner: Owner<'a>,
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub mtime: (i64, u32),
    pub change: u64,
}

/// Attributes that describe the server rather than the file.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Bits of the supported attributes.
    pub(super) supported: u128,
    pub(super) lease: Duration,
}

impl Facts {
    /// Supports all attributes except those in `without`.
    pub(super) fn new(without: &[u8], lease: Duration) -> Self {
        let all = attr::ALL.iter().filter(|bit| !without.contains(bit));
        Self { supported: all.fold(0, |bits, bit| bits | 1 << bit), lease }
    }
}

/// The requested attributes, prepared to encode many `fattr4`s in bit order.
#[derive(Debug)]
pub(super) struct Wanted {
    asked: u128,
    bits: Vec<u8>,
    /// The encoded `attrmask`.
    mask: Vec<u8>,
    facts: Facts,
}

impl Wanted {
    pub(super) fn new(facts: Facts) -> Self {
        Self { asked: 0, bits: Vec::new(), mask: vec![0; 4], facts }
    }

    /// Sets the requested attributes, limited to the supported ones.
    pub(super) fn ask(&mut self, asked: u128) {
        if asked == self.asked {
            return;
        }
        let given = asked & self.facts.supported;
        self.asked = asked;
        self.bits = (0..128).filter(|bit| given >> bit & 1 == 1).collect();
        self.mask.clear();
        self.mask.put_bitmap(given);
    }

    /// True if `rdattr_error` was requested, so that an entry without attributes is possible.
    pub(super) fn takes_error(&self) -> bool {
        self.bits.contains(&attr::RDATTR_ERROR)
    }

    /// Encodes the `fattr4` of an entry whose attributes are unavailable.
    pub(super) fn put_error(out: &mut Vec<u8>, error: Status) {
        out.put_bitmap(1 << attr::RDATTR_ERROR);
        out.put_u32(4);
        out.put_u32(error.0);
    }

    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>, attrs: &Attrs<'_>) {
        out.extend_from_slice(&self.mask);
        let place = out.len();
        out.put_u32(0);
        for &bit in &self.bits {
            self.put_one(out, attrs, bit);
        }
        let size = length(&out[place + 4..]);
        out.patch_u32(place, size);
    }

    #[inline]
    fn put_one(&self, out: &mut Vec<u8>, attrs: &Attrs<'_>, bit: u8) {
        match bit {
            attr::SUPPORTED_ATTRS => out.put_bitmap(self.facts.supported),
            attr::TYPE => out.put_u32(attrs.kind as u32),
            // FH4_PERSISTENT.
            attr::FH_EXPIRE_TYPE => out.put_u32(0),
            attr::CHANGE => out.put_u64(attrs.change),
            attr::SIZE => out.put_u64(attrs.size),
            attr::LINK_SUPPORT | attr::SYMLINK_SUPPORT | attr::UNIQUE_HANDLES => out.put_u32(1),
            attr::NAMED_ATTR => out.put_u32(0),
            attr::FSID => {
                out.put_u64(attrs.fsid.0);
                out.put_u64(attrs.fsid.1);
            }
            attr::LEASE_TIME => {
                out.put_u32(u32::try_from(self.facts.lease.as_secs()).unwrap_or(u32::MAX));
            }
            attr::RDATTR_ERROR => out.put_u32(Status::OK.0),
            attr::FILEHANDLE => attrs.handle.put(out),
            attr::FILEID => out.put_u64(attrs.fileid),
            attr::MODE => out.put_u32(attrs.mode),
            attr::NUMLINKS => out.put_u32(attrs.numlinks),
            attr::OWNER => put_owner(out, attrs.owner),
            attr::OWNER_GROUP => put_owner(out, Owner::Uid(0)),
            attr::SPACE_USED => out.put_u64(attrs.space_used),
            attr::TIME_METADATA | attr::TIME_MODIFY => {
                out.put_u64(attrs.mtime.0.cast_unsigned());
                out.put_u32(attrs.mtime.1);
            }
            attr::MOUNTED_ON_FILEID => out.put_u64(attrs.mounted_on_fileid),
            attr::SUPPATTR_EXCLCREAT => out.put_u32(0),
            // `supported` contains no others.
            _ => {}
        }
    }
}

fn put_owner(out: &mut Vec<u8>, owner: Owner<'_>) {
    match owner {
        Owner::Name(name) => out.put_opaque(name.as_bytes()),
        Owner::Uid(uid) => {
            let mut digits = [0; 24];
            let first = decimal(u64::from(uid), &mut digits);
            out.put_opaque(&digits[first..]);
        }
    }
}

/// Writes a number's digits to the end of `digits` and returns their start. `format!` would take
/// longer than the rest of an entry. The buffer holds any `u64` and one more byte.
pub(super) fn decimal(mut number: u64, digits: &mut [u8; 24]) -> usize {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return first;
        }
    }
}
