//! Files that the program did not write, or that were damaged.

use parquet::basic::Type as Physical;
use parquet::data_type::ByteArrayType;
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;
use std::sync::Arc;

use super::*;

struct Row {
    name: Vec<u8>,
    size: Option<u64>,
    share: f64,
    is_whole: bool,
}

fn columns() -> Columns<Row> {
    Columns::<Row>::new()
        .name("name", |row| Some((&row.name).into()))
        .sorted()
        .text("text", |row| Some(if row.is_whole { "whole" } else { "cut" }.as_bytes().into()))
        .number("size", |row| row.size)
        .optional()
        .real("share", |row| Some(row.share))
        .flag("is_whole", |row| Some(row.is_whole))
}

const WANTED: [Wanted; 7] = [
    Wanted { name: "name", of: Kind::SortedText, need: Need::Each },
    Wanted { name: "name_bytes", of: Kind::Text, need: Need::Column },
    Wanted { name: "text", of: Kind::Text, need: Need::Each },
    Wanted { name: "size", of: Kind::Number, need: Need::Column },
    Wanted { name: "share", of: Kind::Real, need: Need::Each },
    Wanted { name: "is_whole", of: Kind::Flag, need: Need::Each },
    Wanted { name: "of a later version", of: Kind::Number, need: Need::Nothing },
];

fn rows(count: usize) -> impl Iterator<Item = Row> {
    (0..count).map(|n| Row {
        name: [format!("{n:06}").as_bytes(), if n % 7 == 0 { b"\xff" } else { b"" }].concat(),
        size: (n % 3 > 0).then_some(n as u64),
        share: n as f64 / 2.0,
        is_whole: n % 5 == 0,
    })
}

fn written(count: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let metadata = pairs([("efs-scan.run", Some("x".to_owned()))]);
    write_table("rows", columns(), metadata, &mut file, |push| {
        rows(count).try_for_each(|row| push(&row))
    })
    .unwrap();
    file
}

/// Reads everything. Returns the number of rows.
fn read(file: Vec<u8>) -> Result<usize, ReadProblem> {
    let mut table = TableReader::open(Source::of_bytes(file), WANTED)?;
    let mut rows = 0;
    while table.advance()? {
        let _ = (table.name(0, 1), table.text(2), table.number(3), table.real(4), table.flag(5));
        rows += 1;
    }
    Ok(rows)
}

#[test]
fn columns_are_found_by_name_and_may_be_missing() {
    let wanted = [WANTED[5], WANTED[3], WANTED[6], WANTED[1], WANTED[0]];
    let mut table = TableReader::open(Source::of_bytes(written(3000)), wanted).unwrap();
    assert_eq!(table.facts().find("efs-scan.run").as_deref(), Some("x"));
    for row in rows(3000) {
        assert!(table.advance().unwrap());
        assert_eq!(table.flag(0), Some(row.is_whole));
        assert_eq!(table.number(1), row.size.map(|size| size as i64));
        assert_eq!(table.number(2), None);
        assert_eq!(table.name(4, 3), row.name);
    }
    assert!(!table.advance().unwrap());
}

#[test]
fn a_column_of_another_type_and_another_schema_are_named() {
    let other = Wanted { of: Kind::Real, ..WANTED[3] };
    let opened = TableReader::open(Source::of_bytes(written(3)), [other]);
    assert!(matches!(opened, Err(ReadProblem::Column("size"))));
    let schema = |version: &str| {
        let mut file = Vec::new();
        let metadata = parquet::file::metadata::KeyValue::new(
            "efs-scan.schema".to_owned(),
            version.to_owned(),
        );
        write_table("rows", columns(), vec![metadata], &mut file, |_| Ok(())).unwrap();
        read(file)
    };
    assert_eq!(schema("1").unwrap(), 0);
    let said = schema("2\u{1b}[2J").unwrap_err().to_string();
    assert_eq!(said, "it has schema 2\\x1b[2J, which this version does not know");
}

