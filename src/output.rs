//! The output of a command: stdout, or a file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::atomic::{self, NO_FOLLOW, NO_WAIT, Unfinished};
use crate::exit::Failure;
use crate::log;
use crate::sys;
use crate::text::{Shown, printable};

/// Prefix of temporary files' names, followed by six letters or digits.
const PREFIX: &str = ".efs-scan-output-";
const RANDOM: usize = 6;

/// Destination of the result, opened before the scan begins.
#[derive(Debug)]
pub(crate) enum Output {
    Stdout,
    /// A temporary file, renamed to `path` when it is complete.
    File {
        path: PathBuf,
        temporary: NamedTempFile,
        unfinished: Unfinished,
    },
}

impl Output {
    /// Opens the destination. `None` and `-` mean stdout.
    ///
    /// # Errors
    /// If stdout is closed, or the file cannot be made, is not a regular file, or lies in `root`:
    /// the users control the names there, so a privileged program does not write there.
    pub(crate) fn open(path: Option<&Path>, root: &Path) -> Result<Self, Failure> {
        match path.filter(|path| *path != Path::new("-")) {
            Some(path) => Self::file("--output", path, root),
            None => Self::stdout(),
        }
    }

    /// Opens a file that a flag names, for a scan of `root`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub(crate) fn file(flag: &str, path: &Path, root: &Path) -> Result<Self, Failure> {
        let file = || {
            let place = place(flag, path)?;
            refuse_inside(root, &place.0, &format!("{flag} {}", path.display()))?;
            sweep(&place.0);
            Self::make(flag, path, place)
        };
        file().map_err(Failure::usage)
    }

    fn stdout() -> Result<Self, Failure> {
        let open = sys::stdout_is_open().then_some(Self::Stdout);
        open.ok_or_else(|| Failure::fatal(closed()))
    }

    /// Opens a file that another flag names, for a command that does not scan; `-` means stdout.
    /// The caller [sweeps](sweep_beside) the directory, once for all files in it.
    ///
    /// # Errors
    /// If the file cannot be made or is not a regular file.
    pub(crate) fn named(flag: &str, path: &Path) -> Result<Self, Failure> {
        match path == Path::new("-") {
            true => Self::stdout(),
            false => {
                let made = place(flag, path).and_then(|place| Self::make(flag, path, place));
                made.map_err(Failure::usage)
            }
        }
    }

    fn make(
        flag: &str,
        path: &Path,
        (directory, name): (PathBuf, OsString),
    ) -> Result<Self, String> {
        let temporary = temporary(&directory);
        let temporary = temporary.map_err(|error| format!("{flag} {}: {error}", path.display()))?;
        let unfinished = Unfinished::note(temporary.path());
        Ok(Self::File { path: directory.join(name), temporary, unfinished })
    }

    /// True if the output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::IsTerminal::is_terminal(&io::stdout())
    }

    /// Returns a directory for temporary files as large as the output: the output's own directory,
    /// or else [`temporary_directory`].
    ///
    /// # Errors
    /// Those of [`temporary_directory`].
    pub(crate) fn scratch(&self, root: &Path) -> Result<PathBuf, String> {
        match self {
            Self::File { path, .. } => Ok(path.parent().unwrap_or(Path::new("/")).to_owned()),
            Self::Stdout => {
                temporary_directory(root).map_err(|problem| format!("--format ncdu: {problem}"))
            }
        }
    }

    /// Writes text for people. A reader who closes stdout early is no error.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn show(self, text: &Shown) -> Result<(), String> {
        self.write_form(text.as_bytes())
    }

    /// Writes a form for programs (CSV, du, metrics), with names unescaped.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn write_form(self, bytes: &[u8]) -> Result<(), String> {
        self.stream(|to| to.write_all(bytes))
    }

    /// Writes the output piece by piece with `fill`.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn stream(
        self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), String> {
        match self {
            Self::Stdout if !sys::stdout_is_open() => Err(closed()),
            Self::Stdout => match buffered(io::stdout().lock(), fill) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written.map_err(|error| format!("writing to stdout: {error}")),
            },
            Self::File { path, mut temporary, unfinished } => {
                let failed = |error: io::Error| format!("writing {}: {error}", path.display());
                buffered(&mut temporary, fill).map_err(failed)?;
                // Synced before the rename, so a crash leaves the old file or the new one.
                temporary.as_file().sync_all().map_err(failed)?;
                temporary.persist(&path).map_err(|error| failed(error.error))?;
                drop(unfinished);
                Ok(())
            }
        }
    }
}

