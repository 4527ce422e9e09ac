//! The scope of a scan: which homes, which mounts, and which paths are excluded.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Attrs, FileKind, Mount};

/// The part of the tree that a scan reads.
#[derive(Debug, Default)]
pub struct Scope {
    /// Depth of the homes below the root; 0 makes the root one home.
    pub home_depth: u32,
    /// The homes to read, by their last component; `None` for all.
    pub homes: Option<BTreeSet<Vec<u8>>>,
    pub mounts: Mounts,
    pub exclude: Exclude,
}

/// The choice to enter other mounts below the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounts {
    /// Stay on the root's file system.
    #[default]
    Skip,
    /// Enter them.
    Cross,
}

/// Globs of paths to leave out.
#[derive(Clone, Debug, Default)]
pub struct Exclude {
    globs: Vec<String>,
    set: GlobSet,
}

impl Scope {
    /// True if the entry `name` at `depth` is to be read.
    pub(super) fn selects(&self, depth: u32, name: &[u8]) -> bool {
        match &self.homes {
            Some(homes) if depth == self.home_depth => homes.contains(name),
            _ => true,
        }
    }

    /// True if an inode at `depth` counts. If homes are named, only inodes in them do.
    pub(super) fn counts_at(&self, depth: u32) -> bool {
        self.homes.is_none() || depth >= self.home_depth
    }

    pub(super) fn is_foreign_mount(&self, attrs: &Attrs, root_dev: Option<u64>) -> bool {
        if self.mounts == Mounts::Cross {
            return false;
        }
        let elsewhere = root_dev.is_some_and(|dev| dev != attrs.dev);
        match (attrs.kind, attrs.mount) {
            (FileKind::Dir, Mount::Root) => true,
            (FileKind::Dir, Mount::Inside) => elsewhere,
            // overlayfs gives a file the device of the layer that holds it.
            (_, mount) => elsewhere && mount == Mount::Root,
        }
    }
}

impl Exclude {
    /// Compiles globs that are relative to the root; `*` does not match a `/`, `**` does.
    ///
    /// # Errors
    /// A sentence that names the bad glob.
    pub fn new(globs: &[String]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let relative = glob.trim_start_matches("./").trim_matches('/');
            if relative.is_empty() {
                return Err(format!("--exclude `{glob}` would leave out everything"));
            }
            let compiled = GlobBuilder::new(relative)
                .literal_separator(true)
                .build()
                .map_err(|error| format!("--exclude `{glob}`: {}", error.kind()))?;
            set.add(compiled);
        }
        Ok(Self {
            globs: globs.to_vec(),
            set: set.build().map_err(|error| format!("--exclude: {error}"))?,
        })
    }

    /// Returns the globs as they were given.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }

    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    pub fn len(&self) -> usize {
        self.globs.len()
    }

    /// Returns the position of the first glob that matches `path`, which is relative to the root.
    pub fn first_match(&self, path: &[u8]) -> Option<usize> {
        self.set.matches(Path::new(OsStr::from_bytes(path))).into_iter().min()
    }
}
