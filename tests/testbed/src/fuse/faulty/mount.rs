//! Mounts a [`Tree`], and unmounts it whatever becomes of the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session};
use tempfile::TempDir;

use super::serve::{Served, State};
use super::tree::Tree;
use crate::{is_root, scratch, skip_unless};

/// A tree that is mounted until this is dropped.
pub struct Mounted {
    /// What arrived at it.
    pub state: Arc<State>,
    point: PathBuf,
    session: Option<BackgroundSession>,
    /// Removed last, when nothing is mounted on it any more.
    _below: TempDir,
}

/// Whether trees can be mounted here; says so, by the name of the test, where not.
pub fn can_mount() -> bool {
    let able = Path::new("/dev/fuse").exists() && (is_root() || has_fusermount());
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test with FUSE");
    skip_unless(able, test, "no /dev/fuse, or neither root nor fusermount3")
}

/// Mounts `tree`.
pub fn mount(tree: Tree) -> Mounted {
    let below = scratch();
    let point = below.path().join("mnt");
    std::fs::create_dir(&point).unwrap();
    let (served, state) = Served::new(tree);
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("efs-scan-test".to_owned())];
    // One thread: when it hangs, nobody is answered.
    config.n_threads = Some(1);
    let session = Session::new(served, &point, &config).unwrap();
    Mounted { state, point, session: Some(session.spawn().unwrap()), _below: below }
}

impl Mounted {
    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.state.release();
        if let Some(session) = self.session.take()
            && let Err(error) = session.umount_and_join()
            && is_mounted(&self.point)
        {
            // Somebody is still in there. Nothing may hang on it once the test is gone.
            eprintln!("unmounting {}: {error}", self.point.display());
            let (program, flag) = match is_root() {
                true => ("umount", "-l"),
                false => ("fusermount3", "-uz"),
            };
            let done = Command::new(program).arg(flag).arg(&self.point).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("{} stays mounted", self.point.display());
            }
        }
    }
}

/// What the kernel says, without asking the file system, which may not answer. By the unique name
/// of the directory above: the kernel spells the rest without links and with escapes.
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
