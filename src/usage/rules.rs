//! Rules that say what is trash, cache and so on, compiled for matching during the walk.
//!
//! Paths are compiled to a trie of components ([`super::trie`]), so a directory is matched by its
//! own name and the few trie nodes that its parent was at: one hash look-up for most directories,
//! nothing for most files, and never a comparison of whole paths. If several rules match, the first
//! wins, for an entry and everything below it. So an earlier rule takes its part out of what a
//! later one claims (`.cache/pip` out of `.cache`).

use std::io;

use super::class::Class;
use super::rule_file::{RuleKind, RuleSpec};
use super::trie::{Entered, NamePattern, TreeLevel, Trie};
use crate::usage::Probe;

/// Position of a rule in the list; the lower one wins.
pub type RuleIndex = u16;

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique name.
    pub id: String,
    pub class: Class,
    /// True for a rule that names a directory worth a look, and counts it as [`Class::Rest`].
    pub hint: bool,
    /// The command that deletes a finding; `{path}` stands for the quoted path.
    pub command: Option<String>,
    /// What the owner does instead, in words.
    pub advice: Option<String>,
    /// A risk or condition of the command or the advice.
    pub note: Option<String>,
    beside: Markers,
    contains: Markers,
    unless_contains: Markers,
    starts_with: Option<Box<[u8]>>,
    pathless: bool,
}

/// A set of marker names, one bit each. A marker is a name in a directory that a rule depends on.
type Markers = u64;

/// A pattern of a rule for files.
#[derive(Clone, Debug)]
struct FileRule {
    rule: RuleIndex,
    min_size: u64,
    name: NamePattern,
}

/// All rules, ready to match.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    paths: Trie,
    files: Vec<FileRule>,
    markers: Vec<Box<[u8]>>,
    /// By first byte, the lengths of the markers that begin with it, as bits. It rejects nearly all
    /// names without comparing them.
    marker_gate: Box<[u64; 256]>,
    pathless: Vec<RuleIndex>,
}

