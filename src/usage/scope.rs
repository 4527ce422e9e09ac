//! The scope of a scan: which homes, which mounts, and which paths are excluded.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::dir::Dir;
use super::trie::TreeLevel;
use super::whose::uid_of_trash;
use super::{Attrs, FileKind, Mount};

/// The part of the tree that a scan reads.
#[derive(Debug, Default)]
pub struct Scope {
    /// Depth of the homes below the root; 0 makes the root one home.
    pub home_depth: u32,
    /// The homes to read; `None` for all.
    pub homes: Option<Selection>,
    pub mounts: Mounts,
    pub exclude: Exclude,
}

/// The homes that a scan reads, if not all. Nothing outside of homes counts then.
#[derive(Debug)]
pub enum Selection {
    /// None: the scan only finds out which homes there are, and whose.
    Survey,
    /// Those with these paths below the root; that of the root itself is empty.
    Only(BTreeSet<Vec<u8>>),
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
    /// The level of the directory `name` in `parent`. A trash at the root is a home of its own at
    /// every depth, because a rule claims only what lies in a home.
    pub(super) fn level(&self, parent: &Dir, name: &[u8]) -> TreeLevel {
        let depth = parent.depth + 1;
        match parent.in_home() {
            true => TreeLevel::InHome,
            false if depth == self.home_depth => TreeLevel::Home,
            false if depth == 1 && uid_of_trash(name).is_some() => TreeLevel::Home,
            false => TreeLevel::AboveHomes,
        }
    }

    /// True if the entry `name` of `parent` is to be read.
    #[inline]
    pub(super) fn selects(&self, parent: &Dir, name: &[u8]) -> bool {
        match &self.homes {
            None => true,
            Some(selection) => selection.selects(self.level(parent, name), parent, name),
        }
    }

    /// True if what lies in `dir`, and `dir` itself, counts: if homes are selected, only in them.
    #[inline]
    pub(super) fn counts(&self, dir: &Dir) -> bool {
        self.homes.is_none() || dir.in_home()
    }

    /// True if homes are only found, not read.
    pub(super) fn is_survey(&self) -> bool {
        matches!(self.homes, Some(Selection::Survey))
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

impl Selection {
    fn selects(&self, level: TreeLevel, parent: &Dir, name: &[u8]) -> bool {
        match (self, level) {
            (Self::Survey, level) => level != TreeLevel::InHome,
            (Self::Only(homes), TreeLevel::Home) => homes.contains(&parent.path_of(name)),
            (Self::Only(_), _) => true,
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
