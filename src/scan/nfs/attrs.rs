//! Attributes of files: which a server has, which are asked for, what came (RFC 8881, section 5).
//!
//! Attributes have no lengths of their own: they lie one after the other in the order of their
//! numbers. So an attribute that nobody asked for and that is not known here makes the rest
//! unreadable.

use super::status::Status;
use super::xdr::{Malformed, Reader, Writer};

/// The longest file handle, bytes (`NFS4_FHSIZE`).
pub(super) const HANDLE_LIMIT: usize = 128;

/// A set of attributes: `bitmap4`. Attributes from number 64 on (NFSv4.2's and a few of 4.1's)
/// are of no use to a scan and left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask(u64);

impl Mask {
    /// Which attributes the server has for this file system: [`Attributes::supported`].
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
    /// [`Attributes::links`].
    pub(super) const NUMLINKS: Self = Self(1 << 35);
    /// [`Attributes::owner`].
    pub(super) const OWNER: Self = Self(1 << 36);
    /// [`Attributes::space_used`].
    pub(super) const SPACE_USED: Self = Self(1 << 45);
    /// [`Attributes::modified`].
    pub(super) const TIME_MODIFY: Self = Self(1 << 53);
    /// [`Attributes::mounted_on_fileid`].
    pub(super) const MOUNTED_ON_FILEID: Self = Self(1 << 55);

    /// All that can be decoded.
    pub(super) const KNOWN: Self = {
        let mut all = 0;
        let mut i = 0;
        while i < NAMES.len() {
            all |= NAMES[i].0.0;
            i += 1;
        }
        Self(all)
    };

    /// All that a scan wants of an entry. What a server lacks of it (`supported_attrs`) must not
    /// be asked for; take [`Mask::and`] of both, and see in [`Mask::without`] what will be unknown.
    pub(super) const ENTRY: Self = Self::KNOWN.without(Self::SUPPORTED_ATTRS.or(Self::LEASE_TIME));

    /// In one or the other.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// In both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In this, not in the other.
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of the other are in this.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The RFC's names of those that are known here.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(mask, _)| self.has(*mask)).map(|(_, name)| *name)
    }

    /// Writes a `bitmap4`.
    pub(super) fn write(self, writer: &mut Writer) {
        let words = [self.0 as u32, (self.0 >> 32) as u32];
        let length = if words[1] != 0 { 2 } else { u32::from(words[0] != 0) };
        writer.u32(length);
        for word in words.into_iter().take(length as usize) {
            writer.u32(word);
        }
    }

    /// Reads a `bitmap4`, and whether it has attributes from number 64 on.
    fn read(reader: &mut Reader<'_>) -> Result<(Self, bool), Malformed> {
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

const NAMES: &[(Mask, &str)] = &[
    (Mask::SUPPORTED_ATTRS, "supported_attrs"),
    (Mask::TYPE, "type"),
    (Mask::SIZE, "size"),
    (Mask::FSID, "fsid"),
    (Mask::LEASE_TIME, "lease_time"),
    (Mask::RDATTR_ERROR, "rdattr_error"),
    (Mask::FILEHANDLE, "filehandle"),
    (Mask::FILEID, "fileid"),
    (Mask::NUMLINKS, "numlinks"),
    (Mask::OWNER, "owner"),
    (Mask::SPACE_USED, "space_used"),
    (Mask::TIME_MODIFY, "time_modify"),
    (Mask::MOUNTED_ON_FILEID, "mounted_on_fileid"),
];

/// What a server told of a file. What it did not tell is `None`: unknown is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    /// Attributes that the server has for this file's file system.
    pub(super) supported: Option<Mask>,
    /// What kind of file it is.
    pub(super) kind: Option<Kind>,
    /// Size in bytes.
    pub(super) size: Option<u64>,
    /// The file system that it is on.
    pub(super) fsid: Option<Fsid>,
    /// How long a client may be silent, seconds.
    pub(super) lease_time: Option<u32>,
    /// Why READDIR has no attributes of this entry; `None` where it has.
    pub(super) error: Option<Status>,
    /// File handle, at most [`HANDLE_LIMIT`] bytes.
    pub(super) handle: Option<&'a [u8]>,
    /// Inode number.
    pub(super) fileid: Option<u64>,
    /// Link count.
    pub(super) links: Option<u32>,
    /// Owner.
    pub(super) owner: Option<Owner<'a>>,
    /// Bytes allocated on the file system.
    pub(super) space_used: Option<u64>,
    /// Last change of the data, seconds since 1970, rounded down.
    pub(super) modified: Option<i64>,
    /// Inode number in the parent's file system: another than `fileid` where something is mounted.
    pub(super) mounted_on_fileid: Option<u64>,
}

