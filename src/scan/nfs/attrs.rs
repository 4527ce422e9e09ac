//! File attributes: the bitmaps that request them and the values in replies (RFC 8881, section 5).
//!
//! Attribute values have no length of their own and follow one another in order of attribute
//! number. An unknown attribute that we did not request therefore makes the rest unreadable.

use super::status::Status;
use super::xdr::{Malformed, XdrReader, XdrWriter};

/// Limit for a file handle in bytes (`NFS4_FHSIZE`).
pub(super) const HANDLE_LIMIT: usize = 128;

/// A set of attributes (`bitmap4`). Attributes from number 64 on (NFSv4.2's and a few of 4.1's) are
/// of no use to a scan and are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AttrMask(u64);

impl AttrMask {
    /// The attributes the server supports on this file system: [`Attributes::supported`].
    pub(super) const SUPPORTED_ATTRS: Self = Self(1);
    /// [`Attributes::kind`].
    pub(super) const TYPE: Self = Self(1 << 1);
    /// [`Attributes::size`].
    pub(super) const SIZE: Self = Self(1 << 4);
    /// [`Attributes::fsid`].
    pub(super) const FSID: Self = Self(1 << 8);
    /// [`Attributes::lease_time`].
    pub(super) const LEASE_TIME: Self = Self(1 << 10);
    /// [`Attributes::error`].
    pub(super) const RDATTR_ERROR: Self = Self(1 << 11);
    /// [`Attributes::handle`].
    pub(super) const FILEHANDLE: Self = Self(1 << 19);
    /// [`Attributes::fileid`].
    pub(super) const FILEID: Self = Self(1 << 20);
    /// [`Attributes::mode`].
    pub(super) const MODE: Self = Self(1 << 33);
    /// [`Attributes::links`].
    pub(super) const NUMLINKS: Self = Self(1 << 35);
    /// [`Attributes::owner`].
    pub(super) const OWNER: Self = Self(1 << 36);
    /// [`Attributes::group`].
    pub(super) const OWNER_GROUP: Self = Self(1 << 37);
    /// [`Attributes::space_used`].
    pub(super) const SPACE_USED: Self = Self(1 << 45);
    /// [`Attributes::modified`].
    pub(super) const TIME_MODIFY: Self = Self(1 << 53);
    /// [`Attributes::mounted_on_fileid`].
    pub(super) const MOUNTED_ON_FILEID: Self = Self(1 << 55);

    /// All attributes we can decode.
    pub(super) const KNOWN: Self = {
        let mut all = 0;
        let mut i = 0;
        while i < NAMES.len() {
            all |= NAMES[i].0.0;
            i += 1;
        }
        Self(all)
    };

    /// All attributes a scan wants of an entry. A client must not request attributes that the
    /// server lacks (`supported_attrs`), so request the [`AttrMask::and`] of both;
    /// [`AttrMask::without`] returns the attributes that stay unknown.
    pub(super) const ENTRY: Self = Self::KNOWN.without(Self::SUPPORTED_ATTRS.or(Self::LEASE_TIME));

    /// Returns the union of both.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the intersection of both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the attributes in `self` but not in `other`.
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if `self` contains all of `other`.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the RFC's names of the known attributes.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(mask, _)| self.has(*mask)).map(|(_, name)| *name)
    }

    /// Writes a `bitmap4`.
    pub(super) fn write(self, writer: &mut XdrWriter) {
        let words = [self.0 as u32, (self.0 >> 32) as u32];
        let length = if words[1] != 0 { 2 } else { u32::from(words[0] != 0) };
        writer.u32(length);
        for word in words.into_iter().take(length as usize) {
            writer.u32(word);
        }
    }

    /// Reads a `bitmap4`; the flag is true if it has attributes from number 64 on.
    fn read(reader: &mut XdrReader<'_>) -> Result<(Self, bool), Malformed> {
        let words = reader.u32("bitmap4")?;
        let (mut mask, mut beyond) = (0, false);
        for i in 0..words {
            let word = reader.u32("bitmap4")?;
            match i {
                0 | 1 => mask |= u64::from(word) << (32 * i),
                _ => beyond |= word != 0,
            }
        }
        Ok((Self(mask), beyond))
    }
}

const NAMES: &[(AttrMask, &str)] = &[
    (AttrMask::SUPPORTED_ATTRS, "supported_attrs"),
    (AttrMask::TYPE, "type"),
    (AttrMask::SIZE, "size"),
    (AttrMask::FSID, "fsid"),
    (AttrMask::LEASE_TIME, "lease_time"),
    (AttrMask::RDATTR_ERROR, "rdattr_error"),
    (AttrMask::FILEHANDLE, "filehandle"),
    (AttrMask::FILEID, "fileid"),
    (AttrMask::MODE, "mode"),
    (AttrMask::NUMLINKS, "numlinks"),
    (AttrMask::OWNER, "owner"),
    (AttrMask::OWNER_GROUP, "owner_group"),
    (AttrMask::SPACE_USED, "space_used"),
    (AttrMask::TIME_MODIFY, "time_modify"),
    (AttrMask::MOUNTED_ON_FILEID, "mounted_on_fileid"),
];

