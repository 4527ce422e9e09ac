//! Trie of the rules' paths, component by component.
//!
//! It has two roots: one for paths relative to a home, one for paths that match anywhere. A
//! directory stores its nodes, usually none. The nodes of a child follow from these and from the
//! child's name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use globset::{Glob, GlobMatcher};
use hashbrown::HashMap;

use super::rules::RuleIndex;

/// The trie nodes of a directory.
pub(super) type States = Box<[u16]>;

pub(super) const ANCHORED: u16 = 0;
const ANYWHERE: u16 = 1;

/// One component of a path.
#[derive(Clone, Debug)]
pub(super) enum NamePattern {
    Literal(Box<[u8]>),
    /// `START*` and `*END`, which need no regular expression.
    Start(Box<[u8]>),
    End(Box<[u8]>),
    /// Compiled when a name is first compared with it, because most scans meet few of the globs.
    Glob {
        first: Option<u8>,
        glob: Glob,
        matcher: OnceLock<GlobMatcher>,
    },
    /// Literal text with numbers and digests that a program inserts: `core.<number>`. With `star`,
    /// the name may begin with anything; with `ending`, it ends with a dot and anything.
    Parts {
        star: bool,
        ending: bool,
        parts: Box<[Part]>,
    },
}

/// The longest glob for a name, in bytes. A name has at most 255, and a class of characters may take some ten
/// for each. Globs of this length stay far below what globset can compile.
const LONGEST_GLOB: usize = 4096;

/// A part of [`NamePattern::Parts`].
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Box<[u8]>),
    Number,
    Digest,
    Word,
}

/// Spellings of the parts of a name that are not literal text.
pub(super) const PLACEHOLDERS: [(&str, Part); 3] =
    [("<number>", Part::Number), ("<digest>", Part::Digest), ("<word>", Part::Word)];

impl NamePattern {
    pub(super) fn new(component: &str) -> Result<Self, String> {
        if PLACEHOLDERS.iter().any(|(spelled, _)| component.contains(spelled)) {
            let (star, rest) = match component.strip_prefix('*') {
                Some(rest) => (true, rest),
                None => (false, component),
            };
            let (ending, rest) = match rest.strip_suffix(".*") {
                Some(rest) => (true, rest),
                None => (false, rest),
            };
            return Ok(Self::Parts { star, ending, parts: parts(rest)? });
        }
        if !component.contains(['*', '?', '[', '\\']) {
            return Ok(Self::Literal(component.as_bytes().into()));
        }
        let plain = |text: &&str| !text.contains(['*', '?', '[', '\\', '{']);
        if let Some(end) = component.strip_prefix('*').filter(plain) {
            return Ok(Self::End(end.as_bytes().into()));
        }
        if let Some(start) = component.strip_suffix('*').filter(plain) {
            return Ok(Self::Start(start.as_bytes().into()));
        }
        if component.len() > LONGEST_GLOB {
            return Err(format!("a glob has at most {LONGEST_GLOB} bytes"));
        }
        let glob = globset::GlobBuilder::new(component)
            .literal_separator(true)
            .build()
            .map_err(|error| error.to_string())?;
        let first = component.bytes().next().filter(|b| !b"*?[\\".contains(b));
        Ok(Self::Glob { first, glob, matcher: OnceLock::new() })
    }

    /// Returns the byte that every matching name begins with, if there is one.
    #[inline]
    pub(super) fn first_byte(&self) -> Option<u8> {
        match self {
            Self::Literal(text) | Self::Start(text) => text.first().copied(),
            Self::Glob { first, .. } => *first,
            Self::Parts { star: false, parts, .. } => match parts.first() {
                Some(Part::Text(text)) => text.first().copied(),
                _ => None,
            },
            Self::End(_) | Self::Parts { .. } => None,
        }
    }

    #[inline]
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        // One byte rejects nearly every name without a call.
        let may_match = match self {
            Self::End(text) => text.last().is_none_or(|last| name.last() == Some(last)),
            _ => self.first_byte().is_none_or(|first| name.first() == Some(&first)),
        };
        may_match && self.matches_all(name)
    }

    fn matches_all(&self, name: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => **literal == *name,
            Self::Start(start) => name.starts_with(start),
            Self::End(end) => name.ends_with(end),
            Self::Parts { star, ending, parts } => {
                // Most names end otherwise.
                if let (false, Some(Part::Text(end))) = (*ending, parts.last())
                    && !name.ends_with(end)
                {
                    return false;
                }
                let is_all = |name| {
                    let rest = parts.iter().try_fold(name, |rest, part| part.strip(rest));
                    rest.is_some_and(|rest: &[u8]| match ending {
                        true => rest.starts_with(b"."),
                        false => rest.is_empty(),
                    })
                };
                match star {
                    false => is_all(name),
                    true => (0..name.len()).any(|start| is_all(&name[start..])),
                }
            }
            Self::Glob { glob, matcher, .. } => matcher
                .get_or_init(|| glob.compile_matcher())
                .is_match(Path::new(OsStr::from_bytes(name))),
        }
    }
}