/// `nfs_ftype4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A device, socket or fifo.
    Special,
    /// A named attribute or a directory of them: no READDIR of a directory shows those.
    NamedAttribute,
}

/// `fsid4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fsid {
    /// Major number.
    pub(super) major: u64,
    /// Minor number.
    pub(super) minor: u64,
}

/// The owner as the server calls it: a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// A number in decimal without leading zeros (RFC 8881, section 5.9): the uid.
    Uid(u32),
    /// Anything else: `user@domain`, or `nobody` for an owner that the server cannot name. The
    /// text is kept because an error must show what to change in the server's id mapping; a uid
    /// cannot be made of it without the server's user data.
    Name(&'a [u8]),
}

impl<'a> Owner<'a> {
    fn new(text: &'a [u8]) -> Self {
        let numeric = match text {
            [b'0'] => true,
            // u32's parser takes a plus sign, too.
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
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let start = *reader;
        let (mask, beyond) = Mask::read(reader)?;
        if beyond || !Mask::KNOWN.has(mask) {
            return Err(start.malformed("attributes that were asked for"));
        }
        let mut values = reader.part(usize::MAX, "attrlist4")?;
        let attributes = Self::values(mask, &mut values)?;
        values.end("end of the attributes")?;
        Ok(attributes)
    }

    /// The values, in the order of the attributes' numbers.
    fn values(mask: Mask, values: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut to = Self::default();
        if mask.has(Mask::SUPPORTED_ATTRS) {
            to.supported = Some(Mask::read(values)?.0);
        }
        if mask.has(Mask::TYPE) {
            to.kind = Some(Kind::read(values)?);
        }
        if mask.has(Mask::SIZE) {
            to.size = Some(values.u64("size")?);
        }
        if mask.has(Mask::FSID) {
            let (major, minor) = (values.u64("fsid")?, values.u64("fsid")?);
            to.fsid = Some(Fsid { major, minor });
        }
        if mask.has(Mask::LEASE_TIME) {
            to.lease_time = Some(values.u32("lease_time")?);
        }
        if mask.has(Mask::RDATTR_ERROR) {
            // Also sent with NFS4_OK, beside the other attributes.
            to.error = Some(Status(values.u32("rdattr_error")?)).filter(|it| *it != Status::OK);
        }
        if mask.has(Mask::FILEHANDLE) {
            to.handle = Some(values.opaque(HANDLE_LIMIT, "filehandle")?);
        }
        if mask.has(Mask::FILEID) {
            to.fileid = Some(values.u64("fileid")?);
        }
        if mask.has(Mask::NUMLINKS) {
            to.links = Some(values.u32("numlinks")?);
        }
        if mask.has(Mask::OWNER) {
            to.owner = Some(Owner::new(values.opaque(usize::MAX, "owner")?));
        }
        if mask.has(Mask::SPACE_USED) {
            to.space_used = Some(values.u64("space_used")?);
        }
        if mask.has(Mask::TIME_MODIFY) {
            to.modified = Some(values.i64("time_modify")?);
            // Nanoseconds, which are added to the seconds also where those are negative.
            values.u32("time_modify")?;
        }
        if mask.has(Mask::MOUNTED_ON_FILEID) {
            to.mounted_on_fileid = Some(values.u64("mounted_on_fileid")?);
        }
        Ok(to)
    }
}

impl Kind {
    fn read(values: &mut Reader<'_>) -> Result<Self, Malformed> {
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