/// Makes a temporary file and holds a lock on it while it is open: [`sweep`] leaves locked files
/// alone.
fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    loop {
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            // The mode of an ordinary file, before the umask.
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(directory)?;
        match made.as_file().try_lock() {
            // Another process may sweep the file before it is locked.
            Ok(()) if made.as_file().metadata()?.nlink() > 0 => return Ok(made),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // The file system has no locks, so no process can sweep the file either.
            Err(TryLockError::Error(_)) => return Ok(made),
        }
    }
}

/// Removes the temporary files beside `path` that no process is writing.
pub(crate) fn sweep_beside(path: &Path) {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sweep(parent),
        _ => sweep(Path::new(".")),
    }
}

/// Removes the temporary files in `directory` that a killed process of this user left.
pub(crate) fn sweep(directory: &Path) {
    // A file that cannot be listed or removed does no harm.
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let ours = |random: &str| {
            random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if random.is_some_and(ours)
            && let Err(error) = remove_ownerless(&entry.path())
        {
            let path = printable(entry.path().as_os_str().as_bytes());
            log::debug!("{path}: {error}");
        }
    }
}

/// Removes a temporary file unless a running process holds its lock.
fn remove_ownerless(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // An exclusive lock on NFS needs a file that is open for writing (flock(2), NOTES).
    let file: File = options.read(true).write(true).custom_flags(NO_FOLLOW | NO_WAIT).open(path)?;
    let metadata = file.metadata()?;
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_file() && mine && metadata.nlink() == 1 && file.try_lock().is_ok() {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn closed() -> String {
    "writing to stdout: it is closed".to_owned()
}

fn buffered(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(64 * 1024, to);
    let written = fill(&mut to).and_then(|()| to.flush());
    // After an error, the rest of the buffer is not written.
    let _ = to.into_parts();
    written
}

/// Returns the directory and the name of a file that will be written.
fn place(flag: &str, path: &Path) -> Result<(PathBuf, OsString), String> {
    let failed = |error: io::Error| format!("{flag} {}: {error}", path.display());
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(failed(io::Error::other("it exists and is not a regular file")));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = directory.canonicalize().map_err(failed)?;
    let name = path.file_name();
    let name = name.ok_or_else(|| failed(io::Error::other("it names no file")))?;
    Ok((directory, name.to_owned()))
}

/// Returns the directory for large temporary files, see [`atomic::temporary_directory`].
///
/// # Errors
/// If it is in `root`, see [`refuse_inside`].
pub(crate) fn temporary_directory(root: &Path) -> Result<PathBuf, String> {
    let directory = atomic::temporary_directory();
    refuse_inside(root, &directory, &format!("TMPDIR {}", directory.display()))?;
    Ok(directory)
}

/// Refuses a place in the scanned tree: the users control the names there, so a privileged program
/// must not write there. If the path does not exist yet, its nearest existing ancestor is checked.
///
/// # Errors
/// Names the flag that gave the path.
pub(crate) fn refuse_inside(root: &Path, place: &Path, flag: &str) -> Result<(), String> {
    let absolute = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let there = absolute.ancestors().find_map(|path| path.canonicalize().ok());
    let mut missing = absolute.ancestors().take_while(|path| path.canonicalize().is_err());
    if missing.any(|path| path.ends_with("..")) {
        return Err(format!("{flag}: `..` after a directory that does not exist"));
    }
    match (root.canonicalize(), there) {
        (Ok(root), Some(there)) if there.starts_with(&root) => {
            Err(format!("{flag}: it is in the scanned tree; write it elsewhere"))
        }
        _ => Ok(()),
    }
}
