//! Checks that other users cannot change what this program reads or writes. Root needs this check:
//! a user who can put a link into the path makes root write to any file.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use crate::text::shell_word;

/// True if this process runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True if a user other than root and the one who runs this program can write to the file or
/// directory. Root's group does not count as another user.
pub(crate) fn others_may_write(metadata: &Metadata) -> bool {
    let (all, group) = (metadata.mode() & 0o002 != 0, metadata.mode() & 0o020 != 0);
    !is_mine(metadata) || all || (group && metadata.gid() != 0)
}

fn is_mine(metadata: &Metadata) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid())
}

/// Returns the shell command that takes write access to a file from other users.
pub(crate) fn mend(path: &Path) -> String {
    let word = shell_word(path.as_os_str().as_encoded_bytes());
    format!("chown root:root {word} && chmod go-w {word}")
}

/// Refuses, as root, a directory that others can write to.
///
/// # Errors
/// Names the directory. No command is offered, because it may be a person's home, or `/tmp`.
pub(crate) fn refuse_shared(directory: &Path, metadata: &Metadata) -> io::Result<()> {
    match is_root() && others_may_write(metadata) {
        false => Ok(()),
        true => Err(denied(format!(
            "others can write to {}, and could redirect root's writes: choose a place that is root's, and that \
             nobody else can write to",
            directory.display()
        ))),
    }
}

/// Refuses, as root, a directory that others can replace.
///
/// # Errors
/// Names the ancestor directory that they can write to. No command is offered, because the ancestor
/// may be a person's home and the command would take it away.
pub(crate) fn refuse_replaceable(directory: &Path) -> io::Result<()> {
    if !is_root() {
        return Ok(());
    }
    let Some(above) = shared_above(&directory.canonicalize()?)? else { return Ok(()) };
    let (above, directory) = (above.display(), directory.display());
    Err(denied(format!(
        "others can write to {above}, and could put a link in place of {directory}: choose a place \
         that only root can replace"
    )))
}

/// Returns the directory through which others can replace a file: one above the file, or above a
/// link to it.
///
/// # Errors
/// If a directory on the path cannot be examined.
pub(crate) fn replaceable_by(file: &Path) -> io::Result<Option<PathBuf>> {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let named = parent.canonicalize()?.join("file");
    match shared_above(&named)? {
        None => shared_above(&file.canonicalize()?),
        above => Ok(above),
    }
}

/// Returns the nearest directory above a canonical path that others can write to. A sticky
/// directory does not count, because others can replace only their own files in it, nor does a
/// read-only mount.
fn shared_above(path: &Path) -> io::Result<Option<PathBuf>> {
    for above in path.ancestors().skip(1) {
        let metadata = above.symlink_metadata()?;
        let sticky = metadata.mode() & 0o1000 != 0 && is_mine(&metadata);
        if others_may_write(&metadata) && !sticky && !is_read_only(above) {
            return Ok(Some(above.to_owned()));
        }
    }
    Ok(None)
}

/// True for a read-only mount, such as a Kubernetes ConfigMap, which has mode 777.
fn is_read_only(directory: &Path) -> bool {
    let flags = rustix::fs::statvfs(directory).map(|stat| stat.f_flag);
    flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY))
}

fn denied(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, problem)
}
