//! Files that appear whole or not at all, and the file that a lock is on.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::OFlags;

use crate::sync::lock;

/// Prefix of files that are being written. No other file of this program has it, because the
/// holder of a lock removes all that have it.
pub(crate) const PART_PREFIX: &str = ".efs-scan.part-";

/// Bytes that are written at once.
const BUFFER: usize = 64 << 10;

/// The temporary files that this process has not finished.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Notes a temporary file, until this is dropped, for [`remove_unfinished`].
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn note(path: &Path) -> Self {
        lock(&UNFINISHED).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        lock(&UNFINISHED).remove(&self.0);
    }
}

/// Removes the temporary files of threads that will not end: the process ends without them.
pub(crate) fn remove_unfinished() {
    for path in lock(&UNFINISHED).iter() {
        // A file that cannot be removed is swept by the next run.
        let _ = fs::remove_file(path);
    }
}

/// `O_NOFOLLOW` for [`OpenOptionsExt::custom_flags`].
pub(crate) const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// `O_NONBLOCK`: opening a FIFO or a device does not block.
pub(crate) const NO_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Writes a file beside `path` and renames it, so a crash leaves the old file or the new one.
/// `fill` writes the contents piece by piece. The umask applies to `mode`.
///
/// # Errors
/// If the file cannot be written; the old one is still there.
pub(crate) fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new()
        .prefix(PART_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    let _unfinished = Unfinished::note(part.path());
    let mut buffer = BufWriter::with_capacity(BUFFER, part.as_file_mut());
    let filled = fill(&mut buffer).and_then(|()| buffer.flush());
    // After an error, the rest of the buffer is not tried again.
    let _ = buffer.into_parts();
    filled?;
    // The data is on disk before the name, and the name before anything relies on it.
    part.as_file().sync_all()?;
    part.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Removes the parts that a crash left. The caller must be the only writer here.
///
/// # Errors
/// If one cannot be removed; the others are removed.
pub(crate) fn sweep(directory: &Path) -> io::Result<()> {
    let mut swept = Ok(());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_part = entry.file_name().as_encoded_bytes().starts_with(PART_PREFIX.as_bytes());
        if is_part && entry.file_type()?.is_file() {
            swept = fs::remove_file(entry.path()).and(swept);
        }
    }
    swept
}

/// Opens a file to lock with [`File::try_lock`], and makes it if need be. It keeps its contents.
/// It is a regular file and never a link, and opening it does not block.
///
/// # Errors
/// If it cannot be opened, or is something else.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(NO_FOLLOW | NO_WAIT).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}
