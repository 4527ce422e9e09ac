//! The objects that are published of a run, and their keys.

use std::io::{self, Write};

use jiff::Timestamp;

use super::findings_parquet::write_findings;
use super::homes_parquet::write_homes;
use super::latest::Latest;
use super::order::started_of;
use crate::report::{DuNames, FileSystemKey, Report, du};

/// Key of `latest.json` in version 1 of the layout, which held one file system.
pub const LATEST_V1: &str = "latest.json";

/// The place of the objects that readers poll, one for each file system.
pub(crate) const LATEST: &str = "latest/";

/// Key of the newest run as `du` prints it, where one file system is published, for readers of that
/// form.
pub const DU_LATEST: &str = "du/latest.txt";

/// The contents of [`DU_LATEST`] where several are published, in the form of its lines.
pub(crate) const DU_OF_SEVERAL: &[u8] =
    b"0\tseveral file systems are published here: read du/KEY.txt\n";

/// Key of the small object that readers poll: the summary of the newest run of a file system. It is
/// written last, so the objects that it names exist.
pub fn latest_key(of: &FileSystemKey) -> String {
    format!("{LATEST}{of}.json")
}

/// The file system of such a key.
pub(crate) fn of_latest_key(key: &str) -> Option<FileSystemKey> {
    let name = key.strip_prefix(LATEST)?.strip_suffix(".json")?;
    FileSystemKey::new(name).ok()
}

/// Key of the newest run of a file system as `du` prints it.
pub fn du_key(of: &FileSystemKey) -> String {
    format!("du/{of}.txt")
}

/// The form of the tables of homes and of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Parquet,
    /// The form of earlier versions.
    Csv,
}

impl Form {
    pub(crate) const ALL: [Self; 2] = [Self::Parquet, Self::Csv];

    /// The folder of a table. Athena reads every object in the folder of a day, and takes one of
    /// another form for a broken one: each form has a folder of its own.
    fn folder(self, table: &str) -> String {
        match self {
            Self::Parquet => format!("{table}/parquet"),
            Self::Csv => table.to_owned(),
        }
    }

    /// End of the keys.
    pub(crate) fn end(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet",
            Self::Csv => ".csv",
        }
    }

    /// Beginning of the keys of a table of a file system. A day follows.
    pub(crate) fn days(self, table: &str, of: &FileSystemKey) -> String {
        format!("{}/fs={of}/dt=", self.folder(table))
    }

    /// Key of a run's table.
    pub(crate) fn key(
        self,
        table: &str,
        of: &FileSystemKey,
        id: &str,
        started: Timestamp,
    ) -> String {
        format!("{}{}/{id}{}", self.days(table, of), started.strftime("%Y-%m-%d"), self.end())
    }

    /// The part of a key that the other objects of the run have, too: `fs=KEY/dt=DAY/RUN`.
    pub(crate) fn below(self, key: &str) -> Option<&str> {
        key.get(key.find("/fs=")? + 1..)?.strip_suffix(self.end())
    }
}

/// The keys of a run's objects: `TABLE/fs=KEY/dt=DAY/RUN`, below `TABLE/parquet` for homes and
/// findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The report.
    pub run: String,
    /// The table of homes.
    pub homes: String,
    /// The table of findings.
    pub findings: String,
    /// The table of directories, which not every run has.
    pub dirs: String,
}

impl Keys {
    /// The day in the keys is that of the run's start, in UTC.
    pub fn of(report: &Report) -> Self {
        Self::new(&report.file_system_key(), &report.run.id, report.run.started)
    }

    /// The keys of a run with this id; `None` if it is no id.
    pub(crate) fn of_id(of: &FileSystemKey, id: &str) -> Option<Self> {
        Some(Self::new(of, id, started_of(id)?))
    }

    pub(super) fn new(of: &FileSystemKey, id: &str, started: Timestamp) -> Self {
        let day = started.strftime("%Y-%m-%d");
        let table = |table: &str| Form::Parquet.key(table, of, id, started);
        Self {
            run: format!("runs/fs={of}/dt={day}/{id}.json"),
            homes: table("homes"),
            findings: table("findings"),
            dirs: format!("dirs/fs={of}/dt={day}/{id}.parquet"),
        }
    }
}

/// The id of the run that an object of this key belongs to.
pub(crate) fn id_of_key(key: &str) -> Option<String> {
    let (id, _) = key.rsplit_once('/')?.1.rsplit_once('.')?;
    started_of(id).map(|_| id.to_owned())
}

/// An object of a run that never changes, and what writes it.
pub(crate) struct Unchanging {
    pub(crate) key: String,
    pub(crate) write: fn(&Report, &mut dyn Write) -> io::Result<()>,
}

/// The objects of a run that never change.
pub(crate) fn immutable(report: &Report) -> [Unchanging; 3] {
    let keys = Keys::of(report);
    [
        Unchanging { key: keys.run, write: |report, to| Ok(serde_json::to_writer(to, report)?) },
        Unchanging {
            key: keys.homes,
            write: |report, to| write_homes(report, &report.file_system_key(), to),
        },
        Unchanging {
            key: keys.findings,
            write: |report, to| write_findings(report, &report.file_system_key(), to),
        },
    ]
}

/// The contents of the object of [`du_key`]: the run as `du -h -d1` prints it.
pub(crate) fn du_latest(report: &Report) -> Vec<u8> {
    du(report, DuNames::Raw)
}

/// Writes the contents of the object of [`latest_key`]. `conditional` is true if the store holds writes to their
/// conditions.
pub(crate) fn latest(report: &Report, conditional: bool, to: &mut dyn Write) -> io::Result<()> {
    Latest::write(report, conditional, to)
}
