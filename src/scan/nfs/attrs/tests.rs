#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::option::of;
use proptest::prelude::*;

use super::super::testing;
use super::*;

/// Attributes that own their bytes.
#[derive(Clone, Debug)]
struct Sample {
    numbers: [Option<u64>; 6],
    words: [Option<u32>; 3],
    kind: Option<Kind>,
    modified: Option<i64>,
    handle: Option<Vec<u8>>,
    owner: Option<Result<u32, Vec<u8>>>,
}

impl Sample {
    fn attributes(&self) -> Attributes<'_> {
        let [size, major, fileid, space_used, mounted_on_fileid, supported] = self.numbers;
        let [lease_time, error, links] = self.words;
        Attributes {
            supported: supported.map(Mask),
            kind: self.kind,
            size,
            fsid: major.map(|major| Fsid { major, minor: !major }),
            lease_time,
            error: error.map(Status).filter(|status| *status != Status::OK),
            handle: self.handle.as_deref(),
            fileid,
            links,
            owner: self.owner.as_ref().map(|owner| match owner {
                Ok(uid) => Owner::Uid(*uid),
                Err(name) => Owner::Name(name),
            }),
            space_used,
            modified: self.modified,
            mounted_on_fileid,
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let all = [Kind::File, Kind::Dir, Kind::Symlink, Kind::Special, Kind::NamedAttribute];
    proptest::sample::select(all.to_vec())
}

prop_compose! {
    fn sample()(
        numbers in proptest::array::uniform6(of(any::<u64>())),
        words in proptest::array::uniform3(of(any::<u32>())),
        kind in of(kind()),
        modified in of(any::<i64>()),
        handle in of(proptest::collection::vec(any::<u8>(), 0..=HANDLE_LIMIT)),
        owner in of(proptest::result::maybe_ok(any::<u32>(), "[a-z]{1,6}@[a-z.]{0,9}")),
    ) -> Sample {
        let owner = owner.map(|owner| owner.map_err(String::into_bytes));
        Sample { numbers, words, kind, modified, handle, owner }
    }
}

fn written(attributes: &Attributes<'_>) -> Vec<u8> {
    let mut writer = Writer::default();
    testing::attributes(&mut writer, attributes);
    writer.into_bytes()
}

proptest! {
    #[test]
    fn what_a_server_writes_is_read(sample in sample()) {
        let attributes = sample.attributes();
        let bytes = written(&attributes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Attributes::read(&mut reader), Ok(attributes));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn cut_off_anywhere_is_malformed(sample in sample(), at in any::<proptest::sample::Index>()) {
        let bytes = written(&sample.attributes());
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(Attributes::read(&mut Reader::new(cut)).is_err());
    }

    #[test]
    fn any_bytes_are_attributes_or_malformed(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0..6u8, any::<u8>()], 0..80)
    ) {
        let mut reader = Reader::new(&bytes);
        match Attributes::read(&mut reader) {
            Ok(_) => prop_assert!(reader.offset() <= bytes.len()),
            Err(malformed) => prop_assert!(malformed.offset <= bytes.len()),
        }
    }

    #[test]
    fn masks_are_written_as_short_as_they_can(bits in any::<u64>(), shift in 0..64u32) {
        let mask = Mask(bits >> shift);
        let mut writer = Writer::default();
        mask.write(&mut writer);
        let bytes = writer.into_bytes();
        prop_assert_eq!(bytes.len(), 4 + (64 - mask.0.leading_zeros()).div_ceil(32) as usize * 4);
        prop_assert_eq!(Mask::read(&mut Reader::new(&bytes)), Ok((mask, false)));
    }
}

fn read(words: &[u32]) -> Result<(), Malformed> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    Attributes::read(&mut Reader::new(&bytes)).map(|_| ())
}

#[test]
fn attributes_of_unknown_length_are_malformed() {
    assert_eq!(read(&[1, 1 << 1, 4, 2]), Ok(()));
    assert!(read(&[1, 1 << 2, 4, 2]).is_err(), "fh_expire_type");
    assert!(read(&[3, 0, 0, 1, 0]).is_err(), "an attribute from number 64 on");
    assert_eq!(read(&[3, 1 << 1, 0, 0, 4, 2]), Ok(()), "more words, but none set");
    assert!(read(&[1, 1 << 1, 8, 2, 0]).is_err(), "more values than attributes");
    assert!(read(&[1, 1 << 1, 4, 10]).is_err(), "no such type");
    assert!(read(&[u32::MAX, 0, 0]).is_err(), "a bitmap that is not there");
}

#[test]
fn supported_attributes_may_be_any() {
    // bitmap4 of three words within the values, as Linux and ganesha send it.
    assert_eq!(read(&[1, 1, 16, 3, u32::MAX, u32::MAX, u32::MAX]), Ok(()));
}

#[test]
fn an_error_of_ok_is_none() {
    let bytes: Vec<u8> = [1, 1 << 11, 4, 0].iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
    let read = Attributes::read(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(read, Attributes::default());
}

#[test]
fn owners_are_numbers_only_as_the_rfc_writes_them() {
    for (text, uid) in [("0", 0), ("200005", 200_005), ("4294967295", u32::MAX)] {
        assert_eq!(Owner::new(text.as_bytes()), Owner::Uid(uid));
    }
    for text in
        ["", "nobody", "root@localdomain", "007", "00", "+1", "-1", "4294967296", "1 ", "1@d"]
    {
        assert_eq!(Owner::new(text.as_bytes()), Owner::Name(text.as_bytes()));
    }
}

#[test]
fn what_a_scan_wants_and_a_server_lacks_has_a_name() {
    let lacking = Mask::ENTRY.without(Mask::SPACE_USED).without(Mask::OWNER);
    let names: Vec<&str> = Mask::ENTRY.without(lacking).names().collect();
    assert_eq!(names, ["owner", "space_used"]);
    assert!(!Mask::ENTRY.has(Mask::SUPPORTED_ATTRS) && Mask::KNOWN.has(Mask::ENTRY));
    assert_eq!(lacking.and(Mask::OWNER), Mask::default());
}
