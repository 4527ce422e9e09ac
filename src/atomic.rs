//! Files that appear whole or not at all, and the file that a lock is on.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Prefix of files that are being written. No other file of this program has it, because the
/// holder of a lock removes all that have it.
pub(crate) const PART_PREFIX: &str = ".efs-scan.part-";

/// `O_NOFOLLOW` for [`OpenOptionsExt::custom_flags`].
pub(crate) const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Writes a file beside `path` and renames it, so a crash leaves the old file or the new one.
/// The umask applies to `mode`.
///
/// # Errors
/// If the file cannot be written; the old one is still there.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new()
        .prefix(PART_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    part.write_all(bytes)?;
    // The data is on disk before the name, and the name before anything relies on it.
    part.as_file().sync_all()?;
    part.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Removes the parts that a crash left. The caller must be the only writer here.
///
/// # Errors
/// If one cannot be removed.
pub(crate) fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_part = entry.file_name().as_encoded_bytes().starts_with(PART_PREFIX.as_bytes());
        if is_part && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Opens a file to lock with [`File::try_lock`], and makes it if need be. It keeps its contents
/// and is never a link.
///
/// # Errors
/// If it cannot be opened.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(NO_FOLLOW).open(path)
}
