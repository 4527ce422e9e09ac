#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::super::attrs::{FileOwner, FileType, Fsid};
use super::super::compound::NfsOp;
use super::super::results::OpError;
use super::super::status::Status;
use super::super::testing::{ReplyWriter, recorded, results, small_listing};
use super::*;

/// Reads a reply to SEQUENCE, PUTFH, READDIR.
fn listed(record: &[u8]) -> (Vec<DirEntry<'_>>, ReadDirEnd) {
    let mut reply = results(record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    let mut entries = reply.read_dir().unwrap();
    let all = entries.by_ref().map(Result::unwrap).collect();
    let end = entries.end().unwrap();
    reply.end().unwrap();
    (all, end)
}

#[test]
fn a_listing_by_ganesha() {
    let record = recorded("ganesha-readdir");
    let (entries, end) = listed(&record);
    assert!(end.eof);
    assert_eq!(end.cookie, entries.last().map(|entry| entry.cookie));
    let odd = entries.iter().find(|entry| entry.name == b"a\xff\n,<b>\"").unwrap().attributes;
    assert_eq!((odd.kind, odd.size, odd.space_used), (Some(FileType::File), Some(1), Some(4096)));
    assert_eq!((odd.owner, odd.links), (Some(FileOwner::Uid(200_005)), Some(1)));
    assert_eq!((odd.fileid, odd.mounted_on_fileid), (Some(11_709_178), Some(11_709_178)));
    assert_eq!((odd.error, odd.handle.map(<[u8]>::len)), (None, Some(23)));
    let old = entries.iter().find(|entry| entry.name == b"old").unwrap().attributes;
    assert_eq!(old.modified, Some(-312_753_294), "half a second later, in 1960");
    assert_eq!(old.owner, Some(FileOwner::Name(b"root@localdomain")));
    assert!(entries.iter().all(DirEntry::is_plain));
}

#[test]
fn a_listing_by_linux() {
    let record = recorded("linux-readdir");
    let (entries, end) = listed(&record);
    assert!(end.eof && entries.iter().all(DirEntry::is_plain));
    let of = |name: &[u8]| entries.iter().find(|entry| entry.name == name).unwrap().attributes;
    assert_eq!((of(b"f").fileid, of(b"f").links), (of(b"hard").fileid, Some(2)));
    assert_eq!((of(b"sparse").size, of(b"sparse").space_used), (Some(10 << 20), Some(0)));
    assert_eq!((of(b"data").size, of(b"data").space_used), (Some(5000), Some(8192)));
    assert_eq!(of(b"data").owner, Some(FileOwner::Uid(200_005)));
    assert_eq!(of(b"old").modified, Some(-312_753_294));
    let kinds =
        [&b".cache"[..], b"link", b"fifo", b"a\xff\n,<b>\""].map(|name| of(name).kind.unwrap());
    assert_eq!(kinds, [FileType::Dir, FileType::Symlink, FileType::Special, FileType::File]);
}

#[test]
fn a_mount_point_has_two_fileids() {
    let record = recorded("linux-mount");
    let (entries, _) = listed(&record);
    let of = |name: &[u8]| entries.iter().find(|entry| entry.name == name).unwrap().attributes;
    let (mount, plain) = (of(b"mnt"), of(b"private"));
    assert_eq!((mount.fsid, mount.fileid), (Some(Fsid { major: 7, minor: 0 }), Some(1)));
    assert_ne!((mount.fsid, mount.fileid), (plain.fsid, mount.mounted_on_fileid));
    assert_eq!(plain.fileid, plain.mounted_on_fileid);
}

#[test]
fn a_reply_too_small_for_an_entry() {
    // ganesha's reply if max_count is too small for an entry, in place of TOOSMALL.
    let record = recorded("ganesha-too-small");
    let (entries, end) = listed(&record);
    assert!(entries.is_empty());
    assert_eq!((end.eof, end.cookie), (false, None));

    let record = recorded("linux-too-small");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    let (operation, status) = (NfsOp::ReadDir, Status::TOOSMALL);
    assert_eq!(reply.read_dir().unwrap_err(), OpError::Status { operation, status });
}

#[test]
fn an_entry_can_have_an_error_in_place_of_attributes() {
    let record = small_listing();
    let (entries, end) = listed(&record);
    assert_eq!((entries.len(), end.cookie), (2, Some(4)));
    assert_eq!((entries[0].attributes.error, entries[0].attributes.modified), (None, Some(-1)));
    let refused = Attributes { error: Some(Status::ACCESS), ..Attributes::default() };
    assert_eq!(entries[1].attributes, refused);
}

#[test]
fn unread_entries_are_skipped() {
    for taken in 0..3 {
        let record = recorded("ganesha-batch");
        let mut reply = results(&record);
        reply.sequence().unwrap();
        reply.check(NfsOp::PutFh).unwrap();
        assert_eq!(reply.read_dir().unwrap().take(taken).count(), taken);
        reply.check(NfsOp::PutFh).unwrap();
        let first = reply.read_dir().unwrap().next().unwrap().unwrap();
        assert_eq!(first.cookie, listed_first(&record));
        let refused = reply.check(NfsOp::PutFh);
        assert!(matches!(refused, Err(OpError::Status { .. })), "{refused:?}");
    }
}

fn listed_first(record: &[u8]) -> u64 {
    let mut reply = results(record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    reply.read_dir().unwrap().next().unwrap().unwrap().cookie
}

#[test]
fn a_malformed_entry_ends_the_reply() {
    let mut record = small_listing();
    // The length of the second name.
    let at = record.windows(7).position(|w| w == b"refused").unwrap() - 1;
    record[at] = 0xff;
    let mut reply = results(&record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    let mut entries = reply.read_dir().unwrap();
    assert_eq!(entries.next().unwrap().unwrap().name, b"file");
    let malformed = entries.next().unwrap().unwrap_err();
    assert_eq!((malformed.expected, malformed.offset), ("name", at - 3));
    assert!(entries.next().is_none());
    assert_eq!(entries.end(), Err(malformed));
    assert_eq!(reply.check(NfsOp::PutFh), Err(OpError::Malformed(malformed)));
    assert_eq!(reply.end(), Err(malformed));
}

#[test]
fn invalid_names_are_detected() {
    let plain = |name| DirEntry { cookie: 3, name, attributes: Attributes::default() }.is_plain();
    for name in [&b"a"[..], b"...", b".a", b"a\xff\n", b" "] {
        assert!(plain(name), "{name:?}");
    }
    for name in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0"] {
        assert!(!plain(name), "{name:?}");
    }
    assert!(plain(&[b'a'; NAME_LIMIT]) && !plain(&[b'a'; NAME_LIMIT + 1]), "length is limited");
}

proptest! {
    #[test]
    fn several_listings_in_one_reply_round_trip(
        dirs in proptest::collection::vec(
            (
                proptest::collection::vec(
                    (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..30), any::<Option<u64>>()),
                    0..6,
                ),
                any::<bool>(),
                any::<[u8; 8]>(),
            ),
            0..5,
        ),
    ) {
        let mut reply = ReplyWriter::new(1);
        let mut all = Vec::new();
        for (entries, eof, verifier) in &dirs {
            let entries: Vec<DirEntry<'_>> = entries
                .iter()
                .map(|(cookie, name, size)| {
                    let attributes = Attributes { size: *size, ..Attributes::default() };
                    DirEntry { cookie: *cookie, name, attributes }
                })
                .collect();
            let cookie = entries.last().map(|entry| entry.cookie);
            let end = ReadDirEnd { eof: *eof, verifier: *verifier, cookie };
            reply.read_dir(&entries, &end);
            all.push((entries, end));
        }
        let record = reply.finish();
        let mut reply = results(&record);
        for (entries, end) in &all {
            let mut read = reply.read_dir().unwrap();
            let read_entries: Vec<DirEntry<'_>> = read.by_ref().map(Result::unwrap).collect();
            prop_assert_eq!(&read_entries, entries);
            prop_assert_eq!(&read.end().unwrap(), end);
        }
        prop_assert_eq!(reply.end(), Ok(()));
    }
}
