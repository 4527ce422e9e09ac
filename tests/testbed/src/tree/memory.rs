//! A place for generated trees in tests.

use std::path::Path;

use tempfile::TempDir;

/// Makes a temporary directory, in memory if possible. ext4 does not reuse an inode for some
/// seconds after its deletion and checks each such inode again for every file it makes, so a test
/// that follows another test's clean-up would take twenty times as long there.
///
/// # Panics
/// If the directory cannot be made.
pub fn directory_in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .unwrap()
}
