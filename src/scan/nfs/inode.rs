//! What the server told of an entry, as the accounts want it, and what its errors mean to them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use rustix::io::Errno;

use super::attrs::{Attributes, Fsid, Kind, Owner};
use super::rpc::{AuthStat, Refused};
use super::status::Status;
use crate::usage::{Attrs, FileKind, Mount};

/// The uid of an owner that has none here: what Linux's client takes, too (nfsidmap(8)).
const NOBODY: u32 = 65534;

/// The longest name of an owner that is looked up, bytes: a user's is at most 32 (useradd(8)), a
/// domain's 253. Each look-up may ask a directory service, and each name is kept.
const OWNER_LIMIT: usize = 256;

/// Names of owners, and file systems, that are remembered at most. A server has far fewer of both;
/// one that makes them up must not fill the memory.
const REMEMBERED: usize = 65_536;

/// Turns attributes into inodes, and remembers names of owners.
#[derive(Debug, Default)]
pub(super) struct Inodes {
    owners: HashMap<Vec<u8>, u32>,
    file_systems: HashMap<Fsid, u64>,
}

impl Inodes {
    /// The inode, if the server told all of it. `parent` is its directory's file system.
    ///
    /// # Errors
    /// Why there are no attributes, or which one lacks: unknown is not zero.
    #[inline]
    pub(super) fn attrs(&mut self, of: &Attributes<'_>, parent: Option<u64>) -> io::Result<Attrs> {
        if let Some(status) = of.error {
            return Err(error(status));
        }
        let kind = match needed(of.kind, "type")? {
            Kind::File => FileKind::File,
            Kind::Dir => FileKind::Dir,
            Kind::Symlink => FileKind::Symlink,
            Kind::Special | Kind::NamedAttribute => FileKind::Other,
        };
        let dev = self.device(needed(of.fsid, "fsid")?);
        let ino = needed(of.fileid, "fileid")?;
        // Another file system begins here, or the same one is mounted here once more.
        let mounted = parent.is_some_and(|parent| parent != dev)
            || of.mounted_on_fileid.is_some_and(|below| below != ino);
        Ok(Attrs {
            kind,
            dev,
            ino,
            nlink: needed(of.links, "numlinks")?,
            uid: match needed(of.owner, "owner")? {
                Owner::Uid(uid) => uid,
                Owner::Name(name) => self.uid(name),
            },
            apparent: needed(of.size, "size")?,
            // In blocks, as Linux's client makes `st_blocks` of it.
            allocated: needed(of.space_used, "space_used")?.div_ceil(512).saturating_mul(512),
            mtime: needed(of.modified, "time_modify")?,
            mount: if mounted { Mount::Root } else { Mount::Inside },
        })
    }

    /// A number for a file system: the pair of numbers that the server has for it does not fit.
    fn device(&mut self, fsid: Fsid) -> u64 {
        let next = self.file_systems.len();
        if next >= REMEMBERED && !self.file_systems.contains_key(&fsid) {
            // One that follows from the pair: the same each time, and no memory. Two file systems
            // may get the same one, with a chance of 1 to 2^63.
            let mut hasher = DefaultHasher::new();
            fsid.hash(&mut hasher);
            return hasher.finish() | 1 << 63;
        }
        *self.file_systems.entry(fsid).or_insert(next as u64)
    }

    /// The uid of `user@domain`: this machine's user of that name, as with Linux's client. A look-up
    /// may take time, so each name is looked up once, also where nobody has it.
    fn uid(&mut self, name: &[u8]) -> u32 {
        if name.len() > OWNER_LIMIT {
            return NOBODY;
        }
        if let Some(uid) = self.owners.get(name) {
            return *uid;
        }
        let user = name.split(|byte| *byte == b'@').next().unwrap_or_default();
        let user = str::from_utf8(user).ok();
        let found = user.and_then(|user| nix::unistd::User::from_name(user).ok().flatten());
        let uid = found.map_or(NOBODY, |user| user.uid.as_raw());
        if self.owners.len() >= REMEMBERED {
            self.owners.clear();
        }
        self.owners.insert(name.to_owned(), uid);
        uid
    }
}

fn needed<T>(value: Option<T>, name: &str) -> io::Result<T> {
    let missing = || {
        let problem = format!("the server did not tell {name}");
        io::Error::new(io::ErrorKind::InvalidData, problem)
    };
    value.ok_or_else(missing)
}

