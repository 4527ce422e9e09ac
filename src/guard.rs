//! Checks that other users cannot change what this program reads or writes. Root needs this: a user
//! who can put a link there makes root write to any file.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use crate::text::shell_word;

/// True if this process may do what its user alone could not.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True if another user than root and the one who runs this program can write there. The group of
/// root is no other user.
pub(crate) fn others_may_write(metadata: &Metadata) -> bool {
    let (all, group) = (metadata.mode() & 0o002 != 0, metadata.mode() & 0o020 != 0);
    !is_mine(metadata) || all || (group && metadata.gid() != 0)
}

fn is_mine(metadata: &Metadata) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid())
}

/// The command that keeps others from writing there.
pub(crate) fn mend(path: &Path) -> String {
    let word = shell_word(path.as_os_str().as_encoded_bytes());
    format!("chown root:root {word} && chmod go-w {word}")
}

/// Refuses, as root, a directory that others can write to.
///
/// # Errors
/// Names the directory, and what mends it.
pub(crate) fn refuse_shared(directory: &Path, metadata: &Metadata) -> io::Result<()> {
    match is_root() && others_may_write(metadata) {
        false => Ok(()),
        true => {
            let mend = mend(directory);
            let directory = directory.display();
            Err(denied(format!(
                "others can write to {directory}, and could lead root astray: {mend}"
            )))
        }
    }
}

/// Refuses, as root, a directory that others can replace.
///
/// # Errors
/// Names the directory above that they can write to. It may be a person's home, so no command is
/// offered that takes it away.
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

/// The directory by which others can replace a file: one above it, or above a link to it.
///
/// # Errors
/// If one cannot be looked at.
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

/// The nearest directory above a canonical path that others can write to. A sticky one lets them
/// replace nothing of others, and one that is mounted read-only nothing at all.
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

/// True for what is mounted read-only, such as a ConfigMap of Kubernetes, whose mode is 777.
fn is_read_only(directory: &Path) -> bool {
    let flags = rustix::fs::statvfs(directory).map(|stat| stat.f_flag);
    flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY))
}

fn denied(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, problem)
}
