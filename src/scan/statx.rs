//! Reads attributes with statx, and answers rules' questions about a directory.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Statx, StatxAttributes, StatxFlags, openat, statat, statx,
};
use rustix::io::Errno;

use crate::usage::{Attrs, FileKind, Mount, Probe};

/// All attributes that are counted. atime is left out: EFS does not update it, and it may cost
/// round trips.
const WANTED: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::NLINK)
    .union(StatxFlags::UID)
    .union(StatxFlags::GID)
    .union(StatxFlags::MTIME)
    .union(StatxFlags::INO)
    .union(StatxFlags::SIZE)
    .union(StatxFlags::BLOCKS);

/// Reads the attributes of an entry. For a symbolic link, they are its own.
#[inline]
pub(super) fn attrs_at(fd: &OwnedFd, name: &CStr) -> io::Result<Attrs> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    attrs(&statx(fd, name, flags, WANTED)?)
}

/// Reads the attributes of an entry of a local file system that is no mount point. fstatat is a
/// little cheaper than statx, but cannot tell a mount point.
#[inline]
pub(super) fn attrs_unmounted(fd: &OwnedFd, name: &CStr) -> io::Result<Attrs> {
    let stat = statat(fd, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?;
    Ok(Attrs {
        kind: kind(stat.st_mode),
        dev: stat.st_dev,
        ino: stat.st_ino,
        nlink: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: (stat.st_mode & 0o7777) as u16,
        apparent: stat.st_size.cast_unsigned(),
        allocated: stat.st_blocks.cast_unsigned().saturating_mul(512),
        mtime: stat.st_mtime,
        mount: Mount::Inside,
    })
}

/// Reads the attributes of the entry at a path.
#[cfg(feature = "portable")]
pub(super) fn attrs_at_path(path: &std::path::Path) -> io::Result<Attrs> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    attrs(&statx(rustix::fs::CWD, path, flags, WANTED)?)
}

/// Reads the attributes of an open file.
pub(super) fn attrs_of_fd(fd: &OwnedFd) -> io::Result<Attrs> {
    attrs(&statx(fd, c"", AtFlags::EMPTY_PATH, WANTED)?)
}

#[inline]
fn attrs(statx: &Statx) -> io::Result<Attrs> {
    if statx.stx_mask & WANTED.bits() != WANTED.bits() {
        let message = "the file system did not fill all attributes";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Attrs {
        kind: kind(u32::from(statx.stx_mode)),
        dev: rustix::fs::makedev(statx.stx_dev_major, statx.stx_dev_minor),
        ino: statx.stx_ino,
        nlink: statx.stx_nlink,
        uid: statx.stx_uid,
        gid: statx.stx_gid,
        mode: statx.stx_mode & 0o7777,
        apparent: statx.stx_size,
        allocated: statx.stx_blocks.saturating_mul(512),
        mtime: statx.stx_mtime.tv_sec,
        mount: match statx.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            true => Mount::Root,
            false => Mount::Inside,
        },
    })
}

fn kind(mode: u32) -> FileKind {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Dir,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

/// Answers a rule's questions about an open directory.
pub(super) struct FdProbe<'a>(pub(super) &'a OwnedFd);

impl Probe for FdProbe<'_> {
    fn exists(&self, name: &[u8]) -> io::Result<bool> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match statx(self.0, name, flags, StatxFlags::TYPE) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool> {
        // Users control this name: it may be a link, a FIFO, or gone. NONBLOCK keeps the open of a
        // FIFO from blocking. NOATIME is used if permitted, so a scan leaves no trace.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |flags| openat(self.0, name, flags, Mode::empty());
        let fd = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags),
            opened => opened,
        };
        let fd = match fd {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        if attrs_of_fd(&fd)?.kind != FileKind::File {
            return Ok(false);
        }
        let mut head = vec![0; bytes.len()];
        let read = rustix::io::pread(fd.as_fd(), &mut head, 0)?;
        Ok(read == bytes.len() && head == bytes)
    }
}
