#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::*;

/// A value that can be written and read.
#[derive(Clone, Debug)]
enum Value {
    U32(u32),
    U64(u64),
    Bool(bool),
    Opaque(Vec<u8>),
    Fixed([u8; 8]),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u32>().prop_map(Value::U32),
        any::<u64>().prop_map(Value::U64),
        any::<bool>().prop_map(Value::Bool),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Opaque),
        any::<[u8; 8]>().prop_map(Value::Fixed),
    ]
}

fn read(reader: &mut XdrReader<'_>, like: &Value) -> Result<Value, Malformed> {
    Ok(match like {
        Value::U32(_) => Value::U32(reader.u32("u32")?),
        Value::U64(_) => Value::U64(reader.u64("u64")?),
        Value::Bool(_) => Value::Bool(reader.bool("bool")?),
        Value::Opaque(_) => Value::Opaque(reader.opaque(40, "opaque")?.to_vec()),
        Value::Fixed(_) => Value::Fixed(reader.array("fixed")?),
    })
}

fn write(values: &[Value]) -> Vec<u8> {
    let mut writer = XdrWriter::reuse(b"old".to_vec());
    for value in values {
        match value {
            Value::U32(value) => writer.u32(*value),
            Value::U64(value) => writer.u64(*value),
            Value::Bool(value) => writer.bool(*value),
            Value::Opaque(bytes) => writer.opaque(bytes),
            Value::Fixed(bytes) => writer.fixed(bytes),
        }
    }
    writer.into_bytes()
}

proptest! {
    #[test]
    fn values_round_trip(values in proptest::collection::vec(value(), 0..12)) {
        let bytes = write(&values);
        prop_assert_eq!(bytes.len() % 4, 0);
        let mut reader = XdrReader::new(&bytes);
        for value in &values {
            let read = read(&mut reader, value).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{value:?}"));
        }
        prop_assert_eq!(reader.end("end"), Ok(()));
    }

    #[test]
    fn a_truncated_message_is_malformed_within_its_length(
        values in proptest::collection::vec(value(), 1..12),
        cut in any::<proptest::sample::Index>(),
    ) {
        let bytes = write(&values);
        let cut = &bytes[..cut.index(bytes.len())];
        let mut reader = XdrReader::new(cut);
        let failed = values.iter().find_map(|value| read(&mut reader, value).err()).unwrap();
        prop_assert!(failed.offset <= cut.len());
    }

    #[test]
    fn arbitrary_bytes_never_read_past_the_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        values in proptest::collection::vec(value(), 0..12),
    ) {
        let mut reader = XdrReader::new(&bytes);
        for value in &values {
            let before = reader.offset();
            match read(&mut reader, value) {
                Ok(_) => prop_assert!(before < reader.offset() && reader.offset() <= bytes.len()),
                Err(malformed) => prop_assert!(malformed.offset <= bytes.len()),
            }
        }
    }
}

#[test]
fn errors_name_the_item_and_the_offset() {
    let bytes = [0, 0, 0, 1, 0, 0, 0, 2];
    let mut reader = XdrReader::new(&bytes);
    assert_eq!(reader.bool("eof"), Ok(true));
    let malformed = reader.bool("eof").unwrap_err();
    assert_eq!(malformed.to_string(), "malformed reply: expected eof at byte 4");
}

#[test]
fn a_length_beyond_the_message_is_malformed() {
    for length in [5, 6, 0x7fff_ffff, 0xffff_fffd, 0xffff_ffff_u32] {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(b"abcd");
        let mut reader = XdrReader::new(&bytes);
        let malformed = Malformed { expected: "name", offset: 0 };
        assert_eq!(reader.opaque(usize::MAX, "name"), Err(malformed), "{length}");
    }
}

#[test]
fn opaque_data_respects_limit_and_padding() {
    let bytes = [0, 0, 0, 3, b'a', b'b', b'c', 0xee];
    assert_eq!(
        XdrReader::new(&bytes).opaque(3, "name"),
        Ok(&b"abc"[..]),
        "padding may have any value"
    );
    assert!(XdrReader::new(&bytes).opaque(2, "name").is_err());
    assert!(XdrReader::new(&bytes[..7]).opaque(3, "name").is_err(), "padding must be present");
}

#[test]
fn a_part_ends_at_its_length_and_keeps_record_offsets() {
    let bytes = [0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 1];
    let mut reader = XdrReader::new(&bytes);
    let mut part = reader.part(usize::MAX, "part").unwrap();
    assert_eq!(part.u32("nine"), Ok(9));
    assert_eq!(part.u32("more"), Err(Malformed { expected: "more", offset: 8 }));
    assert_eq!(reader.u32("one"), Ok(1));
}

#[test]
fn a_placeholder_is_filled_in_later() {
    let mut writer = XdrWriter::default();
    writer.u32(1);
    let reserved = writer.placeholder();
    writer.opaque(b"x");
    writer.patch(reserved, 0x0102_0304);
    let bytes = [0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 1, b'x', 0, 0, 0];
    assert_eq!(writer.into_bytes(), bytes);
}
