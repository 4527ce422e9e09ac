#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::*;

/// Something that can be written and read.
#[derive(Clone, Debug)]
enum Item {
    U32(u32),
    U64(u64),
    Bool(bool),
    Opaque(Vec<u8>),
    Fixed([u8; 8]),
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        any::<u32>().prop_map(Item::U32),
        any::<u64>().prop_map(Item::U64),
        any::<bool>().prop_map(Item::Bool),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Item::Opaque),
        any::<[u8; 8]>().prop_map(Item::Fixed),
    ]
}

fn read(reader: &mut Reader<'_>, like: &Item) -> Result<Item, Malformed> {
    Ok(match like {
        Item::U32(_) => Item::U32(reader.u32("u32")?),
        Item::U64(_) => Item::U64(reader.u64("u64")?),
        Item::Bool(_) => Item::Bool(reader.bool("bool")?),
        Item::Opaque(_) => Item::Opaque(reader.opaque(40, "opaque")?.to_vec()),
        Item::Fixed(_) => Item::Fixed(reader.array("fixed")?),
    })
}

fn write(items: &[Item]) -> Vec<u8> {
    let mut writer = Writer::reuse(b"old".to_vec());
    for item in items {
        match item {
            Item::U32(value) => writer.u32(*value),
            Item::U64(value) => writer.u64(*value),
            Item::Bool(value) => writer.bool(*value),
            Item::Opaque(bytes) => writer.opaque(bytes),
            Item::Fixed(bytes) => writer.fixed(bytes),
        }
    }
    writer.into_bytes()
}

proptest! {
    #[test]
    fn what_was_written_is_read(items in proptest::collection::vec(item(), 0..12)) {
        let bytes = write(&items);
        prop_assert_eq!(bytes.len() % 4, 0);
        let mut reader = Reader::new(&bytes);
        for item in &items {
            let read = read(&mut reader, item).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{item:?}"));
        }
        prop_assert_eq!(reader.end("end"), Ok(()));
    }

    #[test]
    fn a_message_cut_off_anywhere_is_malformed_where_it_ends(
        items in proptest::collection::vec(item(), 1..12),
        cut in any::<proptest::sample::Index>(),
    ) {
        let bytes = write(&items);
        let cut = &bytes[..cut.index(bytes.len())];
        let mut reader = Reader::new(cut);
        let failed = items.iter().find_map(|item| read(&mut reader, item).err()).unwrap();
        prop_assert!(failed.offset <= cut.len());
    }

    #[test]
    fn any_bytes_are_read_or_malformed(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        items in proptest::collection::vec(item(), 0..12),
    ) {
        let mut reader = Reader::new(&bytes);
        for item in &items {
            let before = reader.offset();
            match read(&mut reader, item) {
                Ok(_) => prop_assert!(before < reader.offset() && reader.offset() <= bytes.len()),
                Err(malformed) => prop_assert!(malformed.offset <= bytes.len()),
            }
        }
    }
}

#[test]
fn an_error_says_what_and_where() {
    let bytes = [0, 0, 0, 1, 0, 0, 0, 2];
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.bool("eof"), Ok(true));
    let malformed = reader.bool("eof").unwrap_err();
    assert_eq!(malformed.to_string(), "malformed reply: no eof at byte 4");
}

#[test]
fn a_length_is_only_believed_once_the_bytes_are_there() {
    for length in [5, 6, 0x7fff_ffff, 0xffff_fffd, 0xffff_ffff_u32] {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(b"abcd");
        let mut reader = Reader::new(&bytes);
        let malformed = Malformed { expected: "name", offset: 0 };
        assert_eq!(reader.opaque(usize::MAX, "name"), Err(malformed), "{length}");
    }
}

#[test]
fn limits_and_padding() {
    let bytes = [0, 0, 0, 3, b'a', b'b', b'c', 0xee];
    assert_eq!(Reader::new(&bytes).opaque(3, "name"), Ok(&b"abc"[..]), "padding may be anything");
    assert!(Reader::new(&bytes).opaque(2, "name").is_err());
    assert!(Reader::new(&bytes[..7]).opaque(3, "name").is_err(), "padding must be there");
}

#[test]
fn a_part_ends_where_its_length_says_and_keeps_the_records_offsets() {
    let bytes = [0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 1];
    let mut reader = Reader::new(&bytes);
    let mut part = reader.part(usize::MAX, "part").unwrap();
    assert_eq!(part.u32("nine"), Ok(9));
    assert_eq!(part.u32("more"), Err(Malformed { expected: "more", offset: 8 }));
    assert_eq!(reader.u32("one"), Ok(1));
}

#[test]
fn a_place_is_filled_in_later() {
    let mut writer = Writer::default();
    writer.u32(1);
    let place = writer.place();
    writer.opaque(b"x");
    writer.patch(place, 0x0102_0304);
    let bytes = [0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 1, b'x', 0, 0, 0];
    assert_eq!(writer.into_bytes(), bytes);
}
