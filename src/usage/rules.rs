//! Rules that assign classes, compiled for matching during the walk.
//!
//! Paths are compiled to a trie of components ([`super::trie`]), so a directory is matched by its
//! own name and the few trie nodes of its parent: one hash look-up for most directories, nothing
//! for most files, and never a comparison of whole paths. If several rules match, the first wins,
//! for an entry and everything below it. So an earlier rule takes its part out of a later one's
//! (`.cache/pip` out of `.cache`).

mod below;
mod data;
mod kept;
mod layers;

use std::io;

use self::below::paths_upwards;
use self::data::{ARCHIVES, BARE_REPOSITORY, DATABASES, WORKING_TREES};
use self::layers::Layers;
use super::class::Class;
use super::owned::Owned;
use super::rule_file::{RuleKind, RuleSpec};
use super::seen::{Extent, Seen};
use super::trie::{Entered, NamePattern, TreeLevel, Trie, expand_braces};

/// Position of a rule in the list; the lower one wins.
pub type RuleIndex = u16;

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique name.
    pub id: String,
    pub class: Class,
    /// True for a rule for files.
    pub of_files: bool,
    /// True for a rule that names a directory worth a look, which counts as [`Class::Rest`].
    pub hint: bool,
    /// The command that deletes a finding; `{path}` stands for the quoted path.
    pub command: Option<String>,
    /// Words for the owner instead of a command.
    pub advice: Option<String>,
    /// A risk or condition of the command or the advice.
    pub note: Option<String>,
    beside: Markers,
    contains: Markers,
    unless_contains: Markers,
    /// The only names that the directory may hold; empty if the rule allows any.
    only_contains: Vec<NamePattern>,
    /// Paths that the tool creates there. If there are others, the command is not offered.
    pub(super) owns: Owned,
    /// Names beside the directory from which it is made.
    pub(super) made_from: Markers,
    /// Ending of the sources among these.
    pub(super) made_of: Endings,
    /// Names in it that only those make again; empty for all.
    pub(super) made: Vec<NamePattern>,
    /// True if `only_contains` names files only.
    flat: bool,
    /// True if the rule applies to large directories without a look at `only_contains`.
    large: bool,
    /// Ending of the files beside the directory from which those in it were made.
    pub(super) sources: Option<Box<[u8]>>,
    /// Directories with these paths rule out a match anywhere below them; the last name first.
    unless_below: Vec<Vec<NamePattern>>,
    /// For file rules: own names, and neighbouring names, that rule out a match.
    unless_named: Vec<NamePattern>,
    unless_beside: Markers,
    starts_with: Option<Box<[u8]>>,
    pathless: bool,
}

/// Set of endings of files that are sources, one bit each.
pub(super) type Endings = u8;

/// Set of marker names, one bit each. A marker is a name in a directory that a rule depends on.
pub(super) type Markers = u64;

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
    pub(super) markers: Vec<Box<[u8]>>,
    /// The bits of [`DATABASES`] and [`ARCHIVES`], of [`WORKING_TREES`] and of [`BARE_REPOSITORY`].
    databases: Markers,
    working_trees: Markers,
    bare_repository: Markers,
    /// By first byte, a bit set of the lengths of the markers that begin with it. It rejects nearly
    /// all names without a comparison.
    marker_gate: Box<[u64; 256]>,
    /// Markers of the form `*.suffix`, without the star, with their bits.
    suffixes: Vec<(usize, Box<[u8]>)>,
    /// Last bytes of the suffixes; they reject most names.
    suffix_gate: Box<[bool; 256]>,
    /// By first byte of a file's name, the smallest size in bytes that a rule for files asks for.
    file_gate: Box<[u64; 256]>,
    /// First bytes of the names of files whose contents a rule compares.
    head_gate: Box<[bool; 256]>,
    pathless: Vec<RuleIndex>,
    layers: Layers,
    /// The endings of [`Rule::sources`].
    source_endings: Vec<Box<[u8]>>,
    /// The endings of [`Rule::made_of`].
    made_of: Vec<Box<[u8]>>,
    /// The markers of [`Rule::made_from`], and those that such rules need beside a directory.
    pub(super) made_from: Markers,
    manifests: Markers,
    /// The markers in what such rules find.
    made_marks: Markers,
}