impl Part {
    /// Strips the part from the beginning of `name`, all digits if it is a number. Returns the
    /// rest.
    fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let is_part = match self {
            Self::Text(text) => return name.strip_prefix(&**text),
            Self::Number => u8::is_ascii_digit,
            Self::Digest => u8::is_ascii_alphanumeric,
            Self::Word => |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte),
        };
        let (part, rest) = name.split_at(name.iter().take_while(|byte| is_part(byte)).count());
        let holds = if matches!(self, Self::Digest) { is_digest(part) } else { !part.is_empty() };
        holds.then_some(rest)
    }
}

/// Parses a component that contains placeholders.
fn parts(component: &str) -> Result<Box<[Part]>, String> {
    let mut parts = Vec::new();
    let mut rest = component;
    while !rest.is_empty() {
        let found = PLACEHOLDERS.iter().find_map(|(spelled, part)| {
            rest.strip_prefix(spelled).map(|after| (part.clone(), after))
        });
        let (part, after) = found.unwrap_or_else(|| {
            let next = PLACEHOLDERS.iter().filter_map(|(spelled, _)| rest.find(spelled)).min();
            let (text, after) = rest.split_at(next.unwrap_or(rest.len()));
            (Part::Text(text.as_bytes().into()), after)
        });
        if matches!(&part, Part::Text(text) if text.iter().any(|byte| b"*?[\\".contains(byte))) {
            return Err(
                "<number>, <digest> and <word> go together with one * at the beginning and .* at \
                 the end, and not with ? or ["
                    .to_owned(),
            );
        }
        parts.push(part);
        rest = after;
    }
    Ok(parts.into())
}

/// True for a name that a program computed from contents: many digits of one base and nothing else.
/// Letters alone may be a word, and decimal digits alone a date, unless the year would be neither of this
/// century nor of the last one.
fn is_digest(name: &[u8]) -> bool {
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let base32 = |byte: &u8| matches!(byte, b'2'..=b'7' | b'A'..=b'Z');
    let letters = name.iter().any(u8::is_ascii_alphabetic);
    let digits = name.iter().any(u8::is_ascii_digit);
    let may_be_date = name.starts_with(b"19") || name.starts_with(b"20");
    (letters || !may_be_date)
        && digits
        && (name.len() >= 16 && name.iter().all(hexadecimal)
            || name.len() >= 26 && name.iter().all(base32))
}

/// The paths of all rules.
#[derive(Clone, Debug)]
pub(super) struct Trie {
    nodes: Vec<TrieNode>,
}

#[derive(Clone, Debug, Default)]
struct TrieNode {
    literals: HashMap<Box<[u8]>, u16>,
    globs: Vec<(NamePattern, u16)>,
    accepts: Vec<RuleIndex>,
}

/// Result of matching a directory.
#[derive(Debug, Default)]
pub struct Entered {
    /// The trie nodes of the directory.
    pub states: States,
    /// Rules whose path matches, in order.
    pub rules: Vec<RuleIndex>,
}

/// Level of a directory in the tree. It decides which rules can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeLevel {
    /// Above the homes: only rules that match anywhere.
    AboveHomes,
    /// A home. Relative paths begin here.
    Home,
    /// Below a home.
    InHome,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![TrieNode::default(), TrieNode::default()] }
    }
}

impl Trie {
    /// Adds a path: relative to a home, or at any depth if it begins with `**/`.
    ///
    /// # Errors
    /// If a component is not a valid glob, or there are too many.
    pub(super) fn insert(&mut self, path: &str, rule: RuleIndex) -> Result<(), String> {
        let (mut node, rest) = match path.strip_prefix("**/") {
            Some(rest) => (ANYWHERE, rest),
            None => (ANCHORED, path),
        };
        for component in rest.split('/') {
            node = self.child(node, NamePattern::new(component)?)?;
        }
        self.nodes[usize::from(node)].accepts.push(rule);
        Ok(())
    }

    /// Returns the number of the next node.
    fn fresh(&self) -> Result<u16, String> {
        u16::try_from(self.nodes.len())
            .map_err(|_| "the rules' paths have more than 65,535 components".to_owned())
    }

    fn child(&mut self, node: u16, name: NamePattern) -> Result<u16, String> {
        let fresh = self.fresh()?;
        let node = &mut self.nodes[usize::from(node)];
        let child = match name {
            NamePattern::Literal(literal) => *node.literals.entry(literal).or_insert(fresh),
            glob => {
                node.globs.push((glob, fresh));
                fresh
            }
        };
        if child == fresh {
            self.nodes.push(TrieNode::default());
        }
        Ok(child)
    }

