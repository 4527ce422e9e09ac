//! Implements [`Tree`] for a [`Model`].

use super::super::attrs::{Attrs, Handle, Kind, Owner};
use super::super::protocol::Status;
use super::super::tree::{Entry, Listed, Room, Tree, Who};
use super::{Inner, Inode, Model, OnChange, ROOT};

/// Bits of the mode.
const READ: u32 = 4;
const SEARCH: u32 = 1;

/// Offset between a mount point's own fileid and the one it covers.
const COVERED: u64 = 1 << 40;

impl Inner {
    fn inode(&self, handle: Handle) -> Result<&Inode, Status> {
        self.inodes.get(&handle.id).ok_or(self.gone)
    }

    fn dir(&self, handle: Handle, who: Who, bit: u32) -> Result<&Inode, Status> {
        let inode = self.inode(handle)?;
        match inode.node.kind {
            Kind::Dir if inode.node.allows(who.uid, bit) => Ok(inode),
            Kind::Dir => Err(Status::ACCESS),
            Kind::Symlink if bit == SEARCH => Err(Status::SYMLINK),
            _ => Err(Status::NOTDIR),
        }
    }

    fn attrs(id: u64, inode: &Inode) -> Attrs<'_> {
        let node = &inode.node;
        Attrs {
            handle: Handle::new(id),
            kind: node.kind,
            size: node.size,
            space_used: node.space_used,
            fsid: inode.fsid,
            fileid: id,
            mounted_on_fileid: if node.root_of.is_some() { COVERED | id } else { id },
            numlinks: inode.numlinks(),
            owner: match &node.owner_name {
                Some(name) => Owner::Name(name),
                None => Owner::Uid(node.uid),
            },
            mode: node.mode,
            mtime: node.mtime,
            change: inode.change,
        }
    }
}

impl Tree for Model {
    fn root(&self) -> Handle {
        Handle::new(ROOT)
    }

    fn attrs(&self, handle: Handle, with: &mut dyn FnMut(&Attrs<'_>)) -> Result<(), Status> {
        let inner = self.read();
        let inode = inner.inode(handle)?;
        with(&Inner::attrs(handle.id, inode));
        Ok(())
    }

    fn lookup(&self, dir: Handle, name: &[u8], who: Who) -> Result<Handle, Status> {
        let inner = self.read();
        inner.dir(dir, who, SEARCH)?;
        inner.child(dir.id, name).map(Handle::new).ok_or(Status::NOENT)
    }

    fn readdir(
        &self,
        dir: Handle,
        cookie: u64,
        verifier: [u8; 8],
        who: Who,
        each: &mut dyn FnMut(&Entry<'_>) -> Room,
    ) -> Result<Listed, Status> {
        let inner = self.read();
        let inode = inner.dir(dir, who, READ)?;
        let now = inode.change.to_be_bytes();
        let changed = cookie != 0 && verifier != now;
        match inner.on_change {
            OnChange::NotSame if changed => return Err(Status::NOT_SAME),
            OnChange::BadCookie if changed => return Err(Status::BAD_COOKIE),
            _ if cookie >= inode.next_cookie => return Err(Status::BAD_COOKIE),
            _ => {}
        }
        for (cookie, (name, id)) in inode.entries.range(cookie + 1..) {
            let Some(child) = inner.inodes.get(id) else { continue };
            let attrs = match child.node.no_attrs {
                Some(status) => Err(status),
                None => Ok(Inner::attrs(*id, child)),
            };
            if each(&Entry { name, cookie: *cookie, attrs }) == Room::Full {
                return Ok(Listed { verifier: now, eof: false });
            }
        }
        Ok(Listed { verifier: now, eof: true })
    }

    fn read(
        &self,
        file: Handle,
        offset: u64,
        count: u32,
        who: Who,
    ) -> Result<(Vec<u8>, bool), Status> {
        let inner = self.read();
        let node = &inner.inode(file)?.node;
        match node.kind {
            Kind::File if node.allows(who.uid, READ) => {}
            Kind::File => return Err(Status::ACCESS),
            Kind::Dir => return Err(Status::ISDIR),
            Kind::Symlink => return Err(Status::SYMLINK),
            _ => return Err(Status::WRONG_TYPE),
        }
        let left = node.size.saturating_sub(offset);
        let given = left.min(u64::from(count));
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut bytes = node.data.get(start..).unwrap_or_default().to_vec();
        bytes.resize(usize::try_from(given).unwrap_or(0), 0);
        Ok((bytes, given == left))
    }

    fn name(&self, handle: Handle) -> Option<Vec<u8>> {
        self.read().inodes.get(&handle.id).map(|inode| inode.name.clone())
    }
}
