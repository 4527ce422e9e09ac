//! Directories and files for tests.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::program::profile_directory;

/// Makes a directory below target/, which is on a real disk and not in the machine's /tmp.
pub fn scratch() -> TempDir {
    let directory = profile_directory().with_file_name("tmp");
    std::fs::create_dir_all(&directory).unwrap();
    tempfile::Builder::new().prefix("tree-").tempdir_in(directory).unwrap()
}

/// Writes a file of `bytes` bytes with its directories.
pub fn file(root: &Path, path: impl AsRef<Path>, bytes: usize) -> PathBuf {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, vec![b'x'; bytes]).unwrap();
    path
}

/// Gives `path`, and everything in it, to `uid`. Needs root.
pub fn give(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), None).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// A name that is not UTF-8 and has a newline, a comma, markup and a quote.
pub const ODD_NAME: &[u8] = b"a\xff\n,<b>\"";

/// Returns a path below `root` from raw bytes.
pub fn raw(root: &Path, name: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(name))
}
