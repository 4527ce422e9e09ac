//! Mounting and unmounting.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};

use fuser::{BackgroundSession, Config, MountOption, Session};

use super::server::{Backend, Server};
use crate::{is_root, skip_unless};

/// Returns true if this machine can mount FUSE file systems. If not, the current test is reported
/// as skipped.
pub fn can_mount() -> bool {
    let able = Path::new("/dev/fuse").exists() && (is_root() || has_fusermount());
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test with FUSE");
    skip_unless(able, test, "no /dev/fuse, or neither root nor fusermount3")
}

/// Settings common to all mounts: the name that /proc/mounts shows, and the threads that take
/// requests.
pub(super) fn config(name: &str, threads: NonZeroUsize) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName(name.to_owned())];
    config.n_threads = Some(threads.get());
    config
}

/// Mounts `backend` on `point`, an empty directory, until the session is dropped.
///
/// # Errors
/// If FUSE is missing or not allowed.
pub(super) fn mount(
    backend: impl Backend,
    point: &Path,
    config: &Config,
) -> io::Result<BackgroundSession> {
    Session::new(Server(backend), point, config)?.spawn()
}

/// Unmounts even if the mount is in use, so nothing blocks on it after the test.
pub(super) fn unmount(session: BackgroundSession, point: &Path) {
    let Err(error) = session.umount_and_join() else { return };
    if !is_mounted(point) {
        return;
    }
    eprintln!("unmounting {}: {error}", point.display());
    let (program, flag) = match is_root() {
        true => ("umount", "-l"),
        false => ("fusermount3", "-uz"),
    };
    let done = Command::new(program).arg(flag).arg(point).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("{} stays mounted", point.display());
    }
}

/// Asks the kernel and not the file system, which may not answer. Searches for the unique name of
/// the parent directory, because the kernel resolves links and escapes characters in the rest of
/// the path.
fn is_mounted(point: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let unique = point.iter().nth_back(1).and_then(|name| name.to_str());
    unique.is_none_or(|unique| mounts.contains(unique))
}

fn has_fusermount() -> bool {
    let mut command = Command::new("fusermount3");
    let command = command.arg("-V").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
