//! The server's side of the codec, for unit tests: writes replies and loads recorded ones.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::path::Path;

use super::attrs::{AttrMask, Attributes, FileOwner, FileType};
use super::compound::{NfsOp, Verifier};
use super::readdir::{DirEntry, ReadDirEnd};
use super::results::CompoundResults;
use super::rpc;
use super::status::Status;
use super::xdr::{Placeholder, XdrWriter};

/// Writes the reply to a COMPOUND, as a record without its mark.
pub(super) struct ReplyWriter {
    pub(super) writer: XdrWriter,
    status: Placeholder,
    count: Placeholder,
    results: u32,
    last: Status,
}

impl ReplyWriter {
    pub(super) fn new(xid: u32) -> Self {
        let mut writer = XdrWriter::default();
        // REPLY, accepted, a verifier of AUTH_NONE, SUCCESS.
        for word in [xid, 1, 0, 0, 0, 0] {
            writer.u32(word);
        }
        let status = writer.placeholder();
        writer.opaque(b"tag");
        let count = writer.placeholder();
        Self { writer, status, count, results: 0, last: Status::OK }
    }

    /// Writes the head of a result; the caller writes the rest.
    pub(super) fn result(&mut self, operation: NfsOp, status: Status) -> &mut XdrWriter {
        self.results += 1;
        self.last = status;
        self.writer.u32(operation as u32);
        self.writer.u32(status.0);
        &mut self.writer
    }

    pub(super) fn ok(&mut self, operation: NfsOp) -> &mut XdrWriter {
        self.result(operation, Status::OK)
    }

    pub(super) fn sequence(&mut self) {
        let writer = self.ok(NfsOp::Sequence);
        writer.fixed(&[7; 16]);
        for word in [1, 0, 63, 63, 1] {
            writer.u32(word);
        }
    }

    pub(super) fn read_dir(&mut self, entries: &[DirEntry<'_>], end: &ReadDirEnd) {
        let writer = self.ok(NfsOp::ReadDir);
        writer.fixed(&end.verifier);
        for entry in entries {
            writer.bool(true);
            writer.u64(entry.cookie);
            writer.opaque(entry.name);
            attributes(writer, &entry.attributes);
        }
        writer.bool(false);
        writer.bool(end.eof);
    }

    /// Returns the record, with the status of its last result.
    pub(super) fn finish(self) -> Vec<u8> {
        let last = self.last;
        self.finish_with(last)
    }

    pub(super) fn finish_with(mut self, status: Status) -> Vec<u8> {
        self.writer.patch(self.status, status.0);
        self.writer.patch(self.count, self.results);
        self.writer.into_bytes()
    }
}

/// Writes a `fattr4` of the known attributes.
pub(super) fn attributes(writer: &mut XdrWriter, from: &Attributes<'_>) {
    let mut mask = AttrMask::default();
    let mut values = XdrWriter::default();
    let mut has = |bit: AttrMask| mask = mask.or(bit);
    if let Some(supported) = from.supported {
        has(AttrMask::SUPPORTED_ATTRS);
        supported.write(&mut values);
    }
    if let Some(kind) = from.kind {
        has(AttrMask::TYPE);
        values.u32(match kind {
            FileType::File => 1,
            FileType::Dir => 2,
            FileType::Symlink => 5,
            FileType::Special => 7,
            FileType::NamedAttribute => 9,
        });
    }
    if let Some(size) = from.size {
        has(AttrMask::SIZE);
        values.u64(size);
    }
    if let Some(fsid) = from.fsid {
        has(AttrMask::FSID);
        values.u64(fsid.major);
        values.u64(fsid.minor);
    }
    if let Some(seconds) = from.lease_time {
        has(AttrMask::LEASE_TIME);
        values.u32(seconds);
    }
    if let Some(error) = from.error {
        has(AttrMask::RDATTR_ERROR);
        values.u32(error.0);
    }
    if let Some(handle) = from.handle {
        has(AttrMask::FILEHANDLE);
        values.opaque(handle);
    }
    if let Some(fileid) = from.fileid {
        has(AttrMask::FILEID);
        values.u64(fileid);
    }
    if let Some(mode) = from.mode {
        has(AttrMask::MODE);
        values.u32(mode);
    }
    if let Some(links) = from.links {
        has(AttrMask::NUMLINKS);
        values.u32(links);
    }
    for (mask, owner) in [(AttrMask::OWNER, from.owner), (AttrMask::OWNER_GROUP, from.group)] {
        let Some(owner) = owner else { continue };
        has(mask);
        match owner {
            FileOwner::Uid(uid) => values.opaque(uid.to_string().as_bytes()),
            FileOwner::Name(name) => values.opaque(name),
        }
    }
    if let Some(bytes) = from.space_used {
        has(AttrMask::SPACE_USED);
        values.u64(bytes);
    }
    if let Some(seconds) = from.modified {
        has(AttrMask::TIME_MODIFY);
        values.fixed(&seconds.to_be_bytes());
        values.u32(999_999_999);
    }
    if let Some(fileid) = from.mounted_on_fileid {
        has(AttrMask::MOUNTED_ON_FILEID);
        values.u64(fileid);
    }
    mask.write(writer);
    writer.opaque(&values.into_bytes());
}

/// Returns a reply to SEQUENCE, PUTFH, READDIR with two entries.
pub(super) fn small_listing() -> Vec<u8> {
    let file = Attributes {
        kind: Some(FileType::File),
        size: Some(10),
        error: None,
        handle: Some(b"handle"),
        owner: Some(FileOwner::Uid(200_005)),
        group: Some(FileOwner::Uid(100)),
        modified: Some(-1),
        ..Attributes::default()
    };
    let refused = Attributes { error: Some(Status::ACCESS), ..Attributes::default() };
    let mut reply = ReplyWriter::new(9);
    reply.sequence();
    reply.ok(NfsOp::PutFh);
    let entries = [
        DirEntry { cookie: 3, name: b"file", attributes: file },
        DirEntry { cookie: 4, name: b"refused", attributes: refused },
    ];
    reply
        .read_dir(&entries, &ReadDirEnd { eof: true, verifier: Verifier::default(), cookie: None });
    reply.finish()
}

/// Returns a record that nfs-ganesha 4.3 or Linux 6.1 sent. These are also seeds of the fuzz
/// targets.
pub(super) fn recorded(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/readdir");
    std::fs::read(corpus.join(name)).unwrap()
}

/// Reads the head of a record's results.
pub(super) fn results(record: &[u8]) -> CompoundResults<'_> {
    CompoundResults::new(rpc::reply(record).unwrap().outcome.unwrap()).unwrap()
}
