//! Origins of values, and the settings in force with the origin of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// Origin of each setting, by its key after its table and a dot. A setting that is missing here has
/// its default.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Returns the origins of the settings in a file that parses without an error. `file` is its
    /// name.
    pub(super) fn of_file(file: &str, text: &str) -> Self {
        let mut origins = Self::default();
        if let Ok(table) = DeTable::parse(text) {
            origins.note_table("", table.get_ref(), &|at: usize| {
                let before = text.as_bytes().get(..at).unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                format!("line {line} of {file}")
            });
        }
        origins
    }

    fn note_table(&mut self, path: &str, table: &DeTable<'_>, line: &dyn Fn(usize) -> String) {
        for (key, value) in table {
            let path = joined(path, key.get_ref());
            self.0.insert(path.clone(), line(key.span().start));
            self.note_value(&path, value, line);
        }
    }

    fn note_value(
        &mut self,
        path: &str,
        value: &Spanned<DeValue<'_>>,
        line: &dyn Fn(usize) -> String,
    ) {
        match value.get_ref() {
            DeValue::Table(table) => self.note_table(path, table, line),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let path = joined(path, &at.to_string());
                    self.0.insert(path.clone(), line(item.span().start));
                    self.note_value(&path, item, line);
                }
            }
            _ => {}
        }
    }

    /// Moves the keys below `path` to the top, over those that are there.
    pub(super) fn lift(&mut self, path: &str) {
        let prefix = format!("{path}.");
        let below = self.0.iter().filter_map(|(key, origin)| {
            Some((key.strip_prefix(&prefix)?.to_owned(), origin.clone()))
        });
        let below: Vec<_> = below.collect();
        self.0.extend(below);
    }

    /// Overrides origins with the names of flags or variables.
    pub(super) fn put(&mut self, names: BTreeMap<String, String>) {
        self.0.extend(names);
    }

    fn of(&self, path: &str) -> &str {
        self.0.get(path).map_or("default", String::as_str)
    }

    /// Adds to `problem` the origins of the settings whose flags it names, except those from a
    /// flag.
    pub(super) fn explain(&self, problem: &str, flags: &BTreeMap<String, String>) -> String {
        let words = || problem.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let named = flags.iter().filter(|(_, flag)| words().any(|word| word == *flag));
        let elsewhere = named.filter_map(|(key, flag)| {
            let origin = self.0.get(key).filter(|origin| !origin.starts_with("--"))?;
            Some(format!("{flag}: {origin}"))
        });
        match elsewhere.collect::<Vec<_>>() {
            none if none.is_empty() => problem.to_owned(),
            some => format!("{problem} ({})", some.join(", ")),
        }
    }

    /// Formats a table as TOML, with the origin of each value in a comment after it.
    ///
    /// # Errors
    /// TOML cannot hold a value.
    pub(super) fn annotate(&self, table: &Table) -> Result<String, toml::ser::Error> {
        let mut out = String::new();
        self.write("", "", table, &mut out)?;
        Ok(out)
    }

    /// `header` is `path` as a TOML header, without indices in arrays.
    fn write(
        &self,
        path: &str,
        header: &str,
        table: &Table,
        out: &mut String,
    ) -> Result<(), toml::ser::Error> {
        let is_simple = |value: &Value| !value.is_table() && tables(value).is_none();
        for (key, value) in table.iter().filter(|(_, value)| is_simple(value)) {
            let line = toml::to_string(&Table::from_iter([(key.clone(), value.clone())]))?;
            let origin = self.of(&joined(path, key));
            let _ = writeln!(out, "{}  # {origin}", line.trim_end());
        }
        for (key, value) in table.iter().filter(|(_, value)| !is_simple(value)) {
            let path = joined(path, key);
            let header = joined(header, &word(key)?);
            if let Some(table) = value.as_table() {
                // A table that holds only tables needs no header.
                if table.is_empty() || table.values().any(is_simple) {
                    let _ = writeln!(out, "\n[{header}]");
                }
                self.write(&path, &header, table, out)?;
            }
            for (at, table) in tables(value).into_iter().flatten().enumerate() {
                let path = joined(&path, &at.to_string());
                let _ = writeln!(out, "\n[[{header}]]");
                self.write(&path, &header, table, out)?;
            }
        }
        Ok(())
    }
}

/// Returns the tables of an array of tables.
fn tables(value: &Value) -> Option<Vec<&Table>> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    items.iter().map(Value::as_table).collect()
}

/// Formats a key as in TOML.
fn word(key: &str) -> Result<String, toml::ser::Error> {
    let line = toml::to_string(&Table::from_iter([(key.to_owned(), Value::Boolean(true))]))?;
    Ok(line.trim_end().trim_end_matches(" = true").to_owned())
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
