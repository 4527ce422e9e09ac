//! Paths that a tool itself creates in a finding's directory, so the finding's command removes
//! nothing else.

use super::rules::RuleIndex;
use super::trie::{ANCHORED, States, TreeLevel, Trie};

/// The names that a tool owns in a directory and below it, from paths such as `README`,
/// `http/[0-9a-f]/**` and `src/*-<digest>/**`.
///
/// A path that ends in `/**` is a directory and everything below it. Any other path is a file, and
/// the names before its last one are directories. `<linked>` as the last name matches any file with
/// several hard links. So the tool owns a directory only if a path continues below it, and a file only
/// if a path ends there.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    paths: Trie,
    is_empty: bool,
}

/// Ends of a path, stored instead of the rule that a [`Trie`] usually accepts.
const FILE: RuleIndex = 0;
const EVERYTHING: RuleIndex = 1;
const LINKED_FILE: RuleIndex = 2;

impl Owned {
    /// Compiles paths.
    ///
    /// # Errors
    /// A sentence that names the wrong path and the reason.
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut owned = Self { paths: Trie::default(), is_empty: true };
        for path in paths {
            let (names, end) = match path.strip_suffix("<linked>") {
                Some(directory) => (&*format!("{directory}*"), LINKED_FILE),
                None => match path.strip_suffix("/**") {
                    Some(directory) => (directory, EVERYTHING),
                    None => (path, FILE),
                },
            };
            owned.paths.insert(names, end).map_err(|error| format!("`{path}`: {error}"))?;
            owned.is_empty = false;
        }
        Ok(owned)
    }

    /// Returns the position of the finding's own directory; `None` if the rule lists no owned
    /// paths.
    pub(super) fn top(&self) -> Option<&'static [u16]> {
        (!self.is_empty).then_some(&[ANCHORED])
    }

    /// Returns the position of the directory `name` in the directory at `place`; `None` if the tool
    /// owns everything in it.
    pub(super) fn below(&self, place: &[u16], name: &[u8]) -> Option<States> {
        let entered = self.paths.enter(TreeLevel::InHome, place, name);
        (!entered.rules.contains(&EVERYTHING)).then_some(entered.states)
    }

    /// True if the tool owns a file of this name with `links` hard links at `place`.
    pub(super) fn has_file(&self, place: &[u16], name: &[u8], links: u32) -> bool {
        let is_file = |end: &RuleIndex| *end == FILE || links > 1 && *end == LINKED_FILE;
        self.paths.ends(place, name).flatten().any(is_file)
    }

    /// True if the tool may own a directory of this name at `place`; the directory's own listing
    /// decides.
    pub(super) fn has_dir(&self, place: &[u16], name: &[u8]) -> bool {
        // The pattern for linked files matches a directory, too.
        self.paths.ends(place, name).any(|ends| *ends != [LINKED_FILE])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_owns_its_directories_its_file_and_what_it_says_below() {
        let paths = [
            "README",
            "http/[0-9a-f]/**",
            "src/*-<digest>/**",
            "tmp",
            "v/cache/lastfailed",
            "debug/<linked>",
        ];
        let owned = Owned::new(paths.into_iter()).expect("the paths are well formed");
        let top = owned.top().expect("the rule asks at the top");
        let below = |path: &str| {
            let enter = |place: States, name: &str| owned.below(&place, name.as_bytes());
            path.split('/').try_fold(States::from(top), enter)
        };
        for name in ["README", "tmp"] {
            assert!(owned.has_file(top, name.as_bytes(), 1), "{name}");
        }
        for name in ["http", "src", "v", "thesis.tex"] {
            assert!(!owned.has_file(top, name.as_bytes(), 1), "{name}");
        }
        for name in ["http", "src", "v", "tmp"] {
            assert!(owned.has_dir(top, name.as_bytes()), "{name}");
        }
        assert!(!owned.has_dir(top, b"thesis"));
        // Everything below is the tool's.
        let sha = "0123456789abcdef";
        let source = format!("src/index.crates.io-{sha}");
        for path in ["http/a", &source] {
            assert_eq!(below(path), None, "{path}");
        }
        // Nothing is below the name of a file.
        for (path, file) in [("http", "x"), ("src/notes", "x"), ("tmp", "x"), ("http/g", "x")] {
            let place = below(path).expect(path);
            assert!(!owned.has_file(&place, file.as_bytes(), 1), "{path}/{file}");
        }
        let cache = below("v/cache").expect("the rule asks there");
        assert!(owned.has_file(&cache, b"lastfailed", 1) && !owned.has_file(&cache, b"mine", 1));
        let debug = below("debug").expect("the rule asks there");
        assert!(owned.has_file(&debug, b"program", 2) && !owned.has_file(&debug, b"results", 1));
        assert!(!owned.has_dir(&debug, b"results"));
        let nothing = Owned::new(std::iter::empty()).expect("there is no path");
        assert_eq!(nothing.top(), None);
    }
}
