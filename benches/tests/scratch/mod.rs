//! Where tests make their trees.

use std::path::Path;

use tempfile::TempDir;

/// A temporary directory in memory where there is one. ext4 does not reuse an inode for some
/// seconds after it was deleted and looks at each such inode anew for every file it makes, so a
/// test after another test's clean-up takes twenty times as long there.
pub fn dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("temporary directory")
}
