//! The scope of a scan: which homes, which mounts, and which paths are excluded.

use std::collections::BTreeSet;

use super::dir::Dir;
use super::exclude::Exclude;
use super::trie::TreeLevel;
use super::whose::is_trash_of_root;
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

/// Selection of homes to read. If there is one, nothing outside homes counts.
#[derive(Debug)]
pub enum Selection {
    /// Reads no home: the scan only finds the homes and their owners.
    Survey,
    /// Reads the homes with these paths below the root; the root's own path is empty.
    Only(BTreeSet<Vec<u8>>),
}

/// Treatment of other mounts below the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounts {
    /// Stay on the root's file system.
    #[default]
    Skip,
    /// Enter them.
    Cross,
}

impl Scope {
    /// Returns the level of the directory `name` in `parent`. A trash at the root is a home of its
    /// own at every home depth, because rules claim only directories in homes.
    pub(super) fn level(&self, parent: &Dir, name: &[u8]) -> TreeLevel {
        let depth = parent.depth + 1;
        match parent.in_home() {
            true => TreeLevel::InHome,
            false if depth == self.home_depth => TreeLevel::Home,
            false if depth == 1 && is_trash_of_root(name) => TreeLevel::Home,
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

    /// True if `dir` and its entries count. If homes are selected, only those in homes do.
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
            // Files as well: the file counts at its original place, which may be in this tree.
            (_, Mount::Root) => true,
            (FileKind::Dir, Mount::Inside) => elsewhere,
            // overlayfs gives a file the device of the layer that holds it.
            (_, Mount::Inside) => false,
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
