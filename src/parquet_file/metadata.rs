//! Facts in the metadata of a file.

use parquet::file::metadata::KeyValue;

/// Version of the columns and of their meaning. Within a version, columns are only added.
const SCHEMA: &str = "1";
const SCHEMA_KEY: &str = "efs-scan.schema";

/// Returns the metadata of a file of the present schema: these facts, as far as there are any.
pub(crate) fn pairs<const N: usize>(facts: [(&str, Option<String>); N]) -> Vec<KeyValue> {
    let schema = [(SCHEMA_KEY, Some(SCHEMA.to_owned()))];
    let all = schema.into_iter().chain(facts).filter_map(|(key, value)| Some((key, value?)));
    all.map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
}

/// The metadata of a file that was read.
pub(crate) struct Facts<'a>(&'a [KeyValue]);

impl<'a> Facts<'a> {
    /// Checks the schema. `Err` is its version, if it is not the present one.
    pub(super) fn of(pairs: &'a [KeyValue]) -> Result<Self, String> {
        let facts = Self::all(pairs);
        match facts.find(SCHEMA_KEY).as_deref() {
            Some(SCHEMA) => Ok(facts),
            other => Err(other.unwrap_or("none").to_owned()),
        }
    }

    pub(super) fn all(pairs: &'a [KeyValue]) -> Self {
        Self(pairs)
    }

    /// Returns the fact of this key.
    pub(crate) fn find(&self, key: &str) -> Option<String> {
        self.0.iter().find(|pair| pair.key == key)?.value.clone()
    }
}
