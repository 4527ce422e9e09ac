//! Trees described as lists of things to create, built on disk and in memory.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

/// An entry to create at a path. It is skipped if something else is in the way.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Dir,
    File(usize),
    /// A hard link to one of the files made so far.
    Link(prop::sample::Index),
    /// A hard link to a file outside the tree.
    LinkOutside(prop::sample::Index),
    Symlink,
}

/// A path below the root, and what to create there.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    path: Vec<&'static str>,
    what: What,
}

/// Names of homes and of directories above them; no rule applies to these.
const PLAIN: &[&str] = &["a", "b", "200005", "zoe"];

/// Names inside homes, known to rules and unknown.
const NAMES: &[&str] = &[
    "a", "b", ".cache", ".cache", "pip", "mods", "package", "pyc", "core", "venv.cfg", "keep",
    "TAG",
];

/// Makes one entry to create in a tree whose homes are at `depth`.
pub(crate) fn ops(depth: usize) -> impl Strategy<Value = Op> {
    let plain = prop::sample::select(PLAIN);
    let name = prop::sample::select(NAMES);
    let above = prop::collection::vec(plain, depth.min(1)..=depth);
    let below = prop::collection::vec(name, 0..5);
    let what = prop_oneof![
        1 => Just(What::Dir),
        4 => prop::sample::select(&[0, 100, 5000, 70_000][..]).prop_map(What::File),
        4 => any::<prop::sample::Index>().prop_map(What::Link),
        1 => any::<prop::sample::Index>().prop_map(What::LinkOutside),
        1 => Just(What::Symlink),
    ];
    (above, below, what).prop_map(move |(mut path, mut below, what)| {
        if path.len() == depth {
            // No rule applies to a home itself, so no marker file goes directly into one.
            if matches!(below.first(), Some(&"venv.cfg" | &"TAG")) {
                below[0] = "b";
            }
            path.extend(below);
        }
        Op { path, what }
    })
}

/// An entry of a directory.
#[derive(Debug)]
pub(crate) enum Entry {
    Dir(Dir),
    /// Index of the file.
    File(usize),
    Symlink,
}

#[derive(Debug, Default)]
pub(crate) struct Dir {
    pub(crate) entries: BTreeMap<&'static str, Entry>,
    pub(crate) sizes: Sizes,
}

/// `st_size`, allocated bytes, and mtime in seconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) apparent: u64,
    pub(crate) allocated: u64,
    pub(crate) mtime: i64,
}

/// A file, under any of its names.
#[derive(Debug)]
pub(crate) struct File {
    /// Link count, including links outside the tree.
    pub(crate) links: u64,
    pub(crate) sizes: Sizes,
}

#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) root: Dir,
    pub(crate) files: Vec<File>,
    pub(crate) symlink: Sizes,
}

/// Days since files were changed, one of each age.
const AGES: [u64; 5] = [0, 20, 60, 200, 500];

impl Tree {
    /// Creates the tree at `root`, and the files outside that it links to beside it.
    pub(crate) fn grow(root: &Path, ops: &[Op]) -> Self {
        let outside = root.with_extension("outside");
        std::fs::create_dir(root).unwrap();
        std::fs::create_dir(&outside).unwrap();
        let mut tree = Self::default();
        let mut originals = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            let path = root.join(op.path.iter().collect::<std::path::PathBuf>());
            if let What::LinkOutside(index) = &op.what {
                if !originals.is_empty() {
                    let file = index.index(originals.len());
                    std::fs::hard_link(&originals[file], outside.join(at.to_string())).unwrap();
                    tree.files[file].links += 1;
                }
                continue;
            }
            let Some((name, above)) = op.path.split_last() else {
                continue;
            };
            let Some(parent) = tree.root.below(above) else {
                continue;
            };
            if parent.entries.contains_key(name) {
                continue;
            }
            let parent_path = path.parent().unwrap();
            std::fs::create_dir_all(parent_path).unwrap();
            let entry = match &op.what {
                What::Dir => {
                    std::fs::create_dir(&path).unwrap();
                    Entry::Dir(Dir::default())
                }
                What::File(size) => {
                    std::fs::write(&path, vec![b'x'; *size]).unwrap();
                    let age = Duration::from_secs(86_400 * AGES[at % AGES.len()]);
                    let file = std::fs::File::options().write(true).open(&path).unwrap();
                    file.set_modified(SystemTime::now() - age).unwrap();
                    let sizes = Sizes::default();
                    tree.files.push(File { links: 1, sizes });
                    originals.push(path);
                    Entry::File(originals.len() - 1)
                }
                What::Link(index) if !originals.is_empty() => {
                    let file = index.index(originals.len());
                    std::fs::hard_link(&originals[file], &path).unwrap();
                    tree.files[file].links += 1;
                    Entry::File(file)
                }
                What::Symlink => {
                    symlink("a", &path).unwrap();
                    Entry::Symlink
                }
                What::Link(_) | What::LinkOutside(_) => continue,
            };
            parent.entries.insert(name, entry);
        }
        for (file, path) in originals.iter().enumerate() {
            let metadata = path.metadata().unwrap();
            assert_eq!(metadata.nlink(), tree.files[file].links);
            tree.files[file].sizes = Sizes::of(path);
        }
        tree.symlink = {
            let probe = outside.join("symlink");
            symlink("a", &probe).unwrap();
            Sizes::of(&probe)
        };
        tree.root.measure(root);
        tree
    }
}

impl Dir {
    /// Returns the directory at `path`, creating it if missing. `None` if something is in the way.
    fn below(&mut self, path: &[&'static str]) -> Option<&mut Dir> {
        let Some((name, rest)) = path.split_first() else {
            return Some(self);
        };
        let entry = self.entries.entry(name).or_insert_with(|| Entry::Dir(Dir::default()));
        match entry {
            Entry::Dir(dir) => dir.below(rest),
            _ => None,
        }
    }

    fn measure(&mut self, path: &Path) {
        self.sizes = Sizes::of(path);
        for (name, entry) in &mut self.entries {
            if let Entry::Dir(dir) = entry {
                dir.measure(&path.join(name));
            }
        }
    }
}

impl Sizes {
    fn of(path: &Path) -> Self {
        let metadata = path.symlink_metadata().unwrap();
        Self {
            apparent: metadata.len(),
            allocated: metadata.blocks() * 512,
            mtime: metadata.mtime(),
        }
    }
}
