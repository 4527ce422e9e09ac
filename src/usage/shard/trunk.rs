//! A directory of the trunk, as a shard writes it and the merge makes it again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::books::{pack_finding, unpack_finding};
use crate::packed::{Pack, Packer, Unpacker};
use crate::sync::lock;
use crate::usage::dir::Dir;
use crate::usage::errors::Problem;
use crate::usage::home::{FindingAccount, HomeKind};
use crate::usage::notes::Notes;
use crate::usage::{Attrs, FileKind, Mount};

/// What a frame has, but for the amounts of the table of directories, which come last.
pub(super) struct Frame {
    pub(super) path: Box<[u8]>,
    pub(super) attrs: Attrs,
    /// Kind, owner and directory's owner of the home that begins here.
    pub(super) home: Option<(HomeKind, Option<u32>, Option<u32>)>,
    pub(super) subtree: u64,
    pub(super) largest_child: u64,
    /// The finding that begins here, and the number that it had.
    pub(super) finding: Option<(Arc<FindingAccount>, Option<u64>)>,
    pub(super) notes: Notes,
}

/// Packs a directory. `device` maps device numbers.
pub(super) fn pack(dir: &Arc<Dir>, device: impl Fn(u64) -> u64, to: &mut Packer<'_>) {
    to.text(&dir.path());
    let Attrs { dev, ino, nlink, uid, mode, mtime, mount, .. } = dir.attrs;
    [device(dev), ino, nlink.into(), uid.into(), mode.into()]
        .into_iter()
        .for_each(|n| to.number(n));
    to.time(mtime);
    (mount == Mount::Root).pack(to);
    let home = dir.is_home_itself().then_some(&dir.home);
    home.is_some().pack(to);
    if let Some(home) = home {
        home.kind.pack(to);
        home.uid.pack(to);
        home.directory_owner.pack(to);
    }
    // Relaxed: the walk is over.
    to.number(dir.subtree.load(Ordering::Relaxed));
    to.number(dir.largest_child.load(Ordering::Relaxed));
    let finding = dir.starts.get();
    finding.is_some().pack(to);
    finding.into_iter().for_each(|finding| pack_finding(finding, to));
    let notes = dir.trunk.as_ref().map(|trunk| lock(&trunk.notes).clone()).unwrap_or_default();
    let Notes { problems, vanished, mounts, excluded, above_homes } = notes;
    problems.pack(to);
    [vanished, mounts, above_homes].into_iter().for_each(|number| to.number(number));
    let excluded: Vec<(u64, u64)> = excluded.into_iter().map(|(at, n)| (at as u64, n)).collect();
    excluded.pack(to);
    if let Some(account) = &dir.account {
        account.pack(to);
    }
}

impl Frame {
    pub(super) fn unpack(from: &mut Unpacker<'_>) -> Self {
        let path = Pack::unpack(from);
        let [dev, ino] = [from.number(), from.number()];
        let attrs = Attrs {
            kind: FileKind::Dir,
            dev,
            ino,
            nlink: Pack::unpack(from),
            uid: Pack::unpack(from),
            mode: Pack::unpack(from),
            // The shards have decided what its group may do. No directory is this group's alone.
            gid: u32::MAX,
            // The shard that owns the directory counted its own inode.
            apparent: 0,
            allocated: 0,
            mtime: from.time(),
            mount: if bool::unpack(from) { Mount::Root } else { Mount::Inside },
        };
        let home = bool::unpack(from)
            .then(|| (Pack::unpack(from), Pack::unpack(from), Pack::unpack(from)));
        let (subtree, largest_child) = (from.number(), from.number());
        let finding = bool::unpack(from).then(|| unpack_finding(from));
        let problems = Vec::<Problem>::unpack(from);
        let [vanished, mounts, above_homes] = [from.number(), from.number(), from.number()];
        let excluded = Vec::<(u64, u64)>::unpack(from).into_iter();
        let excluded = excluded.map(|(at, n)| (usize::try_from(at).unwrap_or(usize::MAX), n));
        let excluded = excluded.collect();
        let notes = Notes { problems, vanished, mounts, excluded, above_homes };
        Self { path, attrs, home, subtree, largest_child, finding, notes }
    }
}

/// Joins the notes of one directory by two shards. Both listed it, so what both noted happened once.
pub(super) fn join(mine: &mut Notes, theirs: Notes) {
    let mut left = mine.problems.clone();
    for problem in theirs.problems {
        match left.iter().position(|other| *other == problem) {
            Some(at) => _ = left.swap_remove(at),
            None => mine.problems.push(problem),
        }
    }
    mine.vanished = mine.vanished.max(theirs.vanished);
    mine.mounts = mine.mounts.max(theirs.mounts);
    mine.above_homes = mine.above_homes.max(theirs.above_homes);
    for (glob, entries) in theirs.excluded {
        let of_glob = mine.excluded.entry(glob).or_default();
        *of_glob = entries.max(*of_glob);
    }
}
