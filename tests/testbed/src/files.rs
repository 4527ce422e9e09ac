//! Directories and files for tests.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::program::profile_directory;

/// Makes a directory on a real disk and not in the machine's /tmp: below target/, or below /var/tmp if others
/// may put links in place of a directory above target/, because nothing below such a directory gets a command.
pub fn scratch() -> TempDir {
    let below_target = profile_directory().with_file_name("tmp");
    std::fs::create_dir_all(&below_target).unwrap();
    let me = rustix::process::geteuid().as_raw();
    let others_may_write = |directory: &Path| {
        let found = std::fs::metadata(directory).unwrap();
        ![0, me].contains(&found.uid()) || found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0
    };
    let is_open = below_target.canonicalize().unwrap().ancestors().any(others_may_write);
    let directory = if is_open { PathBuf::from("/var/tmp") } else { below_target };
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