    /// Adds a node below `node`, which no other path shares.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn extend(&mut self, node: u16, name: NamePattern) -> Result<u16, String> {
        let fresh = self.fresh()?;
        match name {
            NamePattern::Literal(literal)
                if !self.nodes[usize::from(node)].literals.contains_key(&literal) =>
            {
                self.nodes[usize::from(node)].literals.insert(literal, fresh);
            }
            other => self.nodes[usize::from(node)].globs.push((other, fresh)),
        }
        self.nodes.push(TrieNode::default());
        Ok(fresh)
    }

    /// Ends a path at a node.
    pub(super) fn accept(&mut self, node: u16, end: RuleIndex) {
        self.nodes[usize::from(node)].accepts.push(end);
    }

    /// Returns how paths end at a node.
    pub(super) fn accepts(&self, node: u16) -> &[RuleIndex] {
        &self.nodes[usize::from(node)].accepts
    }

    /// Iterates over the nodes to which `name` leads from a node.
    pub(super) fn next<'a>(&'a self, node: u16, name: &'a [u8]) -> impl Iterator<Item = u16> + 'a {
        let node = &self.nodes[usize::from(node)];
        let globs = node.globs.iter().filter(move |(glob, _)| glob.matches(name));
        node.literals.get(name).copied().into_iter().chain(globs.map(|(_, next)| *next))
    }

    /// Matches the directory `name` below a directory at the nodes `parent`.
    pub(super) fn enter(&self, place: TreeLevel, parent: &[u16], name: &[u8]) -> Entered {
        let mut states: Vec<u16> = Vec::new();
        let parent = if place == TreeLevel::InHome { parent } else { &[] };
        for node in [ANYWHERE].iter().chain(parent) {
            let node = &self.nodes[usize::from(*node)];
            states.extend(node.literals.get(name));
            let globs = node.globs.iter().filter(|(glob, _)| glob.matches(name));
            states.extend(globs.map(|(_, next)| *next));
        }
        if place == TreeLevel::Home {
            states.push(ANCHORED);
        }
        let accepts = |state: &u16| self.nodes[usize::from(*state)].accepts.iter().copied();
        let mut rules: Vec<RuleIndex> = states.iter().flat_map(accepts).collect();
        rules.sort_unstable();
        rules.dedup();
        Entered { states: states.into(), rules }
    }
}

/// Expands `a/{b,c}/d` to `a/b/d` and `a/c/d`, so that alternatives stay literal look-ups.
pub(super) fn expand_braces(path: &str) -> Vec<String> {
    if let Some((before, rest)) = path.split_once('{')
        && let Some((choices, after)) = rest.split_once('}')
    {
        return choices
            .split(',')
            .flat_map(|choice| expand_braces(&format!("{before}{choice}{after}")))
            .collect();
    }
    vec![path.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_digests_are_whole_parts_of_a_name() {
        let sha = "0123456789abcdef0123";
        for (pattern, names, others) in [
            (
                "core.<number>",
                vec!["core.1".to_owned(), "core.12345678".to_owned()],
                vec!["core.", "core.1x", "core.x1"],
            ),
            ("<number>.<number>", vec!["3.11".to_owned()], vec!["3", "3.", "3.11-notes", "3.11.1"]),
            (
                "<digest>.cubin",
                vec![format!("{sha}.cubin")],
                vec!["thesis.cubin", ".cubin", "20240131202401312024.cubin"],
            ),
            (
                "py<number>_cu<number>",
                vec!["py311_cu121".to_owned()],
                vec!["py_cu121", "py311_cu121-mine"],
            ),
            (
                "*-<digest>",
                vec![format!("index.crates.io-{sha}"), format!("a-b-{sha}")],
                vec!["mynotes", "notes-mine", sha],
            ),
            (
                "*-<digest>.*",
                vec![format!("libp-{sha}.rlib"), format!("a-{sha}.p.0-cgu.0.rcgu.o")],
                vec!["p-mine.rlib", "p-0123456789abcdef", "0123456789abcdef.d"],
            ),
            ("lib<word>.so", vec!["libx_y-1.so".to_owned()], vec!["lib.so", "libx.1.so", "x.so"]),
            ("Stable-<digest>", vec![format!("Stable-{sha}")], vec!["Stable-", "Stable-mine"]),
        ] {
            let pattern = NamePattern::new(pattern).expect("the pattern is well formed");
            assert!(names.iter().all(|name| pattern.matches(name.as_bytes())), "{pattern:?}");
            assert!(!others.iter().any(|name| pattern.matches(name.as_bytes())), "{pattern:?}");
        }
        assert!(NamePattern::new("core.<number>*").is_err());
    }

    #[test]
    fn the_longest_glob_can_be_compiled() {
        for longest in [
            "?".repeat(LONGEST_GLOB),
            "[!ä]".repeat(LONGEST_GLOB / 5),
            "*a".repeat(LONGEST_GLOB / 2),
        ] {
            let pattern = NamePattern::new(&longest).expect("it is short enough");
            assert!(!pattern.matches(b"short"));
        }
        assert!(NamePattern::new(&"?".repeat(LONGEST_GLOB + 1)).is_err());
    }
}
