//! Layers of container images, in which no rule applies: a list of a layer's files goes with it, and an image
//! that lacks one of them cannot be pushed or saved.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use super::Rules;
use super::below::paths_upwards;
use crate::usage::trie::NamePattern;

/// The directories of layers as Podman, Buildah, Docker and containerd keep them, wherever their storage is.
const LAYERS: [&str; 6] = [
    "{overlay,overlay2,fuse-overlayfs}/*/diff",
    // Their names are digests, or 25 letters and digits if BuildKit made them.
    "vfs/dir/*",
    "btrfs/subvolumes/*",
    "zfs/graph/*",
    "aufs/diff/*",
    "snapshots/<number>",
];

/// The patterns of layers, and the names that lead to the scanned root.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Each with its last name first.
    patterns: Vec<Vec<NamePattern>>,
    /// The root's own name first.
    root: Vec<Box<[u8]>>,
}

impl Layers {
    pub(super) fn new() -> Result<Self, String> {
        Ok(Self { patterns: paths_upwards(&LAYERS)?, root: Vec::new() })
    }
}

impl Rules {
    /// Returns the rules for a scan of `root`, which may be within the storage of images.
    #[must_use]
    pub fn below(mut self, root: &Path) -> Self {
        let name = |part: Component<'_>| match part {
            Component::Normal(name) => Some(OsStr::as_bytes(name).into()),
            _ => None,
        };
        self.layers.root = root.components().rev().filter_map(name).collect();
        self
    }

    /// True if a layer begins at a directory. `names` are its own and those of the directories above it, without
    /// the root's.
    pub(in crate::usage) fn begins_layer<'a>(
        &'a self,
        names: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> bool {
        let names = names.chain(self.names_of_root());
        // Comparing two names first rejects nearly every directory.
        let mut nearest = names.clone();
        let nearest = [nearest.next(), nearest.next()];
        let begins = |path: &Vec<NamePattern>| {
            let near = path.iter().take(nearest.len());
            leads(near, nearest.into_iter().flatten()) && leads(path, names.clone())
        };
        self.layers.patterns.iter().any(begins)
    }

    /// Iterates over the names that lead to the scanned root, its own first.
    pub(in crate::usage) fn names_of_root(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.layers.root.iter().map(|name| &**name)
    }

    /// True if the root is in a layer.
    pub(in crate::usage) fn is_root_in_layer(&self) -> bool {
        let root = &self.layers.root;
        let begins = |at: usize| {
            let names = || root[at..].iter().map(|name| &**name);
            self.layers.patterns.iter().any(|path| leads(path, names()))
        };
        (0..root.len()).any(begins)
    }
}

/// True if `names` match the whole path.
fn leads<'p, 'n>(
    path: impl IntoIterator<Item = &'p NamePattern>,
    mut names: impl Iterator<Item = &'n [u8]>,
) -> bool {
    path.into_iter().all(|part| names.next().is_some_and(|name| part.matches(name)))
}
