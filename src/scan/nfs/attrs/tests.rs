#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::option::of;
use proptest::prelude::*;

use super::super::testing;
use super::*;

/// Attributes that own their bytes.
#[derive(Clone, Debug)]
struct Sample {
    numbers: [Option<u64>; 6],
    words: [Option<u32>; 4],
    kind: Option<FileType>,
    modified: Option<i64>,
    handle: Option<Vec<u8>>,
    owner: Option<Result<u32, Vec<u8>>>,
    group: Option<u32>,
}

impl Sample {
    fn attributes(&self) -> Attributes<'_> {
        let [size, major, fileid, space_used, mounted_on_fileid, supported] = self.numbers;
        let [lease_time, error, mode, links] = self.words;
        Attributes {
            supported: supported.map(AttrMask),
            kind: self.kind,
            size,
            fsid: major.map(|major| Fsid { major, minor: !major }),
            lease_time,
            error: error.map(Status).filter(|status| *status != Status::OK),
            handle: self.handle.as_deref(),
            fileid,
            mode,
            links,
            owner: self.owner.as_ref().map(|owner| match owner {
                Ok(uid) => FileOwner::Uid(*uid),
                Err(name) => FileOwner::Name(name),
            }),
            group: self.group.map(FileOwner::Uid),
            space_used,
            modified: self.modified,
            mounted_on_fileid,
        }
    }
}

fn kind() -> impl Strategy<Value = FileType> {
    let all = [
        FileType::File,
        FileType::Dir,
        FileType::Symlink,
        FileType::Special,
        FileType::NamedAttribute,
    ];
    proptest::sample::select(all.to_vec())
}

prop_compose! {
    fn sample()(
        numbers in proptest::array::uniform6(of(any::<u64>())),
        words in proptest::array::uniform4(of(any::<u32>())),
        kind in of(kind()),
        modified in of(any::<i64>()),
        handle in of(proptest::collection::vec(any::<u8>(), 0..=HANDLE_LIMIT)),
        owner in of(proptest::result::maybe_ok(any::<u32>(), "[a-z]{1,6}@[a-z.]{0,9}")),
        group in of(any::<u32>()),
    ) -> Sample {
        let owner = owner.map(|owner| owner.map_err(String::into_bytes));
        Sample { numbers, words, kind, modified, handle, owner, group }
    }
}

fn written(attributes: &Attributes<'_>) -> Vec<u8> {
    let mut writer = XdrWriter::default();
    testing::attributes(&mut writer, attributes);
    writer.into_bytes()
}

proptest! {
    #[test]
    fn attributes_round_trip(sample in sample()) {
        let attributes = sample.attributes();
        let bytes = written(&attributes);
        let mut reader = XdrReader::new(&bytes);
        prop_assert_eq!(Attributes::read(&mut reader), Ok(attributes));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn truncated_attributes_are_malformed(sample in sample(), at in any::<proptest::sample::Index>()) {
        let bytes = written(&sample.attributes());
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(Attributes::read(&mut XdrReader::new(cut)).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_attributes_or_malformed(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0..6u8, any::<u8>()], 0..80)
    ) {
        let mut reader = XdrReader::new(&bytes);
        match Attributes::read(&mut reader) {
            Ok(_) => prop_assert!(reader.offset() <= bytes.len()),
            Err(malformed) => prop_assert!(malformed.offset <= bytes.len()),
        }
    }

    #[test]
    fn bitmaps_are_as_short_as_possible(bits in any::<u64>(), shift in 0..64u32) {
        let mask = AttrMask(bits >> shift);
        let mut writer = XdrWriter::default();
        mask.write(&mut writer);
        let bytes = writer.into_bytes();
        prop_assert_eq!(bytes.len(), 4 + (64 - mask.0.leading_zeros()).div_ceil(32) as usize * 4);
        prop_assert_eq!(AttrMask::read(&mut XdrReader::new(&bytes)), Ok((mask, false)));
    }
}

fn read(words: &[u32]) -> Result<(), Malformed> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    Attributes::read(&mut XdrReader::new(&bytes)).map(|_| ())
}

#[test]
fn unrequested_attributes_are_malformed() {
    assert_eq!(read(&[1, 1 << 1, 4, 2]), Ok(()));
    assert!(read(&[1, 1 << 2, 4, 2]).is_err(), "fh_expire_type");
    assert!(read(&[3, 0, 0, 1, 0]).is_err(), "an attribute from number 64 on");
    assert_eq!(read(&[3, 1 << 1, 0, 0, 4, 2]), Ok(()), "more words, all zero");
    assert!(read(&[1, 1 << 1, 8, 2, 0]).is_err(), "more values than attributes");
    assert!(read(&[1, 1 << 1, 4, 10]).is_err(), "no such type");
    assert!(read(&[u32::MAX, 0, 0]).is_err(), "a bitmap beyond the message");
}

#[test]
fn supported_attrs_may_contain_unknown_attributes() {
    // A bitmap4 of three words among the values, as Linux and ganesha send it.
    assert_eq!(read(&[1, 1, 16, 3, u32::MAX, u32::MAX, u32::MAX]), Ok(()));
}

#[test]
fn rdattr_error_of_ok_is_no_error() {
    let bytes: Vec<u8> = [1, 1 << 11, 4, 0].iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
    let read = Attributes::read(&mut XdrReader::new(&bytes)).unwrap();
    assert_eq!(read, Attributes::default());
}

#[test]
fn an_owner_is_a_uid_only_in_the_form_of_the_rfc() {
    for (text, uid) in [("0", 0), ("200005", 200_005), ("4294967295", u32::MAX)] {
        assert_eq!(FileOwner::new(text.as_bytes()), FileOwner::Uid(uid));
    }
    for text in
        ["", "nobody", "root@localdomain", "007", "00", "+1", "-1", "4294967296", "1 ", "1@d"]
    {
        assert_eq!(FileOwner::new(text.as_bytes()), FileOwner::Name(text.as_bytes()));
    }
}

#[test]
fn attributes_a_server_lacks_are_named() {
    let lacking = AttrMask::ENTRY.without(AttrMask::SPACE_USED).without(AttrMask::OWNER);
    let names: Vec<&str> = AttrMask::ENTRY.without(lacking).names().collect();
    assert_eq!(names, ["owner", "space_used"]);
    assert!(
        !AttrMask::ENTRY.has(AttrMask::SUPPORTED_ATTRS) && AttrMask::KNOWN.has(AttrMask::ENTRY)
    );
    assert_eq!(lacking.and(AttrMask::OWNER), AttrMask::default());
}
