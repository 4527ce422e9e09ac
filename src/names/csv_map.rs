//! CSV files of `uid,name`, with or without a header. With a header, a column `group` has the group
//! of each person, and other columns are ignored.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::bounded::{self, Bound};
use crate::text::uid_of_name;

/// Largest map: a million lines of 200 bytes.
const LARGEST: Bound = Bound::mib(200, "is this the right file?");

/// Reads the bytes of a CSV file that people edit.
///
/// # Errors
/// It cannot be read, or is too large.
pub(crate) fn read_by_hand(path: &Path) -> io::Result<Vec<u8>> {
    bounded::read(path, LARGEST)
}

/// Reads a CSV file that people edit: it may have comments, blanks and additional columns. A header
/// is returned as the first record.
pub(crate) fn lines_by_hand(text: &[u8]) -> csv::Reader<&[u8]> {
    // Spreadsheets write a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text)
}

/// Names and groups by uid.
#[derive(Debug)]
pub(super) struct CsvMap(BTreeMap<u32, Person>);

#[derive(Debug, PartialEq, Eq)]
struct Person {
    name: String,
    group: Option<String>,
}

impl CsvMap {
    /// Reads the file.
    ///
    /// # Errors
    /// The problem in one sentence, with its line if it has one.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = read_by_hand(path).map_err(|error| format!("reading it: {error}"))?;
        Self::parse(&text)
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = lines_by_hand(text);
        let mut map = BTreeMap::new();
        let (mut uid_at, mut name_at, mut group_at) = (0, 1, None);
        for (at, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let column = |wanted: &str| record.iter().position(|cell| cell == wanted);
            if at == 0
                && let (Some(uid), Some(name)) = (column("uid"), column("name"))
            {
                (uid_at, name_at, group_at) = (uid, name, column("group"));
                continue;
            }
            let (Some(uid), Some(name)) = (record.get(uid_at), record.get(name_at)) else {
                return Err(format!("line {line}: expected uid,name"));
            };
            let number = uid_of_name(uid.as_bytes());
            let number = number.ok_or_else(|| format!("line {line}: `{uid}` is not a uid"))?;
            if name.is_empty() {
                return Err(format!("line {line}: uid {number} has no name"));
            }
            let group = group_at.and_then(|at| record.get(at)).filter(|group| !group.is_empty());
            let person = Person { name: name.to_owned(), group: group.map(str::to_owned) };
            let problem = match map.get(&number) {
                Some(Person { name: other, .. }) if *other != person.name => format!("`{other}`"),
                Some(other) if *other != person => match &other.group {
                    Some(group) => format!("in the group `{group}`"),
                    None => "in no group".to_owned(),
                },
                _ => {
                    map.insert(number, person);
                    continue;
                }
            };
            return Err(format!("line {line}: uid {number} is {problem} on an earlier line"));
        }
        Ok(Self(map))
    }

    pub(super) fn name(&self, uid: u32) -> Option<&str> {
        self.0.get(&uid).map(|person| person.name.as_str())
    }

    pub(super) fn group(&self, uid: u32) -> Option<&str> {
        self.0.get(&uid)?.group.as_deref()
    }

    /// The uids in a range, in order.
    pub(super) fn uids(&self, range: RangeInclusive<u32>) -> impl Iterator<Item = u32> {
        self.0.range(range).map(|(uid, _)| *uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_optional_and_columns_are_found_by_name() {
        for text in [
            "200005,alice\n200006,\"bob, the second\"\n",
            "uid,name\n200005,alice\n200006,\"bob, the second\"\n",
            "\u{feff}email,name,uid\na@x,alice,200005\n\n# gone\nb@x,\"bob, the second\",200006",
        ] {
            let map = CsvMap::parse(text.as_bytes()).expect(text);
            assert_eq!(map.name(200_005), Some("alice"));
            assert_eq!(map.name(200_006), Some("bob, the second"));
            assert_eq!(map.name(1), None);
            assert_eq!(map.uids(0..=u32::MAX).collect::<Vec<_>>(), [200_005, 200_006]);
        }
    }

    #[test]
    fn a_column_called_group_has_the_groups() {
        let text =
            "group,uid,name\nphysics,1,alice\n ,2,bob\n\"R&D, east\",3,carol\nphysics,1,alice\n";
        let map = CsvMap::parse(text.as_bytes()).expect(text);
        let groups = [1, 2, 3, 4].map(|uid| map.group(uid));
        assert_eq!(groups, [Some("physics"), None, Some("R&D, east"), None]);
        // Without a header, a third column has no meaning.
        let map = CsvMap::parse(b"1,alice,physics\n").expect("a map");
        assert_eq!(map.group(1), None);
    }

    #[test]
    fn errors_name_their_line() {
        for (text, problem) in [
            ("uid,name\nalice,200005\n", "line 2: `alice` is not a uid"),
            ("1,a\n2\n", "line 2: expected uid,name"),
            ("1,a\n1,b\n", "line 2: uid 1 is `a` on an earlier line"),
            ("1,\n", "line 1: uid 1 has no name"),
            (
                "uid,name,group\n1,a,x\n1,a,y\n",
                "line 3: uid 1 is in the group `x` on an earlier line",
            ),
            ("uid,name,group\n1,a,\n1,a,y\n", "line 3: uid 1 is in no group on an earlier line"),
            ("4294967296,a\n", "line 1: `4294967296` is not a uid"),
        ] {
            let error = CsvMap::parse(text.as_bytes()).expect_err(text);
            assert_eq!(error, problem);
        }
    }
}
