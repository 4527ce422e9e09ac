//! Files that appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How files begin that are being written. Nothing else that this program writes begins so,
/// because whoever holds a lock sweeps them away.
pub(crate) const BESIDE: &str = ".efs-scan.part-";

/// Writes a file beside `path` and renames it: a crash leaves the old one or the new one. The
/// umask takes its share of `mode`.
///
/// # Errors
/// If it could not be written; the old file is still there.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new()
        .prefix(BESIDE)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    beside.write_all(bytes)?;
    // On disk before it has the name, and the name on disk before anybody relies on it.
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Removes what a crash left of such files. The caller must be the only one who writes here.
///
/// # Errors
/// If one cannot be removed.
pub(crate) fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let ours = entry.file_name().as_encoded_bytes().starts_with(BESIDE.as_bytes());
        if ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
