//! Chooses where state is kept: in the state directory, or at the destination of the runs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::config::DEFAULT_STATE_DIR;
use crate::scan::is_mount_point;
use crate::state::{KeepIn, own_name};
use crate::store::Destination;

/// The choice, and the reason for the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Directory,
    /// Why, in words.
    Destination(String),
}

/// The settings that the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) asked: KeepIn,
    /// The destination of the runs, if it keeps the conditions of writes.
    pub(super) to: Option<&'a Destination>,
    pub(super) state_dir: &'a Path,
    /// True if others may write to the directory.
    pub(super) is_shared: bool,
}

/// Chooses. What a directory already has is never left behind without being asked for.
pub(super) fn choose(choice: Choice<'_>) -> Chosen {
    match choice.asked {
        _ if choice.to.is_none() => Chosen::Directory,
        KeepIn::Directory => Chosen::Directory,
        KeepIn::Destination => Chosen::Destination("as it is set".to_owned()),
        KeepIn::Auto => why_not_directory(choice).map_or(Chosen::Directory, Chosen::Destination),
    }
}

/// True if the directory has something of an earlier run.
pub(super) fn has_state(choice: Choice<'_>) -> bool {
    is_not_empty(&directory(choice))
}

/// Number of runs in the directory that wait to be sent, of all file systems.
pub(super) fn waiting_runs(choice: Choice<'_>) -> usize {
    let directory = directory(choice);
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let parts = list(&directory.join("fs")).map(|part| part.path());
    let spools = std::iter::once(directory.clone()).chain(parts).map(|part| part.join("spool"));
    let is_run = |name: &[u8]| name.ends_with(b".run.json");
    let runs = |spool: PathBuf| {
        list(&spool).filter(|file| is_run(file.file_name().as_encoded_bytes())).count()
    };
    spools.map(runs).sum()
}

/// The directory that this user has, absolute, so that it has directories above it to look at.
fn directory(choice: Choice<'_>) -> PathBuf {
    let directory = std::path::absolute(choice.state_dir);
    let directory = directory.unwrap_or_else(|_| choice.state_dir.to_owned());
    match choice.is_shared {
        true => directory.join(own_name()),
        false => directory,
    }
}

fn why_not_directory(choice: Choice<'_>) -> Option<String> {
    let directory = directory(choice);
    let shown = choice.state_dir.display();
    // As installed, runs are published into the state directory.
    let is_inside = match choice.to {
        Some(Destination::Directory(path)) => path.starts_with(choice.state_dir),
        _ => false,
    };
    if is_inside || is_not_empty(&directory) {
        return None;
    }
    if choice.state_dir == Path::new(DEFAULT_STATE_DIR)
        && let Some(container) = container()
        && !is_on_volume(choice.state_dir)
    {
        return Some(format!("this is a container ({container}), and no volume is at {shown}"));
    }
    (!can_be_written(&directory)).then(|| format!("{shown} cannot be written"))
}

/// True unless the directory is empty or missing. One that cannot be listed may have something, and a
/// file in its place is a mistake that its user is told of.
fn is_not_empty(directory: &Path) -> bool {
    match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// True if files can be made in the directory, or it can be made. For root, only a read-only mount
/// prevents that.
fn can_be_written(directory: &Path) -> bool {
    let there = directory.ancestors().find(|path| path.exists());
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    there.is_some_and(|there| accessat(CWD, there, wanted, AtFlags::EACCESS).is_ok())
}

/// True if the directory, or one above it but the root, is a mount point.
fn is_on_volume(directory: &Path) -> bool {
    let above = directory.ancestors().filter(|path| path.parent().is_some());
    above.into_iter().any(|path| is_mount_point(path).unwrap_or(false))
}

/// Files that container engines make.
const FILES: [(&str, &str); 2] = [("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")];

/// Variables that schedulers of containers set.
const VARIABLES: [(&str, &str); 2] =
    [("KUBERNETES_SERVICE_HOST", "Kubernetes"), ("ECS_CONTAINER_METADATA_URI_V4", "ECS")];

/// Values of the variable `container` for containers that begin anew each time. The image of this
/// program sets it. Those of whole systems, such as LXC and systemd-nspawn, have other values and keep
/// their disk.
const APPLICATIONS: [&str; 3] = ["oci", "docker", "podman"];

/// Evidence that this process runs in a container that begins anew each time.
fn container() -> Option<&'static str> {
    let file = FILES.iter().find(|(path, _)| Path::new(path).exists());
    let variable = || VARIABLES.iter().find(|(name, _)| std::env::var_os(name).is_some());
    if let Some((_, name)) = file.or_else(variable) {
        return Some(name);
    }
    let value = std::env::var("container").ok()?;
    APPLICATIONS.into_iter().find(|name| *name == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice<'a>(state_dir: &'a Path, to: &'a Destination) -> Choice<'a> {
        Choice { asked: KeepIn::Auto, to: Some(to), state_dir, is_shared: false }
    }

    fn bucket() -> Destination {
        "s3://team/efs".parse().expect("a bucket")
    }

    #[test]
    fn a_directory_that_can_be_used_is_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let missing = dir.path().join("a/b");
        let to = bucket();
        for state_dir in [dir.path(), &missing] {
            assert_eq!(choose(choice(state_dir, &to)), Chosen::Directory);
            let asked = Choice { asked: KeepIn::Destination, ..choice(state_dir, &to) };
            assert_eq!(choose(asked), Chosen::Destination("as it is set".to_owned()));
            let nowhere = Choice { to: None, ..asked };
            assert_eq!(choose(nowhere), Chosen::Directory, "there is no other place");
        }
        // Tests run where files can be made, and so does cron.
        assert_eq!(choose(choice(Path::new("target/no-such-state"), &to)), Chosen::Directory);
    }

    /// /proc takes no files, not even root's.
    #[test]
    fn one_that_cannot_be_written_is_not_used_unless_it_has_something() {
        for (path, directory) in
            [("/proc/self/none", false), ("/proc/1/none/below", false), ("/proc/self", true)]
        {
            let (to, inside) = (bucket(), Destination::Directory(Path::new(path).join("runs")));
            let chosen = choose(choice(Path::new(path), &to));
            assert_eq!(chosen == Chosen::Directory, directory, "{path}: {chosen:?}");
            let kept = Choice { asked: KeepIn::Directory, ..choice(Path::new(path), &to) };
            assert_eq!(choose(kept), Chosen::Directory);
            assert_eq!(choose(choice(Path::new(path), &inside)), Chosen::Directory);
        }
    }
}
