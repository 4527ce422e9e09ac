//! Answers the kernel for a [`Tree`].

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, OpenFlags, ReplyAttr, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyOpen,
    Request,
};

use super::delay::Delay;
use crate::computed::{Listing, Tree};

/// Longer than any measurement: what the kernel was told once it does not ask again, so every
/// request that arrives is for something that it does not know.
const VALID: Duration = Duration::from_secs(1_000_000);

/// What arrived. All of it is Relaxed: each number stands for itself, and they are read when
/// the last request was answered.
#[derive(Debug, Default)]
pub struct Counts {
    pub lookups: AtomicU64,
    pub getattrs: AtomicU64,
    pub opendirs: AtomicU64,
    /// Listings that gave names alone.
    pub readdirs: AtomicU64,
    /// Listings that gave names with attributes.
    pub readdirpluses: AtomicU64,
    /// Listings that gave nothing, because all names were given.
    pub ends: AtomicU64,
    /// Inodes that the kernel dropped from its memory.
    pub forgotten: AtomicU64,
    pub round_trips: AtomicU64,
    /// The most requests that waited for their round trips at one time.
    pub peak_in_flight: AtomicU64,
    in_flight: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("lookups", &self.lookups),
            ("getattrs", &self.getattrs),
            ("opendirs", &self.opendirs),
            ("readdirs", &self.readdirs),
            ("readdirpluses", &self.readdirpluses),
            ("ends", &self.ends),
            ("forgotten", &self.forgotten),
            ("round_trips", &self.round_trips),
            ("peak_in_flight", &self.peak_in_flight),
        ];
        for (at, (name, number)) in numbers.into_iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{name}={}", number.load(Relaxed))?;
        }
        Ok(())
    }
}

/// A tree while it is mounted. It remembers nothing of what it was asked, so there is nothing to
/// forget either.
pub struct Slow {
    tree: Tree,
    /// How long a round trip takes, and who waits; nobody where it takes no time.
    delay: Option<(Duration, Delay)>,
    counts: Arc<Counts>,
}

impl Slow {
    /// `tree` as it is served with `round_trip` for each, and what is known of the service
    /// meanwhile.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub fn new(tree: Tree, round_trip: Duration) -> io::Result<(Self, Arc<Counts>)> {
        let delay = match round_trip.is_zero() {
            true => None,
            false => Some((round_trip, Delay::new()?)),
        };
        let counts = Arc::new(Counts::default());
        Ok((Self { tree, delay, counts: Arc::clone(&counts) }, counts))
    }

    /// Counts a request that costs so many round trips one after another, and answers it then.
    fn answer(&self, kind: &AtomicU64, trips: u32, answer: impl FnOnce() + Send + 'static) {
        kind.fetch_add(1, Relaxed);
        if trips == 0 {
            return answer();
        }
        self.counts.round_trips.fetch_add(u64::from(trips), Relaxed);
        let flying = self.counts.in_flight.fetch_add(1, Relaxed) + 1;
        self.counts.peak_in_flight.fetch_max(flying, Relaxed);
        let counts = Arc::clone(&self.counts);
        // Landed before the kernel hears of it, else the next request of the same caller can
        // come while this one still counts.
        let land = move || {
            counts.in_flight.fetch_sub(1, Relaxed);
            answer();
        };
        match &self.delay {
            Some((round_trip, delay)) => delay.after(*round_trip * trips, Box::new(land)),
            None => land(),
        }
    }

    fn found(&self, parent: INodeNo, name: &OsStr) -> Option<FileAttr> {
        let ino = self.tree.listing(parent.0)?.find(name.to_str()?)?;
        self.tree.attr(ino)
    }
}

/// Gives entries from `offset` on to `add` until it says that there is no more room; says how many
/// it was given. Offsets 1 and 2 are behind the two entries that every directory has.
fn list(
    listing: &Listing<'_>,
    ino: INodeNo,
    offset: u64,
    mut add: impl FnMut(u64, u64, &str) -> bool,
) -> u64 {
    let mut name = String::new();
    let mut at = offset;
    loop {
        let full = match at {
            0 => add(ino.0, 1, "."),
            1 => add(listing.parent(), 2, ".."),
            _ => match listing.entry(at - 2, &mut name) {
                Some(ino) => add(ino, at + 1, &name),
                None => return at - offset,
            },
        };
        if full {
            return at - offset;
        }
        at += 1;
    }
}

impl Filesystem for Slow {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // With attributes as an NFS client asks for them: at the start of a listing, and later
        // only if somebody looked at the entries that came before. Without the last one the
        // kernel asks about two entries of one directory one after another.
        let wanted = InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            | InitFlags::FUSE_PARALLEL_DIROPS;
        config
            .add_capabilities(wanted)
            .map_err(|missing| io::Error::other(format!("this kernel has no {missing:?}")))
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.found(parent, name);
        self.answer(&self.counts.lookups, 1, move || match found {
            Some(attr) => reply.entry(&VALID, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        });
    }

    fn forget(&self, _: &Request, _: INodeNo, _: u64) {
        self.counts.forgotten.fetch_add(1, Relaxed);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let attr = self.tree.attr(ino.0);
        self.answer(&self.counts.getattrs, 1, move || match attr {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        });
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.answer(&self.counts.opendirs, 2, move || {
            reply.opened(FileHandle(0), FopenFlags::empty());
        });
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let Some(listing) = self.tree.listing(ino.0) else { return reply.error(Errno::ENOTDIR) };
        let given = list(&listing, ino, offset, |ino, next, name| {
            // Files are named apart from directories.
            let kind = match name.starts_with('f') {
                true => FileType::RegularFile,
                false => FileType::Directory,
            };
            reply.add(INodeNo(ino), next, kind, name)
        });
        let (kind, trips) = match given {
            0 => (&self.counts.ends, 0),
            _ => (&self.counts.readdirs, 1),
        };
        self.answer(kind, trips, move || reply.ok());
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let Some(listing) = self.tree.listing(ino.0) else { return reply.error(Errno::ENOTDIR) };
        let given = list(&listing, ino, offset, |ino, next, name| match self.tree.attr(ino) {
            Some(attr) => reply.add(INodeNo(ino), next, name, &VALID, &attr, Generation(0)),
            None => false,
        });
        let (kind, trips) = match given {
            0 => (&self.counts.ends, 0),
            _ => (&self.counts.readdirpluses, 1),
        };
        self.answer(kind, trips, move || reply.ok());
    }
}
