//! Checks that other users cannot change what this program reads or writes. Root needs this: a user
//! who can put a link there makes root write to any file.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::text::shell_word;

/// True if this process may do what its user alone could not.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True if another user than root and the one who runs this program can write there. The group of
/// root is no other user.
pub(crate) fn others_may_write(metadata: &Metadata) -> bool {
    let mine = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    let (all, group) = (metadata.mode() & 0o002 != 0, metadata.mode() & 0o020 != 0);
    !mine || all || (group && metadata.gid() != 0)
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

/// Refuses, as root, a directory that others can replace, because they can write to one above it. A
/// sticky one lets them replace nothing of root's.
///
/// # Errors
/// Names the directory above. It may be a person's home, so no command is offered that takes it away.
pub(crate) fn refuse_replaceable(directory: &Path) -> io::Result<()> {
    if !is_root() {
        return Ok(());
    }
    for above in directory.canonicalize()?.ancestors().skip(1) {
        let metadata = above.symlink_metadata()?;
        let sticky = metadata.mode() & 0o1000 != 0 && metadata.uid() == 0;
        if others_may_write(&metadata) && !sticky {
            let (above, directory) = (above.display(), directory.display());
            return Err(denied(format!(
                "others can write to {above}, and could put a link in place of {directory}: choose a \
                 place that only root can replace"
            )));
        }
    }
    Ok(())
}

fn denied(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, problem)
}
