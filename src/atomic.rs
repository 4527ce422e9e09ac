//! Files that appear whole or not at all, and lock files.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use crate::sync::lock;

/// Prefix of files that are being written. No other file of this program has it, so the holder of a
/// lock may remove every file that has it.
pub(crate) const PART_PREFIX: &str = ".efs-scan.part-";

/// Size of the write buffer in bytes.
const BUFFER: usize = 64 << 10;

/// The temporary files that this process has not finished.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Returns the directory for large temporary files: TMPDIR, or else `/var/tmp`, because `/tmp` is
/// often in memory. The images of some containers have only `/tmp`.
pub(crate) fn temporary_directory() -> PathBuf {
    let given = std::env::var_os("TMPDIR").filter(|given| !given.is_empty());
    let usual = || ["/var/tmp", "/tmp"].map(PathBuf::from).into_iter().find(|path| path.is_dir());
    given.map(PathBuf::from).or_else(usual).unwrap_or_else(|| PathBuf::from("/var/tmp"))
}

/// Registers a temporary file for [`remove_unfinished`] until this value is dropped.
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

/// Removes the temporary files of threads that are still running when the process ends.
pub(crate) fn remove_unfinished() {
    for path in lock(&UNFINISHED).iter() {
        // The next run sweeps a file that cannot be removed.
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
    let (part, _unfinished) = written(path, mode, fill)?;
    part.persist(path).map_err(|error| error.error)?;
    synced(path)
}

/// Writes a file as [`replace`] does, if there is none. Returns false if there is one.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn create(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<bool> {
    let (part, _unfinished) = written(path, mode, fill)?;
    match part.persist_noclobber(path) {
        Ok(_) => synced(path).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Writes a temporary file beside `path`.
fn written(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(NamedTempFile, Unfinished)> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new()
        .prefix(PART_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    let unfinished = Unfinished::note(part.path());
    let mut buffer = BufWriter::with_capacity(BUFFER, part.as_file_mut());
    let filled = fill(&mut buffer).and_then(|()| buffer.flush());
    // After an error, the rest of the buffer is not written.
    let _ = buffer.into_parts();
    filled?;
    // Invariant: the data is on disk before the name, and the name before anything relies on it.
    part.as_file().sync_all()?;
    Ok((part, unfinished))
}

/// Puts the names of a file's directory on disk.
fn synced(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
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

/// A locked file, which is unlocked when this is dropped.
#[derive(Debug)]
pub struct LockedFile(pub(crate) File);

impl Drop for LockedFile {
    fn drop(&mut self) {
        // To close it is not enough: a process that another thread is just starting, such as one
        // that asks for credentials, still has the file.
        _ = self.0.unlock();
    }
}

/// Opens a lock file for [`File::try_lock`] and creates it if it does not exist. The contents stay.
/// Opening a FIFO does not block.
///
/// # Errors
/// If the file cannot be opened, or is a link or not a regular file.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(NO_FOLLOW | NO_WAIT).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}
