//! Reads published tables independently of the program's reader, and makes those of earlier versions,
//! which are CSV.

#![allow(dead_code)] // Another test program has the same module.

use std::collections::BTreeMap;

use efs_scan::report::{self, DuNames, Report, findings_csv};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

/// Cells of a row by their columns; empty without a value.
pub(crate) type Cells = BTreeMap<String, String>;

/// Returns the columns and rows of a Parquet table. Times are in milliseconds, bytes in hexadecimal.
pub(crate) fn parquet(bytes: Vec<u8>) -> (Vec<String>, Vec<Cells>) {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns().iter().map(|column| column.name().to_owned()).collect();
    let cell = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Bool(flag) => flag.to_string(),
        Field::Long(number) | Field::TimestampMillis(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => bytes.data().iter().map(|byte| format!("{byte:02x}")).collect(),
        other => panic!("a column of another type: {other}"),
    };
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        row.get_column_iter().map(|(name, field)| (name.clone(), cell(field))).collect()
    });
    let rows = rows.collect();
    (columns, rows)
}

/// Returns the rows of a CSV table.
pub(crate) fn csv(bytes: &[u8]) -> Vec<Cells> {
    let mut reader = ::csv::Reader::from_reader(bytes);
    let head = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        head.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
    });
    rows.collect()
}

/// Returns the tables of homes and of findings that earlier versions made of a report.
pub(crate) fn csv_of(report: &[u8]) -> [String; 2] {
    let report: Report = serde_json::from_slice(report).unwrap();
    let (mut homes, mut findings) = (Vec::new(), Vec::new());
    report::csv(&report, DuNames::Printable, &mut homes).unwrap();
    findings_csv(&report, &mut findings).unwrap();
    [homes, findings].map(|table| String::from_utf8(table).unwrap())
}

/// Makes the objects of a destination what earlier versions published: CSV instead of Parquet.
pub(crate) fn of_earlier_version(objects: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for (key, bytes) in objects {
        if key.contains("/parquet/") {
            continue;
        }
        if let Some(path) = key.strip_prefix("runs/").and_then(|key| key.strip_suffix(".json")) {
            for (table, text) in ["homes", "findings"].into_iter().zip(csv_of(&bytes)) {
                all.insert(format!("{table}/{path}.csv"), text.into_bytes());
            }
        }
        let bytes = match key.starts_with("latest/") {
            true => csv_key(&String::from_utf8(bytes).unwrap()).into_bytes(),
            false => bytes,
        };
        all.insert(key, bytes);
    }
    all
}

/// The key of a table as earlier versions wrote it, in any text.
pub(crate) fn csv_key(text: &str) -> String {
    let mut parts = text.split("homes/parquet/");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "homes/" + &part.replacen(".parquet", ".csv", 1))
}
