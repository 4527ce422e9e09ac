//! Metadata of a file.

use parquet::file::metadata::KeyValue;

use crate::parquet_file::{Facts, pairs};
use crate::text::{base64, bytes_of};
use crate::units::MeteredBytes;

/// Facts about the run in a file's metadata. Without a run's id they are the same for every scan of
/// an unchanged tree, and so is the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Id of the run; `None` in a file that was not made by a run.
    pub run: Option<String>,
    /// Key of the file system.
    pub file_system: String,
    /// The root of the scan, with the file system's bytes.
    pub root: Vec<u8>,
    /// Directories whose subtree has a smaller metered size have no row, unless they are homes or
    /// findings.
    pub dirs_min: MeteredBytes,
    /// How much of the tree was read: `complete` or `partial`.
    pub coverage: String,
}

const RUN: &str = "efs-scan.run";
const FILE_SYSTEM: &str = "efs-scan.file_system";
const ROOT: &str = "efs-scan.root";
const ROOT_BASE64: &str = "efs-scan.root_base64";
const DIRS_MIN: &str = "efs-scan.dirs_min_bytes";
const COVERAGE: &str = "efs-scan.coverage";

impl About {
    pub(super) fn to_metadata(&self) -> Vec<KeyValue> {
        let Self { run, file_system, root, dirs_min, coverage } = self;
        let text = std::str::from_utf8(root);
        pairs([
            (RUN, run.clone()),
            (FILE_SYSTEM, Some(file_system.clone())),
            (ROOT, Some(String::from_utf8_lossy(root).into_owned())),
            (ROOT_BASE64, text.is_err().then(|| base64(root))),
            (DIRS_MIN, Some(dirs_min.0.to_string())),
            (COVERAGE, Some(coverage.clone())),
        ])
    }

    /// Reads the facts.
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let find = |key| facts.find(key);
        Self {
            run: find(RUN),
            file_system: find(FILE_SYSTEM).unwrap_or_default(),
            root: bytes_of(&find(ROOT).unwrap_or_default(), find(ROOT_BASE64).as_deref()),
            dirs_min: MeteredBytes(find(DIRS_MIN).and_then(|min| min.parse().ok()).unwrap_or(0)),
            coverage: find(COVERAGE).unwrap_or_default(),
        }
    }
}
