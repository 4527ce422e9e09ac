//! A server's side of the codec, for tests: writes replies, and has some that a server sent.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::path::Path;

use super::answers::Answers;
use super::attrs::{Attributes, Kind, Mask, Owner};
use super::compound::{Operation, Verifier};
use super::readdir::{End, Entry};
use super::rpc;
use super::status::Status;
use super::xdr::{Place, Writer};

/// The reply to a COMPOUND, as a record without its mark.
pub(super) struct ReplyWriter {
    pub(super) writer: Writer,
    status: Place,
    count: Place,
    results: u32,
    last: Status,
}

impl ReplyWriter {
    pub(super) fn new(xid: u32) -> Self {
        let mut writer = Writer::default();
        // REPLY, accepted, a verifier of AUTH_NONE, SUCCESS.
        for word in [xid, 1, 0, 0, 0, 0] {
            writer.u32(word);
        }
        let status = writer.place();
        writer.opaque(b"tag");
        let count = writer.place();
        Self { writer, status, count, results: 0, last: Status::OK }
    }

    /// The head of a result; what belongs to it is to be written behind.
    pub(super) fn result(&mut self, operation: Operation, status: Status) -> &mut Writer {
        self.results += 1;
        self.last = status;
        self.writer.u32(operation as u32);
        self.writer.u32(status.0);
        &mut self.writer
    }

    pub(super) fn ok(&mut self, operation: Operation) -> &mut Writer {
        self.result(operation, Status::OK)
    }

    pub(super) fn sequence(&mut self) {
        let writer = self.ok(Operation::Sequence);
        writer.fixed(&[7; 16]);
        for word in [1, 0, 63, 63, 1] {
            writer.u32(word);
        }
    }

    pub(super) fn read_dir(&mut self, entries: &[Entry<'_>], end: &End) {
        let writer = self.ok(Operation::ReadDir);
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

    /// The record, with the status of its last result.
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

/// Writes a `fattr4` of what is known.
pub(super) fn attributes(writer: &mut Writer, from: &Attributes<'_>) {
    let mut mask = Mask::default();
    let mut values = Writer::default();
    let mut has = |bit: Mask| mask = mask.or(bit);
    if let Some(supported) = from.supported {
        has(Mask::SUPPORTED_ATTRS);
        supported.write(&mut values);
    }
    if let Some(kind) = from.kind {
        has(Mask::TYPE);
        values.u32(match kind {
            Kind::File => 1,
            Kind::Dir => 2,
            Kind::Symlink => 5,
            Kind::Special => 7,
            Kind::NamedAttribute => 9,
        });
    }
    if let Some(size) = from.size {
        has(Mask::SIZE);
        values.u64(size);
    }
    if let Some(fsid) = from.fsid {
        has(Mask::FSID);
        values.u64(fsid.major);
        values.u64(fsid.minor);
    }
    if let Some(seconds) = from.lease_time {
        has(Mask::LEASE_TIME);
        values.u32(seconds);
    }
    if let Some(error) = from.error {
        has(Mask::RDATTR_ERROR);
        values.u32(error.0);
    }
    if let Some(handle) = from.handle {
        has(Mask::FILEHANDLE);
        values.opaque(handle);
    }
    if let Some(fileid) = from.fileid {
        has(Mask::FILEID);
        values.u64(fileid);
    }
    if let Some(links) = from.links {
        has(Mask::NUMLINKS);
        values.u32(links);
    }
    if let Some(owner) = from.owner {
        has(Mask::OWNER);
        match owner {
            Owner::Uid(uid) => values.opaque(uid.to_string().as_bytes()),
            Owner::Name(name) => values.opaque(name),
        }
    }
    if let Some(bytes) = from.space_used {
        has(Mask::SPACE_USED);
        values.u64(bytes);
    }
    if let Some(seconds) = from.modified {
        has(Mask::TIME_MODIFY);
        values.fixed(&seconds.to_be_bytes());
        values.u32(999_999_999);
    }
    if let Some(fileid) = from.mounted_on_fileid {
        has(Mask::MOUNTED_ON_FILEID);
        values.u64(fileid);
    }
    mask.write(writer);
    writer.opaque(&values.into_bytes());
}

/// A reply to SEQUENCE, PUTFH, READDIR with two entries.
pub(super) fn small_listing() -> Vec<u8> {
    let file = Attributes {
        kind: Some(Kind::File),
        size: Some(10),
        error: None,
        handle: Some(b"handle"),
        owner: Some(Owner::Uid(200_005)),
        modified: Some(-1),
        ..Attributes::default()
    };
    let refused = Attributes { error: Some(Status::ACCESS), ..Attributes::default() };
    let mut reply = ReplyWriter::new(9);
    reply.sequence();
    reply.ok(Operation::PutFh);
    let entries = [
        Entry { cookie: 3, name: b"file", attributes: file },
        Entry { cookie: 4, name: b"refused", attributes: refused },
    ];
    reply.read_dir(&entries, &End { eof: true, verifier: Verifier::default(), cookie: None });
    reply.finish()
}

/// A record that nfs-ganesha 4.3 or Linux 6.1 sent: they are seeds of the fuzz targets, too.
pub(super) fn recorded(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/readdir");
    std::fs::read(corpus.join(name)).unwrap()
}

/// The results in a record.
pub(super) fn answers(record: &[u8]) -> Answers<'_> {
    Answers::new(rpc::reply(record).unwrap().outcome.unwrap()).unwrap()
}
