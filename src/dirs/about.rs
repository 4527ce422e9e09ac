//! Metadata of a file.

use parquet::file::metadata::KeyValue;

use crate::text::{base64, bytes_of};
use crate::units::MeteredBytes;

/// Version of the columns and of their meaning. Within a version, columns are only added.
const SCHEMA: &str = "1";

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

const SCHEMA_KEY: &str = "efs-scan.schema";
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
        let pairs = [
            (SCHEMA_KEY, Some(SCHEMA.to_owned())),
            (RUN, run.clone()),
            (FILE_SYSTEM, Some(file_system.clone())),
            (ROOT, Some(String::from_utf8_lossy(root).into_owned())),
            (ROOT_BASE64, text.is_err().then(|| base64(root))),
            (DIRS_MIN, Some(dirs_min.0.to_string())),
            (COVERAGE, Some(coverage.clone())),
        ];
        let pairs = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
    }

    /// Reads the facts. `Err` is the version of the columns, if it is not [`SCHEMA`].
    pub(super) fn of_metadata(pairs: &[KeyValue]) -> Result<Self, String> {
        let find = |key: &str| pairs.iter().find(|pair| pair.key == key)?.value.clone();
        match find(SCHEMA_KEY).as_deref() {
            Some(SCHEMA) => {}
            other => return Err(other.unwrap_or("none").to_owned()),
        }
        Ok(Self {
            run: find(RUN),
            file_system: find(FILE_SYSTEM).unwrap_or_default(),
            root: bytes_of(&find(ROOT).unwrap_or_default(), find(ROOT_BASE64).as_deref()),
            dirs_min: MeteredBytes(find(DIRS_MIN).and_then(|min| min.parse().ok()).unwrap_or(0)),
            coverage: find(COVERAGE).unwrap_or_default(),
        })
    }
}