/// A status for which there will be no result, with what to change.
pub(super) fn advice(status: Status) -> io::Error {
    let what = match status {
        Status::PERM | Status::ACCESS => {
            "the server does not let this uid in from here; what may help is another --nfs-uid, \
             the export option `insecure` (requests do not come from a privileged port), or on EFS \
             a file system policy that allows ClientRootAccess"
        }
        Status::WRONGSEC => "the server wants another security flavor than AUTH_SYS (`sec=sys`)",
        Status::MOVED => "the directory is on another server: name that one",
        _ => return error(status),
    };
    let plain = error(status);
    io::Error::new(plain.kind(), format!("{plain}: {what}"))
}

/// Why RPC takes no request at all, with what to change.
pub(super) fn refusal(refused: Refused) -> io::Error {
    let what = match refused {
        Refused::Auth(AuthStat::TOOWEAK) => {
            "it wants Kerberos, or a privileged port: allow `sec=sys` and `insecure` in its exports"
        }
        Refused::Auth(_) => "it takes no AUTH_SYS: allow `sec=sys` in its exports",
        Refused::ProgUnavail | Refused::ProgMismatch { .. } | Refused::ProcUnavail => {
            "name the host and port of a server that speaks NFSv4.1"
        }
        _ => return io::Error::other(refused.to_string()),
    };
    io::Error::other(format!("{refused}: {what}"))
}

/// A status as the error that a mounted file system would have given.
#[cold]
pub(super) fn error(status: Status) -> io::Error {
    let errno = match status {
        Status::PERM => Errno::PERM,
        Status::NOENT => Errno::NOENT,
        Status::IO | Status::SERVERFAULT => Errno::IO,
        Status::ACCESS => Errno::ACCESS,
        Status::NOTDIR => Errno::NOTDIR,
        Status::STALE | Status::BADHANDLE | Status::FHEXPIRED => Errno::STALE,
        other => return io::Error::other(other.to_string()),
    };
    errno.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    fn whole() -> Attributes<'static> {
        Attributes {
            kind: Some(Kind::File),
            size: Some(1000),
            fsid: Some(Fsid { major: 7, minor: 0 }),
            fileid: Some(5),
            links: Some(1),
            owner: Some(Owner::Uid(200_005)),
            space_used: Some(1025),
            modified: Some(-1),
            mounted_on_fileid: Some(5),
            ..Attributes::default()
        }
    }

    #[test]
    fn whatever_lacks_is_an_error_that_names_it() {
        let mut inodes = Inodes::default();
        let attrs = inodes.attrs(&whole(), None).unwrap();
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
            assert_eq!(problem, format!("the server did not tell {name}"));
        }
        let refused = Attributes { error: Some(Status::ACCESS), ..Attributes::default() };
        let problem = inodes.attrs(&refused, None).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn other_file_systems_and_mounts_are_seen() {
        let mut inodes = Inodes::default();
        let here = inodes.attrs(&whole(), None).unwrap().dev;
        assert_eq!(inodes.attrs(&whole(), Some(here)).unwrap().mount, Mount::Inside);
        let other = Attributes { fsid: Some(Fsid { major: 7, minor: 1 }), ..whole() };
        let there = inodes.attrs(&other, Some(here)).unwrap();
        assert_eq!(there.mount, Mount::Root);
        assert_ne!(there.dev, here);
        let bound = Attributes { mounted_on_fileid: Some(2), ..whole() };
        assert_eq!(inodes.attrs(&bound, Some(here)).unwrap().mount, Mount::Root);
        // Servers need not have the attribute.
        let unknown = Attributes { mounted_on_fileid: None, ..whole() };
        assert_eq!(inodes.attrs(&unknown, Some(here)).unwrap().mount, Mount::Inside);
    }

    #[test]
    fn owners_with_names_are_those_of_this_machine() {
        let mut inodes = Inodes::default();
        let named = |name| Attributes { owner: Some(Owner::Name(name)), ..whole() };
        assert_eq!(inodes.attrs(&named(b"root@localdomain"), None).unwrap().uid, 0);
        assert_eq!(inodes.attrs(&named(b"no such user@x"), None).unwrap().uid, NOBODY);
        assert_eq!(inodes.attrs(&named(b"\xff"), None).unwrap().uid, NOBODY);
    }

    #[test]
    fn a_server_that_makes_things_up_fills_no_memory() {
        let mut inodes = Inodes::default();
        let named = |name| Attributes { owner: Some(Owner::Name(name)), ..whole() };
        let long = [&b"root@"[..], &[b'x'; OWNER_LIMIT]].concat();
        assert_eq!(inodes.attrs(&named(&long), None).unwrap().uid, NOBODY);
        assert!(inodes.owners.is_empty(), "not looked up, not kept");
        // Numbers need neither.
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
