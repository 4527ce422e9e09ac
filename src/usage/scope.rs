//! What belongs to a scan: which homes, which mounts, and what is left out.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::usage::{Attrs, FileKind, Mount};

/// What a scan looks at.
#[derive(Debug, Default)]
pub struct Scope {
    /// Depth of the homes below the root; 0 makes the root one home.
    pub home_depth: u32,
    /// The homes to look at, by their last component; all where none is named.
    pub homes: Option<BTreeSet<Vec<u8>>>,
    /// Whether other mounts are entered.
    pub mounts: Mounts,
    /// What is left out.
    pub exclude: Exclude,
}

/// Whether other mounts below the root are entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounts {
    /// Stay on the root's file system.
    #[default]
    Skip,
    /// Go on.
    Cross,
}

/// Globs of what is left out.
#[derive(Debug, Default)]
pub struct Exclude {
    globs: Vec<String>,
    set: GlobSet,
}

impl Scope {
    /// Whether the entry `name` at `depth` is to be looked at.
    pub(super) fn selects(&self, depth: u32, name: &[u8]) -> bool {
        match &self.homes {
            Some(homes) if depth == self.home_depth => homes.contains(name),
            _ => true,
        }
    }

    /// Whether an inode at `depth` counts: with homes named, only what is in them.
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
            // overlayfs gives files the device of the layer they lie on.
            (_, mount) => elsewhere && mount == Mount::Root,
        }
    }
}

impl Exclude {
    /// Compiles globs that are relative to the root; `*` does not match a `/`, `**` does.
    ///
    /// # Errors
    /// Names the glob.
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

    /// The globs as they were given.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// How many globs there are.
    pub fn len(&self) -> usize {
        self.globs.len()
    }

    /// The first glob that matches `path`, which is relative to the root.
    pub fn first_match(&self, path: &[u8]) -> Option<usize> {
        self.set.matches(Path::new(OsStr::from_bytes(path))).into_iter().min()
    }
}