#[test]
fn long_names_make_more_groups_instead_of_large_ones() {
    let long = |n: u32| {
        let name = [format!("{n:06}").as_bytes(), &[b'x'; 12 << 10]].concat();
        Row { name, size: None, share: 0.0, is_whole: true }
    };
    let mut file = Vec::new();
    write_table("rows", columns(), pairs([]), &mut file, |push| {
        (0..2000).try_for_each(|n| push(&long(n)))
    })
    .unwrap();
    assert_eq!(read(file.clone()).unwrap(), 2000);
    let table = TableReader::open(Source::of_bytes(file), WANTED).unwrap();
    assert_eq!(table.groups(), 2);
}

/// A file with one column of texts, written as another program could.
fn of_texts(properties: parquet::file::properties::WriterProperties, texts: &[&[u8]]) -> Vec<u8> {
    let column = parquet::schema::types::Type::primitive_type_builder("text", Physical::BYTE_ARRAY)
        .with_repetition(parquet::basic::Repetition::REQUIRED);
    let schema = parquet::schema::types::Type::group_type_builder("rows")
        .with_fields(vec![Arc::new(column.build().unwrap())]);
    let schema = Arc::new(schema.build().unwrap());
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<_> = texts.iter().map(|text| text.to_vec().into()).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    file
}

#[test]
fn small_files_that_become_large_are_refused() {
    use parquet::basic::{Compression, Encoding, ZstdLevel};
    use parquet::file::properties::WriterProperties;
    let properties = || {
        WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(pairs([])))
            .set_data_page_size_limit(1 << 30)
            .set_dictionary_page_size_limit(1 << 30)
    };
    let refused = |file: Vec<u8>| {
        assert!(file.len() < 1 << 20, "{}", file.len());
        let wanted = Wanted { name: "text", of: Kind::Text, need: Need::Each };
        let mut table = TableReader::open(Source::of_bytes(file), [wanted]).unwrap();
        while table.advance().map_err(|problem| problem.to_string())? {}
        Ok::<_, String>(())
    };
    let long = vec![b'x'; 64 << 20];
    let page = of_texts(properties().set_dictionary_enabled(false).build(), &[&long]);
    assert!(refused(page).unwrap_err().contains("the size of a page"));
    let dictionary = of_texts(properties().build(), &[&long]);
    assert!(refused(dictionary).unwrap_err().contains("the size of a page"));
    // Each row is the same text of a small dictionary.
    let text = vec![b'x'; 1 << 20];
    let same = of_texts(properties().build(), &vec![&text[..]; 1000]);
    assert!(refused(same).unwrap_err().contains("endless texts"));
    let deltas =
        properties().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_BYTE_ARRAY);
    let deltas = of_texts(deltas.build(), &vec![&text[..]; 1000]);
    assert!(refused(deltas.clone()).unwrap_err().contains("the encoding of a page"));
    let wanted = Wanted { name: "text", of: Kind::SortedText, need: Need::Each };
    let mut table = TableReader::open(Source::of_bytes(deltas), [wanted]).unwrap();
    // A sorted text is at most a path.
    assert!(table.advance().unwrap_err().to_string().contains("a page of"));
}

#[test]
fn a_file_that_claims_more_rows_than_it_can_have_is_refused() {
    // The number of rows in the end of the file, and in its row group.
    let file = written(1000);
    let claims: Vec<usize> =
        (0..file.len() - 2).filter(|at| file[*at..].starts_with(&[0xd0, 0x0f])).collect();
    let mut refused = 0;
    for at in claims {
        let mut file = file.clone();
        file[at..at + 2].copy_from_slice(&[0xff, 0x7f]);
        refused += usize::from(read(file).is_err());
    }
    assert!(refused >= 2, "{refused}");
}

#[test]
fn every_cut_is_an_error() {
    let file = written(100);
    for length in 0..file.len() {
        assert!(matches!(read(file[..length].to_vec()), Err(ReadProblem::Damaged(_))), "{length}");
    }
    assert_eq!(read(file).unwrap(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn damage_is_an_error_in_one_line_or_harmless(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        at_end in any::<bool>(),
    ) {
        static FILE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| written(2000));
        let mut file = FILE.clone();
        // Most of what is believed is at the end, and at the beginning of pages.
        let from = if at_end { file.len() - 1500 } else { 0 };
        for (index, byte) in changes {
            let at = from + index.index(file.len() - from);
            file[at] = byte;
        }
        match read(file) {
            Ok(rows) => prop_assert!(rows <= 2000),
            Err(problem) => prop_assert!(!problem.to_string().contains('\n')),
        }
    }
}
