//! Converts a server's attributes to those of the ledger.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::{Arc, Mutex};

use nix::unistd::{Group, User};

use super::attrs::{Attributes, FileOwner, FileType, Fsid};
use super::errors;
use crate::sync::lock;
use crate::usage::{Attrs, FileKind, Mount};

/// The uid for owners that cannot be mapped, the same as Linux's client uses (nfsidmap(8)).
const NOBODY: u32 = 65534;

/// Longest owner name to look up, in bytes: a user's is at most 32 (useradd(8)), a domain's 253. A
/// lookup may ask a directory service, and each name is kept.
const OWNER_LIMIT: usize = 256;

/// Most owner names and file systems to remember. Real servers have far fewer; one that invents
/// them must not exhaust memory.
const REMEMBERED: usize = 65_536;

/// Converts attributes; remembers owner names and file systems.
#[derive(Debug, Default)]
pub(super) struct InodeConverter {
    owners: HashMap<Vec<u8>, u32>,
    groups: HashMap<Vec<u8>, u32>,
    /// Device numbers that this converter has used.
    file_systems: HashMap<Fsid, u64>,
    /// Device numbers of all converters of a walk, so that an inode has the same number everywhere.
    devices: Arc<Mutex<HashMap<Fsid, u64>>>,
}

impl InodeConverter {
    /// Creates a converter that gives each file system the same device number as this one.
    pub(super) fn another(&self) -> Self {
        Self { devices: Arc::clone(&self.devices), ..Self::default() }
    }

    /// Converts an entry's attributes. `parent` is the device of its directory.
    ///
    /// # Errors
    /// The server reported an error for the entry, or left out an attribute: unknown is not zero.
    #[inline]
    pub(super) fn attrs(&mut self, of: &Attributes<'_>, parent: Option<u64>) -> io::Result<Attrs> {
        if let Some(status) = of.error {
            return Err(errors::from_status(status));
        }
        let kind = match needed(of.kind, "type")? {
            FileType::File => FileKind::File,
            FileType::Dir => FileKind::Dir,
            FileType::Symlink => FileKind::Symlink,
            FileType::Special | FileType::NamedAttribute => FileKind::Other,
        };
        let dev = self.device(needed(of.fsid, "fsid")?);
        let ino = needed(of.fileid, "fileid")?;
        // A different file system is mounted here, or the same one once more.
        let mounted = parent.is_some_and(|parent| parent != dev)
            || of.mounted_on_fileid.is_some_and(|below| below != ino);
        Ok(Attrs {
            kind,
            dev,
            ino,
            nlink: needed(of.links, "numlinks")?,
            uid: match needed(of.owner, "owner")? {
                FileOwner::Uid(uid) => uid,
                FileOwner::Name(name) => self.uid(name),
            },
            gid: match of.group {
                Some(FileOwner::Uid(gid)) => gid,
                Some(FileOwner::Name(name)) => self.gid(name),
                // Nobody's own, so many may be in it.
                None => NOBODY,
            },
            // If the mode is unknown, nothing counts as removable.
            mode: of.mode.map_or(0, |mode| (mode & 0o7777) as u16),
            apparent: needed(of.size, "size")?,
            // In blocks, as Linux's client computes `st_blocks`.
            allocated: needed(of.space_used, "space_used")?.div_ceil(512).saturating_mul(512),
            mtime: needed(of.modified, "time_modify")?,
            mount: if mounted { Mount::Root } else { Mount::Inside },
        })
    }

    /// Assigns a device number to a file system, since an fsid has 128 bits.
    fn device(&mut self, fsid: Fsid) -> u64 {
        if let Some(device) = self.file_systems.get(&fsid) {
            return *device;
        }
        let mut devices = lock(&self.devices);
        let next = devices.len();
        if next >= REMEMBERED && !devices.contains_key(&fsid) {
            // A hash is stable and needs no memory. Two file systems collide with a chance of 1 in
            // 2^63.
            let mut hasher = DefaultHasher::new();
            fsid.hash(&mut hasher);
            return hasher.finish() | 1 << 63;
        }
        let device = *devices.entry(fsid).or_insert(next as u64);
        self.file_systems.insert(fsid, device);
        device
    }

    /// Maps `user@domain` to the uid of the local user of that name, as Linux's client does. A
    /// lookup may be slow, so each name is looked up once, even if unknown.
    fn uid(&mut self, name: &[u8]) -> u32 {
        let user = |name: &str| User::from_name(name).ok().flatten();
        mapped(&mut self.owners, name, |name| user(name).map(|user| user.uid.as_raw()))
    }

    /// The same for `group@domain`.
    fn gid(&mut self, name: &[u8]) -> u32 {
        let group = |name: &str| Group::from_name(name).ok().flatten();
        mapped(&mut self.groups, name, |name| group(name).map(|group| group.gid.as_raw()))
    }
}

/// Looks up the local part of a name, once.
fn mapped(
    known: &mut HashMap<Vec<u8>, u32>,
    name: &[u8],
    look_up: impl Fn(&str) -> Option<u32>,
) -> u32 {
    if name.len() > OWNER_LIMIT {
        return NOBODY;
    }
    if let Some(id) = known.get(name) {
        return *id;
    }
    let local = name.split(|byte| *byte == b'@').next().unwrap_or_default();
    let id = str::from_utf8(local).ok().and_then(look_up).unwrap_or(NOBODY);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(name.to_owned(), id);
    id
}