/// The attributes a server reported for a file. Those not reported are `None`: unknown is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    /// The attributes the server supports on this file's file system.
    pub(super) supported: Option<AttrMask>,
    pub(super) kind: Option<FileType>,
    /// Apparent size in bytes.
    pub(super) size: Option<u64>,
    pub(super) fsid: Option<Fsid>,
    /// Lease time in seconds: the server keeps a silent client's state for this long.
    pub(super) lease_time: Option<u32>,
    /// Reason that READDIR has no attributes for this entry.
    pub(super) error: Option<Status>,
    /// File handle, at most [`HANDLE_LIMIT`] bytes.
    pub(super) handle: Option<&'a [u8]>,
    /// Inode number.
    pub(super) fileid: Option<u64>,
    /// Permission bits.
    pub(super) mode: Option<u32>,
    /// Link count.
    pub(super) links: Option<u32>,
    pub(super) owner: Option<FileOwner<'a>>,
    pub(super) group: Option<FileOwner<'a>>,
    /// Allocated bytes.
    pub(super) space_used: Option<u64>,
    /// Modification time in seconds since 1970, rounded down.
    pub(super) modified: Option<i64>,
    /// Inode number in the parent's file system; differs from `fileid` at a mount point.
    pub(super) mounted_on_fileid: Option<u64>,
}

/// `nfs_ftype4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileType {
    File,
    Dir,
    Symlink,
    /// A device, socket or FIFO.
    Special,
    /// A named attribute or a directory of them. READDIR of a directory lists none.
    NamedAttribute,
}

/// `fsid4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fsid {
    pub(super) major: u64,
    pub(super) minor: u64,
}

/// The owner or the group, which the protocol transmits as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileOwner<'a> {
    /// A uid or gid in decimal without leading zeros (RFC 8881, section 5.9).
    Uid(u32),
    /// Anything else: `user@domain`, or `nobody` for an owner the server cannot name. Only the
    /// server's databases map it to a number.
    Name(&'a [u8]),
}

impl<'a> FileOwner<'a> {
    fn new(text: &'a [u8]) -> Self {
        let numeric = match text {
            [b'0'] => true,
            // `u32`'s parser also accepts a plus sign.
            [b'1'..=b'9', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let uid = || str::from_utf8(text).ok()?.parse().ok();
        match if numeric { uid() } else { None } {
            Some(uid) => Self::Uid(uid),
            None => Self::Name(text),
        }
    }
}

impl<'a> Attributes<'a> {
    /// Reads a `fattr4`.
    pub(super) fn read(reader: &mut XdrReader<'a>) -> Result<Self, Malformed> {
        let start = *reader;
        let (mask, beyond) = AttrMask::read(reader)?;
        if beyond || !AttrMask::KNOWN.has(mask) {
            return Err(start.malformed("attributes that were asked for"));
        }
        let mut values = reader.part(usize::MAX, "attrlist4")?;
        let attributes = Self::values(mask, &mut values)?;
        values.end("end of the attributes")?;
        Ok(attributes)
    }

    /// Reads the values in order of attribute number.
    fn values(mask: AttrMask, values: &mut XdrReader<'a>) -> Result<Self, Malformed> {
        let mut to = Self::default();
        if mask.has(AttrMask::SUPPORTED_ATTRS) {
            to.supported = Some(AttrMask::read(values)?.0);
        }
        if mask.has(AttrMask::TYPE) {
            to.kind = Some(FileType::read(values)?);
        }
        if mask.has(AttrMask::SIZE) {
            to.size = Some(values.u64("size")?);
        }
        if mask.has(AttrMask::FSID) {
            let (major, minor) = (values.u64("fsid")?, values.u64("fsid")?);
            to.fsid = Some(Fsid { major, minor });
        }
        if mask.has(AttrMask::LEASE_TIME) {
            to.lease_time = Some(values.u32("lease_time")?);
        }
        if mask.has(AttrMask::RDATTR_ERROR) {
            // Servers also send NFS4_OK, alongside the other attributes.
            to.error = Some(Status(values.u32("rdattr_error")?)).filter(|it| *it != Status::OK);
        }
        if mask.has(AttrMask::FILEHANDLE) {
            to.handle = Some(values.opaque(HANDLE_LIMIT, "filehandle")?);
        }
        if mask.has(AttrMask::FILEID) {
            to.fileid = Some(values.u64("fileid")?);
        }
        if mask.has(AttrMask::MODE) {
            to.mode = Some(values.u32("mode")?);
        }
        if mask.has(AttrMask::NUMLINKS) {
            to.links = Some(values.u32("numlinks")?);
        }
        if mask.has(AttrMask::OWNER) {
            to.owner = Some(FileOwner::new(values.opaque(usize::MAX, "owner")?));
        }
        if mask.has(AttrMask::OWNER_GROUP) {
            to.group = Some(FileOwner::new(values.opaque(usize::MAX, "owner_group")?));
        }
        if mask.has(AttrMask::SPACE_USED) {
            to.space_used = Some(values.u64("space_used")?);
        }
        if mask.has(AttrMask::TIME_MODIFY) {
            to.modified = Some(values.i64("time_modify")?);
            // Nanoseconds, added to the seconds even if those are negative.
            values.u32("time_modify")?;
        }
        if mask.has(AttrMask::MOUNTED_ON_FILEID) {
            to.mounted_on_fileid = Some(values.u64("mounted_on_fileid")?);
        }
        Ok(to)
    }
}

impl FileType {
    fn read(values: &mut XdrReader<'_>) -> Result<Self, Malformed> {
        let start = *values;
        Ok(match values.u32("type")? {
            1 => Self::File,
            2 => Self::Dir,
            5 => Self::Symlink,
            3 | 4 | 6 | 7 => Self::Special,
            8 | 9 => Self::NamedAttribute,
            _ => return Err(start.malformed("type")),
        })
    }
}

#[cfg(test)]
mod tests;