impl Rules {
    /// Compiles rules in order; the first one that matches wins.
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
            databases: 0,
            working_trees: 0,
            bare_repository: 0,
            marker_gate: Box::new([0; 256]),
            suffixes: Vec::new(),
            suffix_gate: Box::new([false; 256]),
            file_gate: Box::new([u64::MAX; 256]),
            head_gate: Box::new([false; 256]),
            pathless: Vec::new(),
            layers: Layers::new().map_err(|problem| (0, problem))?,
            source_endings: Vec::new(),
            made_of: Vec::new(),
            made_from: 0,
            manifests: 0,
            made_marks: 0,
        };
        let mut bits = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            rules.markers(&names).map_err(|problem| (0, problem))
        };
        let databases = bits(&DATABASES)? | bits(&ARCHIVES)?;
        let working_trees = bits(&WORKING_TREES)?;
        let bare_repository = bits(&BARE_REPOSITORY)?;
        rules = Self { databases, working_trees, bare_repository, ..rules };
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
        let sources = spec.sources.as_ref().map(|ending| ending.as_bytes());
        let rule = Rule {
            id: spec.id.clone(),
            class: spec.class.class(),
            of_files: spec.kind == RuleKind::File,
            hint: spec.class.is_hint(),
            command: spec.command.clone(),
            advice: spec.advice.clone(),
            note: spec.note.clone(),
            beside: self.markers(&spec.beside)?,
            contains: self.markers(&spec.contains)?,
            unless_contains: self.markers(&spec.unless_contains)?,
            only_contains: patterns(&spec.only_contains)?,
            owns: {
                let paths: Vec<_> = spec.owns.iter().flat_map(|path| expand_braces(path)).collect();
                Owned::new(paths.iter().map(String::as_str), &mut |name| {
                    self.markers(&[name.to_owned()])
                })?
            },
            made_from: self.markers(&spec.made_from)?,
            made_of: match sources {
                Some(ending) if !spec.made_from.is_empty() => self.ending(ending)?,
                _ => 0,
            },
            made: patterns(&spec.made)?,
            flat: spec.flat,
            large: spec.large,
            sources: sources.filter(|_| spec.made_from.is_empty()).map(Into::into),
            unless_below: paths_upwards(&spec.unless_below)?,
            unless_named: patterns(&spec.unless_named)?,
            unless_beside: self.markers(&spec.unless_beside)?,
            starts_with: spec.starts_with.as_deref().map(|text| text.as_bytes().into()),
            pathless: spec.paths.is_empty(),
        };
        if let Some(ending) = &rule.sources
            && !self.source_endings.contains(ending)
        {
            self.source_endings.push(ending.clone());
        }
        if rule.made_from != 0 {
            self.made_from |= rule.made_from;
            self.made_marks |= rule.contains;
            self.manifests |= if rule.beside == 0 { rule.made_from } else { rule.beside };
        }
        self.rules.push(rule);
        for path in spec.paths.iter().flat_map(|path| expand_braces(path)) {
            let bad = |error: String| format!("path `{path}`: {error}");
            if spec.kind == RuleKind::File {
                let name = path.strip_prefix("**/").unwrap_or(&path);
                let min_size = spec.min_size()?.unwrap_or(0);
                let name = NamePattern::new(name).map_err(bad)?;
                let first = name.first_byte().map(usize::from);
                for byte in first.map_or(0..=255, |first| first..=first) {
                    self.file_gate[byte] = self.file_gate[byte].min(min_size);
                    self.head_gate[byte] |= spec.starts_with.is_some();
                }
                self.files.push(FileRule { rule: index, min_size, name });
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
                    let bit = self.markers.len();
                    self.markers.push(name.into());
                    if let Some(suffix) = name.strip_prefix(b"*") {
                        self.suffix_gate[usize::from(suffix[suffix.len() - 1])] = true;
                        self.suffixes.push((bit, suffix.into()));
                    } else {
                        self.marker_gate[usize::from(name[0])] |= length_bit(name);
                    }
                    bit
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

    /// Matches the directory `name` below a directory at the trie nodes `parent`.
    pub fn enter(&self, place: TreeLevel, parent: &[u16], name: &[u8]) -> Entered {
        self.paths.enter(place, parent, name)
    }

    /// Finds the first rule that matches a regular file by its name and apparent size.
    #[inline]
    pub fn file(&self, name: &[u8], size: u64) -> Option<RuleIndex> {
        if size < self.file_gate[usize::from(*name.first()?)] {
            return None;
        }
        self.files
            .iter()
            .find(|file| size >= file.min_size && file.name.matches(name))
            .map(|file| file.rule)
    }

    /// Returns the bit of `name` if it is a marker, else 0.
    #[inline]
    pub fn marker(&self, name: &[u8]) -> u64 {
        let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return 0 };
        let mut bits = 0;
        if self.marker_gate[usize::from(first)] & length_bit(name) != 0
            && let Some(bit) = self.markers.iter().position(|marker| **marker == *name)
        {
            bits |= 1 << bit;
        }
        if self.suffix_gate[usize::from(last)] {
            let ends = self.suffixes.iter().filter(|(_, suffix)| name.ends_with(suffix));
            bits |= ends.fold(0, |bits, (bit, _)| bits | 1 << bit);
        }
        bits
    }

    /// Returns the number of leading bytes that a rule compares in a file of this name and size.
    #[inline]
    pub fn head_of(&self, name: &[u8], size: u64) -> u32 {
        if let Some(&first) = name.first()
            && self.head_gate[usize::from(first)]
            && let Some(rule) = self.file(name, size)
            && let Some(bytes) = &self.get(rule).starts_with
        {
            return u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        }
        let marker = self.marker(name);
        if marker == 0 {
            return 0;
        }
        let reads = self.rules.iter().filter(|rule| rule.contains & marker != 0);
        let heads = reads.filter_map(|rule| rule.starts_with.as_ref().map(|bytes| bytes.len()));
        u32::try_from(heads.max().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// True if one of the markers is a suffix, which cannot be looked up.
    pub(super) fn has_suffix(&self, markers: Markers) -> bool {
        self.suffixes.iter().any(|(bit, _)| markers & (1 << bit) != 0)
    }

    /// Lists the markers that are not among `seen`.
    pub fn markers_but(&self, seen: u64) -> impl Iterator<Item = &[u8]> {
        let unseen =
            move |(bit, name): &(usize, &[u8])| seen & (1 << bit) == 0 && !name.starts_with(b"*");
        let names = self.markers.iter().map(|name| &**name).enumerate();
        names.filter(unseen).map(|(_, name)| name)
    }

    /// True if the rule depends on the directory's own contents.
    pub fn looks_inside(&self, index: RuleIndex) -> bool {
        let rule = self.get(index);
        rule.contains | rule.unless_contains != 0 || !rule.only_contains.is_empty()
    }

    /// True if the names beside a directory satisfy the rule.
    ///
    /// # Errors
    /// The error of the probe.
    pub fn beside_holds(&self, index: RuleIndex, seen: &Seen<'_>) -> io::Result<bool> {
        let beside = self.get(index).beside;
        Ok(beside == 0 || seen.first_of(self, beside)?.is_some())
    }

    /// True if a file that a rule matches by name and size also satisfies the rule's other
    /// conditions: the rest of its name, the names beside it and its first bytes. False in a large
    /// directory if the names beside it cannot be known, because a listing may see only part of
    /// them.
    ///
    /// # Errors
    /// The error of the probe.
    pub fn file_holds(&self, index: RuleIndex, name: &[u8], seen: &Seen<'_>) -> io::Result<bool> {
        let rule = self.get(index);
        if rule.unless_named.iter().any(|pattern| pattern.matches(name)) {
            return Ok(false);
        }
        if rule.unless_beside != 0 {
            let suffixes = self.suffixes.iter().fold(0, |bits, (bit, _)| bits | 1 << bit);
            let untold = seen.large && rule.unless_beside & suffixes != 0;
            if untold || seen.first_of(self, rule.unless_beside)?.is_some() {
                return Ok(false);
            }
        }
        match &rule.starts_with {
            Some(bytes) => seen.probe.starts_with(name, bytes),
            None => Ok(true),
        }
    }

    /// Finds the first rule before `current` that depends on a directory's contents and applies to
    /// it. Candidates are the rules `matched` by path and, if `pathless`, those without a path.
    ///
    /// # Errors
    /// The error of the probe.
    pub fn inside(
        &self,
        matched: &[RuleIndex],
        pathless: bool,
        current: Option<RuleIndex>,
        seen: &Seen<'_>,
    ) -> io::Result<Option<RuleIndex>> {
        if seen.markers == 0 && matched.is_empty() && seen.listing == Extent::Whole {
            return Ok(None);
        }
        let pathless = if pathless { &*self.pathless } else { &[] };
        let mut candidates: Vec<_> = matched.iter().chain(pathless).copied().collect();
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
            let has_its_own_only = rule.only_contains.is_empty()
                || seen.holds_only(&rule.only_contains, rule.flat)
                || rule.large && seen.large;
            if !has_its_own_only {
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

fn patterns(names: &[String]) -> Result<Vec<NamePattern>, String> {
    let bad = |name: &str, error: String| format!("`{name}`: {error}");
    let names = names.iter().flat_map(|name| expand_braces(name));
    names.map(|name| NamePattern::new(&name).map_err(|error| bad(&name, error))).collect()
}

fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}