fn needed<T>(value: Option<T>, name: &str) -> io::Result<T> {
    let missing = || {
        let problem = format!("the server did not report {name}");
        io::Error::new(io::ErrorKind::InvalidData, problem)
    };
    value.ok_or_else(missing)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;
    use crate::scan::nfs::status::Status;

    fn whole() -> Attributes<'static> {
        Attributes {
            kind: Some(FileType::File),
            size: Some(1000),
            fsid: Some(Fsid { major: 7, minor: 0 }),
            fileid: Some(5),
            mode: Some(0o700),
            links: Some(1),
            owner: Some(FileOwner::Uid(200_005)),
            group: Some(FileOwner::Uid(100)),
            space_used: Some(1025),
            modified: Some(-1),
            mounted_on_fileid: Some(5),
            ..Attributes::default()
        }
    }

    #[test]
    fn a_missing_attribute_is_an_error_that_names_it() {
        let mut inodes = InodeConverter::default();
        let attrs = inodes.attrs(&whole(), None).unwrap();
        assert_eq!(attrs.gid, 100);
        let no_group = Attributes { group: None, ..whole() };
        assert_eq!(inodes.attrs(&no_group, None).unwrap().gid, NOBODY);
        assert_eq!((attrs.uid, attrs.apparent, attrs.allocated), (200_005, 1000, 1536));
        assert_eq!((attrs.mount, attrs.mtime), (Mount::Inside, -1));
        let without: [(&str, Attributes<'_>); 8] = [
            ("type", Attributes { kind: None, ..whole() }),
            ("size", Attributes { size: None, ..whole() }),
            ("fsid", Attributes { fsid: None, ..whole() }),
            ("fileid", Attributes { fileid: None, ..whole() }),
            ("numlinks", Attributes { links: None, ..whole() }),
            ("owner", Attributes { owner: None, ..whole() }),
            ("space_used", Attributes { space_used: None, ..whole() }),
            ("time_modify", Attributes { modified: None, ..whole() }),
        ];
        for (name, attributes) in without {
            let problem = inodes.attrs(&attributes, None).unwrap_err().to_string();
            assert_eq!(problem, format!("the server did not report {name}"));
        }
        let refused = Attributes { error: Some(Status::ACCESS), ..Attributes::default() };
        let problem = inodes.attrs(&refused, None).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn other_file_systems_and_bind_mounts_are_detected() {
        let mut inodes = InodeConverter::default();
        let here = inodes.attrs(&whole(), None).unwrap().dev;
        assert_eq!(inodes.attrs(&whole(), Some(here)).unwrap().mount, Mount::Inside);
        let other = Attributes { fsid: Some(Fsid { major: 7, minor: 1 }), ..whole() };
        let there = inodes.attrs(&other, Some(here)).unwrap();
        assert_eq!(there.mount, Mount::Root);
        assert_ne!(there.dev, here);
        let bound = Attributes { mounted_on_fileid: Some(2), ..whole() };
        assert_eq!(inodes.attrs(&bound, Some(here)).unwrap().mount, Mount::Root);
        // The attribute is optional.
        let unknown = Attributes { mounted_on_fileid: None, ..whole() };
        assert_eq!(inodes.attrs(&unknown, Some(here)).unwrap().mount, Mount::Inside);
    }

    #[test]
    fn owner_names_are_mapped_to_local_users() {
        let mut inodes = InodeConverter::default();
        let named = |name| Attributes { owner: Some(FileOwner::Name(name)), ..whole() };
        assert_eq!(inodes.attrs(&named(b"root@localdomain"), None).unwrap().uid, 0);
        assert_eq!(inodes.attrs(&named(b"no such user@x"), None).unwrap().uid, NOBODY);
        assert_eq!(inodes.attrs(&named(b"\xff"), None).unwrap().uid, NOBODY);
        let of_group = |name| Attributes { group: Some(FileOwner::Name(name)), ..whole() };
        assert_eq!(inodes.attrs(&of_group(b"root@localdomain"), None).unwrap().gid, 0);
        assert_eq!(inodes.attrs(&of_group(b"no such group@x"), None).unwrap().gid, NOBODY);
    }

    #[test]
    fn invented_owners_and_file_systems_use_bounded_memory() {
        let mut inodes = InodeConverter::default();
        let named = |name| Attributes { owner: Some(FileOwner::Name(name)), ..whole() };
        let long = [&b"root@"[..], &[b'x'; OWNER_LIMIT]].concat();
        assert_eq!(inodes.attrs(&named(&long), None).unwrap().uid, NOBODY);
        assert!(inodes.owners.is_empty(), "neither looked up nor kept");
        // Numeric owners are neither looked up nor kept.
        inodes.attrs(&whole(), None).unwrap();
        assert!(inodes.owners.is_empty());
        for number in 0..REMEMBERED {
            inodes.owners.insert(number.to_ne_bytes().into(), NOBODY);
        }
        assert_eq!(inodes.attrs(&named(b"root"), None).unwrap().uid, 0);
        assert_eq!(inodes.owners.len(), 1);

        let on = |minor| Attributes { fsid: Some(Fsid { major: 7, minor }), ..whole() };
        let more = REMEMBERED as u64 + 100;
        let mut devices = |minor| inodes.attrs(&on(minor), None).unwrap().dev;
        let first: Vec<_> = (0..more).map(&mut devices).collect();
        let again: Vec<_> = (0..more).map(&mut devices).collect();
        assert_eq!(first, again, "a file system keeps its number");
        let different: std::collections::HashSet<_> = first.into_iter().collect();
        assert_eq!(different.len() as u64, more);
        assert_eq!(inodes.file_systems.len(), REMEMBERED);
    }
}
