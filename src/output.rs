//! Where the result goes: stdout, or a file that is written beside and renamed.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A place for the result, made sure of before the scan begins.
#[derive(Debug)]
pub(crate) enum Output {
    Stdout,
    File { path: PathBuf, beside: NamedTempFile },
}

impl Output {
    /// Opens the place.
    ///
    /// # Errors
    /// If the file cannot be made, is something else than a file, or lies in `root`: that belongs
    /// to the users, and a privileged program writes nothing among names that they control.
    pub(crate) fn open(path: Option<&Path>, root: &Path) -> Result<Self, String> {
        let Some(path) = path else {
            return Ok(Self::Stdout);
        };
        let place = place("--output", path)?;
        refuse_inside(root, &place.0, &format!("--output {}", path.display()))?;
        Self::make("--output", path, place)
    }

    /// Opens a file that another flag names, of a command that does not scan.
    ///
    /// # Errors
    /// If the file cannot be made, or is something else than a file.
    pub(crate) fn named(flag: &str, path: &Path) -> Result<Self, String> {
        Self::make(flag, path, place(flag, path)?)
    }

    fn make(
        flag: &str,
        path: &Path,
        (directory, name): (PathBuf, OsString),
    ) -> Result<Self, String> {
        let beside = tempfile::Builder::new()
            .prefix(".efs-scan-")
            // As any file one makes; the umask takes its share.
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(&directory)
            .map_err(|error| format!("{flag} {}: {error}", path.display()))?;
        Ok(Self::File { path: directory.join(name), beside })
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::IsTerminal::is_terminal(&io::stdout())
    }

    /// A directory for what has to be kept on disk until the result can be written: where the
    /// result will be, or else TMPDIR. `/tmp` would often be memory.
    ///
    /// # Errors
    /// If that lies in `root`, see [`refuse_inside`].
    pub(crate) fn scratch(&self, root: &Path) -> Result<PathBuf, String> {
        match self {
            Self::File { path, .. } => Ok(path.parent().unwrap_or(Path::new("/")).to_owned()),
            Self::Stdout => {
                let given = std::env::var_os("TMPDIR").filter(|given| !given.is_empty());
                let directory = given.map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
                let flag = format!("--format ncdu: TMPDIR {}", directory.display());
                refuse_inside(root, &directory, &flag)?;
                Ok(directory)
            }
        }
    }

    /// Writes the result and makes it visible. A reader that left early is no error.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), String> {
        self.stream(|to| to.write_all(bytes))
    }

    /// The same for a result that is not in memory: `fill` writes it piece by piece.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn stream(
        self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), String> {
        match self {
            Self::Stdout => match buffered(io::stdout().lock(), fill) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written.map_err(|error| format!("writing to stdout: {error}")),
            },
            Self::File { path, mut beside } => {
                let failed = |error: io::Error| format!("writing {}: {error}", path.display());
                buffered(&mut beside, fill).map_err(failed)?;
                // On disk before it has the name, so that a crash leaves the old file or the new.
                beside.as_file().sync_all().map_err(failed)?;
                beside.persist(&path).map_err(|error| failed(error.error))?;
                Ok(())
            }
        }
    }
}

fn buffered(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(64 * 1024, to);
    let written = fill(&mut to).and_then(|()| to.flush());
    // What is left in the buffer after an error is not tried again.
    let _ = to.into_parts();
    written
}

/// The directory that a file is to be written in, and its name there.
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

/// Makes sure that a place to write to does not lie in the tree: that belongs to the users, and a
/// privileged program writes nothing among names that they control. Of a path that is not there
/// yet, the part that is counts.
///
/// # Errors
/// Names the flag that gave the place.
pub(crate) fn refuse_inside(root: &Path, place: &Path, flag: &str) -> Result<(), String> {
    let absolute = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let there = absolute.ancestors().find_map(|path| path.canonicalize().ok());
    let mut missing = absolute.ancestors().take_while(|path| path.canonicalize().is_err());
    if missing.any(|path| path.ends_with("..")) {
        return Err(format!("{flag}: `..` behind a directory that does not exist"));
    }
    match (root.canonicalize(), there) {
        (Ok(root), Some(there)) if there.starts_with(&root) => {
            Err(format!("{flag}: it lies in the tree that is scanned; write it elsewhere"))
        }
        _ => Ok(()),
    }
}
