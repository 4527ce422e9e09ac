//! Reads the published tables of homes: the results of earlier runs without their reports.

use jiff::Timestamp;

use super::order::started_of;
use crate::report::{Coverage, FileSystemKey, HOME_BASE64, bytes_of_cell};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Listing, Store};
use crate::text::from_base64;
use crate::units::{AllocatedBytes, MeteredBytes};

/// The longest line of a table: a path and a name have a few KiB at most, each byte up to ten
/// characters.
const MAX_LINE: usize = 1 << 20;

/// The table of homes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomesTable {
    pub key: String,
    /// Id of the run.
    pub run: String,
    /// Start of the run, by its id.
    pub started: Timestamp,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct HomeRow<'a> {
    /// True for the row of everything outside homes. A home may have the same name.
    pub outside: bool,
    /// The cell with its name, printable.
    pub home: &'a str,
    /// Its bytes in base64; empty if the cell is the name as it is, and in tables of earlier versions.
    pub home_base64: &'a str,
    pub uid: Option<u32>,
    /// The cell with the owner's name; empty if no owner is known.
    pub owner: &'a str,
    pub coverage: Coverage,
    pub allocated: AllocatedBytes,
    pub quota: Option<AllocatedBytes>,
    /// The cell with the name of the group that pays; empty if there is none.
    pub group: &'a str,
    /// `None` in a table without that column.
    pub metered: Option<MeteredBytes>,
    /// Estimated cost in USD a month, if a price is known.
    pub cost_month: Option<f64>,
}

/// Lists the tables of a file system's runs that started on the day of `first` (in UTC) or later,
/// oldest first. A day that cannot be listed is an error beside them.
///
/// # Errors
/// If the store cannot list them at all.
pub fn homes_tables(
    store: &dyn Store,
    of: &FileSystemKey,
    first: Timestamp,
) -> ServiceResult<(Vec<HomesTable>, Vec<ServiceError>)> {
    let day = first.strftime("%Y-%m-%d");
    let days = format!("homes/fs={of}/dt=");
    let Listing { keys, unlisted } = store.list(&days, &format!("{days}{day}"))?;
    let mut tables: Vec<HomesTable> = keys.into_iter().filter_map(HomesTable::of).collect();
    tables.sort_by(|a, b| (a.started, &a.run).cmp(&(b.started, &b.run)));
    Ok((tables, unlisted))
}

impl HomesTable {
    /// `None` if the key is not that of a run's table.
    fn of(key: String) -> Option<Self> {
        let run = key.rsplit('/').next()?.strip_suffix(".csv")?.to_owned();
        let started = started_of(&run)?;
        Some(Self { key, run, started })
    }

    /// Key of the run's report: `runs/fs=KEY/dt=DAY/RUN.json` for `homes/fs=KEY/dt=DAY/RUN.csv`.
    pub(super) fn report_key(&self) -> String {
        let path = self.key.strip_prefix("homes/").unwrap_or(&self.key);
        format!("runs/{}.json", path.strip_suffix(".csv").unwrap_or(path))
    }

    /// Hands over every row of the table. Some rows may come before an error.
    ///
    /// # Errors
    /// Names the table and what is wrong with it.
    pub fn rows(
        &self,
        store: &dyn Store,
        bytes: &[u8],
        each: impl FnMut(HomeRow<'_>),
    ) -> ServiceResult<()> {
        rows(bytes, each).map_err(|problem| {
            ServiceError::new(Trouble::Refused, format!("{}: {problem}", store.name(&self.key)))
        })
    }
}

fn rows(table: &[u8], mut each: impl FnMut(HomeRow<'_>)) -> Result<(), String> {
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
            home: cell(home),
            home_base64: base64.map(cell).unwrap_or_default(),
            uid: cell(uid).parse().ok(),
            owner: cell(owner),
            coverage: match cell(coverage) {
                "complete" => Coverage::Complete,
                "interrupted" => Coverage::Interrupted,
                // A coverage that only later versions know is not complete either.
                _ => Coverage::Partial,
            },
            allocated: bytes?,
            quota: quota.and_then(|at| cell(at).parse().ok()).map(AllocatedBytes),
            group: group.map(cell).unwrap_or_default(),
            metered: metered.and_then(|at| cell(at).parse().ok()).map(MeteredBytes),
            cost_month: cost
                .and_then(|at| cell(at).parse().ok())
                .filter(|cost: &f64| cost.is_finite()),
        });
    }
    Ok(())
}

impl HomeRow<'_> {
    /// The bytes of the home's name.
    pub fn name_bytes(&self) -> Vec<u8> {
        match self.home_base64 {
            "" => bytes_of_cell(self.home),
            base64 => from_base64(base64.trim_start_matches('\''))
                .unwrap_or_else(|| bytes_of_cell(self.home)),
        }
    }
}

/// The coverage of a run, by the rows of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableCoverage {
    /// True if every home has a row: the run was not interrupted, and no directory above the
    /// homes, which counts as outside of them, was unreadable.
    pub all_homes: bool,
    pub coverage: Coverage,
}

impl Default for TableCoverage {
    fn default() -> Self {
        Self { all_homes: true, coverage: Coverage::Complete }
    }
}

impl TableCoverage {
    /// Adds a row.
    pub fn add(&mut self, outside: bool, coverage: Coverage) {
        self.all_homes &= match outside {
            true => coverage == Coverage::Complete,
            false => coverage != Coverage::Interrupted,
        };
        self.coverage = match (self.coverage, coverage) {
            (Coverage::Interrupted, _) | (_, Coverage::Interrupted) => Coverage::Interrupted,
            (Coverage::Complete, Coverage::Complete) => Coverage::Complete,
            _ => Coverage::Partial,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_from_base64_where_there_is_such_a_column() {
        let name = |table: &str| {
            let mut names = Vec::new();
            rows(table.as_bytes(), |row| names.push(row.name_bytes())).expect("it is a table");
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
