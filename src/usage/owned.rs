//! Paths that a tool itself creates in a finding's directory, so the finding's command removes
//! nothing else.

use super::rules::RuleIndex;
use super::trie::{ANCHORED, States, TreeLevel, Trie};

/// The names that a tool owns in a directory and below it, from paths such as `README`,
/// `http/[0-9a-f]/**` and `src/*-<digest>/**`.
///
/// A path that ends in `/**` is a directory and everything below it. Any other path is a file, and
/// the names before its last one are directories. So the tool owns a directory only if a path
/// continues below it, and a file only if a path ends there.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    paths: Trie,
    is_empty: bool,
}

/// Ends of a path, stored instead of the rule that a [`Trie`] usually accepts.
const FILE: RuleIndex = 0;
const EVERYTHING: RuleIndex = 1;

impl Owned {
    /// Compiles paths.
    ///
    /// # Errors
    /// A sentence that names the wrong path and the reason.
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut owned = Self { paths: Trie::default(), is_empty: true };
        for path in paths {
            let (names, end) = match path.strip_suffix("/**") {
                Some(names) => (names, EVERYTHING),
                None => (path, FILE),
            };
            owned.paths.insert(names, end).map_err(|error| format!("`{path}`: {error}"))?;
            owned.is_empty = false;
        }
        Ok(owned)
    }

    /// Returns the position of the finding's own directory; `None` if the rule lists no owned
    /// paths.
    pub(super) fn top(&self) -> Option<States> {
        (!self.is_empty).then(|| Box::from([ANCHORED]))
    }

    /// Returns the position of the directory at `names` below the finding's; `None` if the rule
    /// lists no owned paths, or the tool owns everything there.
    pub(super) fn below<'a>(&self, names: impl Iterator<Item = &'a [u8]>) -> Option<States> {
        let mut place = self.top()?;
        for name in names {
            let entered = self.paths.enter(TreeLevel::InHome, &place, name);
            if entered.rules.contains(&EVERYTHING) {
                return None;
            }
            place = entered.states;
        }
        Some(place)
    }

    /// True if the tool owns a file of this name at `place`.
    pub(super) fn has_file(&self, place: &States, name: &[u8]) -> bool {
        self.paths.enter(TreeLevel::InHome, place, name).rules.contains(&FILE)
    }

    /// True if the tool may own a directory of this name at `place`; the directory's own listing
    /// decides.
    pub(super) fn has_dir(&self, place: &States, name: &[u8]) -> bool {
        !self.paths.enter(TreeLevel::InHome, place, name).states.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_owns_its_directories_its_file_and_what_it_says_below() {
        let paths =
            ["README", "http/[0-9a-f]/**", "src/*-<digest>/**", "tmp", "v/cache/lastfailed"];
        let owned = Owned::new(paths.into_iter()).expect("the paths are well formed");
        let below = |path: &str| {
            let names = path.split('/').filter(|name| !name.is_empty());
            owned.below(names.map(str::as_bytes))
        };
        let top = below("").expect("the rule asks at the top");
        assert_eq!(owned.top(), Some(top.clone()));
        for name in ["README", "tmp"] {
            assert!(owned.has_file(&top, name.as_bytes()), "{name}");
        }
        for name in ["http", "src", "v", "thesis.tex"] {
            assert!(!owned.has_file(&top, name.as_bytes()), "{name}");
        }
        for name in ["http", "src", "v", "tmp"] {
            assert!(owned.has_dir(&top, name.as_bytes()), "{name}");
        }
        assert!(!owned.has_dir(&top, b"thesis"));
        // The tool owns everything below.
        let sha = "0123456789abcdef";
        let source = format!("src/index.crates.io-{sha}/serde-1");
        for path in ["http/a", "http/a/b/c", &source] {
            assert_eq!(below(path), None, "{path}");
        }
        // Nothing is below the name of a file.
        for (path, file) in [("http", "x"), ("src/notes", "x"), ("tmp", "x"), ("http/g", "x")] {
            let place = below(path).expect(path);
            assert!(!owned.has_file(&place, file.as_bytes()), "{path}/{file}");
        }
        let cache = below("v/cache").expect("the rule asks there");
        assert!(owned.has_file(&cache, b"lastfailed") && !owned.has_file(&cache, b"mine"));
        let nothing = Owned::new(std::iter::empty()).expect("there is no path");
        assert_eq!(nothing.top(), None);
        assert_eq!(nothing.below([b"x".as_slice()].into_iter()), None);
    }
}
