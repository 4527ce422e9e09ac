//! Tables of homes of earlier versions, which are CSV. `publish --migrate` converts them.

use std::borrow::Cow;

use super::homes_table::HomeRow;
use crate::report::{Coverage, HOME_BASE64, bytes_of_cell};
use crate::text::from_base64;
use crate::units::{AllocatedBytes, MeteredBytes};

/// The longest line of a table: a path and a name have a few KiB at most, each byte up to ten
/// characters.
const MAX_LINE: usize = 1 << 20;

/// Passes every row to `each`. Some rows may come before an error.
///
/// # Errors
/// Says what is wrong with the table.
pub(super) fn rows(table: &[u8], mut each: impl FnMut(HomeRow<'_>)) -> Result<(), String> {
    // Each record is one line. A broken table, such as a sparse file, may be one line of any length,
    // which the reader would hold several times.
    if table.split(|byte| *byte == b'\n').any(|line| line.len() > MAX_LINE) {
        return Err(format!("it has a line of more than {} KiB", MAX_LINE >> 10));
    }
    let mut reader = csv::Reader::from_reader(table);
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let find = |name: &str| head.iter().position(|cell| cell == name);
    let column = |name: &str| find(name).ok_or_else(|| format!("it has no column `{name}`"));
    let [home, kind, uid, owner] = ["home", "kind", "uid", "owner"].map(column);
    let [coverage, allocated] = ["coverage", "allocated_bytes"].map(column);
    let (home, kind, uid, owner) = (home?, kind?, uid?, owner?);
    let (coverage, allocated) = (coverage?, allocated?);
    let (quota, base64) = (find("quota_bytes"), find(HOME_BASE64));
    let [group, metered, cost] = ["owner_group", "metered_bytes", "cost_month_usd"].map(find);
    if !table.ends_with(b"\n") {
        return Err("it ends in the middle of a line".to_owned());
    }
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| error.to_string())? {
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let bytes = cell(allocated).parse().map(AllocatedBytes).map_err(|_| {
            let line = record.position().map_or(0, csv::Position::line);
            format!("line {line}: allocated_bytes is no number")
        });
        each(HomeRow {
            outside: cell(kind) == "outside",
            home: name_of(cell(home), base64.map(cell).unwrap_or_default()),
            uid: cell(uid).parse().ok(),
            owner: text_of(cell(owner)),
            coverage: Coverage::of_cell(cell(coverage).as_bytes()),
            allocated: bytes?,
            quota: quota.and_then(|at| cell(at).parse().ok()).map(AllocatedBytes),
            group: text_of(group.map(cell).unwrap_or_default()),
            metered: metered.and_then(|at| cell(at).parse().ok()).map(MeteredBytes),
            cost_month: cost
                .and_then(|at| cell(at).parse().ok())
                .filter(|cost: &f64| cost.is_finite()),
        });
    }
    Ok(())
}

/// The bytes of a home's name, from its cell and that with its bytes in base64.
fn name_of<'a>(cell: &'a str, base64: &str) -> Cow<'a, [u8]> {
    match base64 {
        "" => unescaped(cell),
        base64 => {
            from_base64(base64.trim_start_matches('\'')).map_or_else(|| unescaped(cell), Cow::Owned)
        }
    }
}

fn text_of(cell: &str) -> Cow<'_, str> {
    match unescaped(cell) {
        Cow::Borrowed(_) => cell.into(),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

/// The bytes that a cell was made from. Which characters are escaped has changed between versions.
fn unescaped(cell: &str) -> Cow<'_, [u8]> {
    match cell.starts_with('\'') || cell.contains('\\') {
        true => bytes_of_cell(cell).into(),
        false => cell.as_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_from_base64_where_there_is_such_a_column() {
        let name = |table: &str| {
            let mut names = Vec::new();
            rows(table.as_bytes(), |row| names.push(row.home.into_owned())).expect("it is a table");
            names
        };
        let head = "home,kind,uid,owner,coverage,allocated_bytes";
        let old = format!("{head}\ncaf\\xe9,named,1,,complete,1\n'=x,named,1,,complete,1\n");
        let new = format!(
            "{head},home_base64\ncaf\\xe9,named,1,,complete,1,Y2Fm6Q==\n'=x,named,1,,complete,1,PXg=\n"
        );
        for table in [old, new] {
            assert_eq!(name(&table), [b"caf\xe9".to_vec(), b"=x".to_vec()]);
        }
    }

    #[test]
    fn a_home_is_the_same_in_tables_of_versions_that_escape_other_characters() {
        for (earlier, now) in [
            ("200005", "200005"),
            ("'=1", "=1"),
            ("näme", "näme"),
            (r"a\\b", r"a\b"),
            ("a\u{34f}b\u{378}", "a\u{34f}b\u{378}"),
            (r"a\u{34f}b\u{378}", "a\u{34f}b\u{378}"),
            (r"'=na\u{308}me", "=na\u{308}me"),
        ] {
            assert_eq!(unescaped(earlier), now.as_bytes());
            assert_eq!(text_of(earlier), now);
        }
    }

    #[test]
    fn a_table_with_an_endless_line_is_refused_before_it_is_parsed() {
        let head = b"home,kind,uid,owner,coverage,allocated_bytes\n1,uid,1,,complete,4096\n";
        for table in [vec![0; MAX_LINE + 2], [&head[..], &vec![b'x'; MAX_LINE + 2]].concat()] {
            let said = rows(&table, |_| {}).expect_err("it is no table");
            assert_eq!(said, "it has a line of more than 1024 KiB");
        }
        assert_eq!(rows(head, |_| {}), Ok(()));
    }

    #[test]
    fn a_table_that_was_cut_off_is_no_smaller_table() {
        let table = "home,kind,uid,owner,coverage,allocated_bytes\n1,uid,1,,complete,4096\n";
        let count = |bytes: &[u8]| {
            let mut count = 0;
            rows(bytes, |_| count += 1).map(|()| count)
        };
        assert_eq!(count(table.as_bytes()), Ok(1));
        for cut in 0..table.len() {
            let whole_line = table.as_bytes()[..cut].ends_with(b"\n");
            assert_eq!(count(&table.as_bytes()[..cut]).is_ok(), whole_line, "{cut}");
        }
    }
}