impl Rules {
    /// Compiles rules, the first of which wins.
    ///
    /// # Errors
    /// The position of a bad rule in `specs`, and a sentence that says what is wrong.
    pub fn compile<'a>(
        specs: impl IntoIterator<Item = &'a RuleSpec>,
    ) -> Result<Self, (usize, String)> {
        let mut rules = Self {
            rules: Vec::new(),
            paths: Trie::default(),
            files: Vec::new(),
            markers: Vec::new(),
            marker_gate: Box::new([0; 256]),
            pathless: Vec::new(),
        };
        for (at, spec) in specs.into_iter().enumerate() {
            rules.add(spec).map_err(|problem| (at, problem))?;
        }
        for (index, rule) in (0..).zip(&rules.rules) {
            if rule.pathless {
                rules.pathless.push(index);
            }
        }
        Ok(rules)
    }

    fn add(&mut self, spec: &RuleSpec) -> Result<(), String> {
        let index = RuleIndex::try_from(self.rules.len())
            .map_err(|_| "there are more than 65535 rules".to_owned())?;
        spec.check()?;
        if self.rules.iter().any(|rule| rule.id == spec.id) {
            return Err(format!("id `{}` is taken by an earlier rule", spec.id));
        }
        let rule = Rule {
            id: spec.id.clone(),
            class: spec.class.class(),
            hint: spec.class.is_hint(),
            command: spec.command.clone(),
            advice: spec.advice.clone(),
            note: spec.note.clone(),
            beside: self.markers(&spec.beside)?,
            contains: self.markers(&spec.contains)?,
            unless_contains: self.markers(&spec.unless_contains)?,
            starts_with: spec.starts_with.as_deref().map(|text| text.as_bytes().into()),
            pathless: spec.paths.is_empty(),
        };
        self.rules.push(rule);
        for path in spec.paths.iter().flat_map(|path| expand_braces(path)) {
            let bad = |error: String| format!("path `{path}`: {error}");
            if spec.kind == RuleKind::File {
                let name = path.strip_prefix("**/").unwrap_or(&path);
                self.files.push(FileRule {
                    rule: index,
                    min_size: spec.min_size()?.unwrap_or(0),
                    name: NamePattern::new(name).map_err(bad)?,
                });
            } else {
                self.paths.insert(&path, index).map_err(bad)?;
            }
        }
        Ok(())
    }

    fn markers(&mut self, names: &[String]) -> Result<Markers, String> {
        let mut set = 0;
        for name in names.iter().map(|name| name.as_bytes()) {
            let bit = match self.markers.iter().position(|marker| **marker == *name) {
                Some(bit) => bit,
                None => {
                    self.markers.push(name.into());
                    self.marker_gate[usize::from(name[0])] |= length_bit(name);
                    self.markers.len() - 1
                }
            };
            if bit >= Markers::BITS as usize {
                return Err("rules name more than 64 marker files together".to_owned());
            }
            set |= 1 << bit;
        }
        Ok(set)
    }

    pub fn get(&self, index: RuleIndex) -> &Rule {
        &self.rules[usize::from(index)]
    }

    /// Matches the directory `name` below one that is at the trie nodes `parent`.
    pub fn enter(&self, place: TreeLevel, parent: &[u16], name: &[u8]) -> Entered {
        self.paths.enter(place, parent, name)
    }

    /// Finds the first rule that matches a regular file by its name and apparent size.
    #[inline]
    pub fn file(&self, name: &[u8], size: u64) -> Option<RuleIndex> {
        self.files
            .iter()
            .find(|file| size >= file.min_size && file.name.matches(name))
            .map(|file| file.rule)
    }

    /// Returns the bit of `name` if it is a marker, else 0.
    #[inline]
    pub fn marker(&self, name: &[u8]) -> u64 {
        let Some(&first) = name.first() else { return 0 };
        if self.marker_gate[usize::from(first)] & length_bit(name) == 0 {
            return 0;
        }
        match self.markers.iter().position(|marker| **marker == *name) {
            Some(bit) => 1 << bit,
            None => 0,
        }
    }

    /// Returns how many bytes at the start of a file of that name a rule compares.
    #[inline]
    pub fn head_of(&self, name: &[u8]) -> u32 {
        let marker = self.marker(name);
        if marker == 0 {
            return 0;
        }
        let reads = self.rules.iter().filter(|rule| rule.contains & marker != 0);
        let heads = reads.filter_map(|rule| rule.starts_with.as_ref().map(|bytes| bytes.len()));
        u32::try_from(heads.max().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Lists the markers that are not among `seen`.
    pub fn markers_but(&self, seen: u64) -> impl Iterator<Item = &[u8]> {
        let unseen = move |(bit, _): &(usize, _)| seen & (1 << bit) == 0;
        self.markers.iter().enumerate().filter(unseen).map(|(_, name)| &**name)
    }

    /// True if the rule depends on the directory's own contents.
    pub fn looks_inside(&self, index: RuleIndex) -> bool {
        let rule = self.get(index);
        rule.contains | rule.unless_contains != 0
    }

    /// True if the names beside a directory let the rule apply to it.
    ///
    /// # Errors
    /// What the probe answered.
    pub fn beside_holds(&self, index: RuleIndex, seen: &Seen<'_>) -> io::Result<bool> {
        let beside = self.get(index).beside;
        Ok(beside == 0 || seen.first_of(self, beside)?.is_some())
    }

    /// Finds the first rule before `current` that depends on a directory's contents and applies to
    /// it. Candidates are the rules `matched` by path and those without a path.
    ///
    /// # Errors
    /// What the probe answered.
    pub fn inside(
        &self,
        matched: &[RuleIndex],
        current: Option<RuleIndex>,
        seen: &Seen<'_>,
    ) -> io::Result<Option<RuleIndex>> {
        if seen.markers == 0 && matched.is_empty() && seen.listing == Extent::Whole {
            return Ok(None);
        }
        let mut candidates: Vec<_> = matched.iter().chain(&self.pathless).copied().collect();
        candidates.sort_unstable();
        for index in candidates {
            if current.is_some_and(|current| current <= index) {
                break;
            }
            let rule = self.get(index);
            let found = match rule.contains {
                0 => None,
                contains => match seen.first_of(self, contains)? {
                    Some(marker) => Some(marker),
                    None => continue,
                },
            };
            if seen.first_of(self, rule.unless_contains)?.is_some() {
                continue;
            }
            if let (Some(marker), Some(bytes)) = (found, &rule.starts_with)
                && !seen.probe.starts_with(&self.markers[marker], bytes)?
            {
                continue;
            }
            return Ok(Some(index));
        }
        Ok(None)
    }
}

/// The markers that a listing has seen so far, and a way to ask for the others.
pub struct Seen<'a> {
    /// One bit each.
    pub markers: u64,
    pub listing: Extent,
    pub probe: &'a dyn Probe,
}

/// How much of a directory a listing has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// More may come.
    Partly,
}

impl Seen<'_> {
    /// Finds the first marker of `wanted` that the directory holds.
    fn first_of(&self, rules: &Rules, wanted: Markers) -> io::Result<Option<usize>> {
        for bit in (0..rules.markers.len()).filter(|bit| wanted & (1 << bit) != 0) {
            if self.markers & (1 << bit) != 0
                || self.listing == Extent::Partly && self.probe.exists(&rules.markers[bit])?
            {
                return Ok(Some(bit));
            }
        }
        Ok(None)
    }
}

fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// Expands `a/{b,c}/d` to `a/b/d` and `a/c/d`, so that alternatives stay literal look-ups.
fn expand_braces(path: &str) -> Vec<String> {
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
