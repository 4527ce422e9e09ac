//! Paths that a tool itself creates in a finding's directory, so the finding's command removes
//! nothing else.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::rules::{Markers, RuleIndex, Rules};
use super::seen::Seen;
use super::trie::{ANCHORED, NamePattern, States, Trie};

/// The names that a tool owns in a directory and below it, from paths such as `README`,
/// `http/[0-9a-f]/**` and `src/*-<digest>/**`.
///
/// A path that ends in `/**` is a directory and everything below it. Any other path is a file, and
/// the names before its last one are directories. `<linked>` as the last name matches any file with
/// several hard links, `NAME<linked>` such a file of this name, and `NAME+.d` a file with another one
/// beside it that is called the same and `.d`. So the tool owns a directory only if a path continues below it, and a file only if a path
/// ends there.
///
/// A directory `NAME:MARKER` must directly contain the marker, and `NAME:!MARKER` must not; the first
/// name of a path may be `.`, the finding's directory. In `a/**/b`, any number of directories of any
/// name may be between `a` and `b`.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    paths: Trie,
    /// The nodes of the finding's directory, one for each condition; empty if there is no path.
    top: Vec<u16>,
    /// The different conditions of directories.
    conditions: Vec<Condition>,
    /// The condition of each directory that has one, by its node.
    conditional: HashMap<u16, ConditionSet>,
    /// The ends that `NAME+END` adds to the name, by node.
    companions: HashMap<u16, Box<[u8]>>,
    /// The nodes of `**` in the middle of a path, by that of the directory before it.
    any_depth: HashMap<u16, u16>,
}

/// A condition of a directory: it contains a marker, or it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    marker: Markers,
    is_present: bool,
}

/// A set of conditions, of which one must hold. The first bit is one that always holds, the others
/// are those of [`Owned::conditions`].
pub(super) type ConditionSet = u8;

/// The condition that always holds.
const ALWAYS: ConditionSet = 1;

/// Ends of a path, stored instead of the rule that a [`Trie`] usually accepts.
const FILE: RuleIndex = 0;
const EVERYTHING: RuleIndex = 1;
const LINKED_FILE: RuleIndex = 2;
const ACCOMPANIED_FILE: RuleIndex = 3;

/// The answer for one name: the tool owns it if one of `conditions` holds, or if one of
/// `accompanied` does and the file with the name and `ending` is beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ownership<'a> {
    conditions: ConditionSet,
    accompanied: ConditionSet,
    ending: &'a [u8],
}

/// A listing's knowledge of the names in it so far.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnedNames {
    /// True if the tool does not own one of the names.
    has_foreign: bool,
    /// Names that the tool owns under a condition, each condition once.
    conditional: Vec<ConditionSet>,
    /// Names that need a companion, with the conditions under which they do, and without.
    accompanied: Vec<(ConditionSet, ConditionSet, Box<[u8]>)>,
    /// Names that have the ending of a companion, but are no files with contents.
    no_companions: HashSet<Box<[u8]>>,
}

/// Number of names that may wait for a companion. No tool's directory has more.
const MOST_ACCOMPANIED: usize = 1000;

impl OwnedNames {
    /// True if the answer for further names decides nothing.
    #[inline]
    pub(super) fn is_decided(&self) -> bool {
        self.has_foreign
    }

    /// Adds a name.
    pub(super) fn add(&mut self, name: &[u8], ownership: Ownership<'_>) {
        let Ownership { conditions, accompanied, ending } = ownership;
        if conditions & ALWAYS != 0 {
            return;
        }
        if accompanied != 0 && self.accompanied.len() < MOST_ACCOMPANIED {
            self.accompanied.push((conditions, accompanied, [name, ending].concat().into()));
        } else if conditions == 0 {
            self.has_foreign = true;
        } else if !self.conditional.contains(&conditions) {
            self.conditional.push(conditions);
        }
    }

    /// Adds a name that has the ending of a companion, but is no file with contents.
    pub(super) fn add_no_companion(&mut self, name: &[u8]) {
        match self.no_companions.len() < MOST_ACCOMPANIED {
            true => _ = self.no_companions.insert(name.into()),
            false => self.has_foreign = true,
        }
    }

    /// True if the tool does not own one of the names, given the conditions that hold and all names
    /// of the directory, each followed by a slash.
    pub(super) fn are_foreign(&self, holds: ConditionSet, names: Option<&[u8]>) -> bool {
        if self.has_foreign || self.conditional.iter().any(|any| any & holds == 0) {
            return true;
        }
        if self.accompanied.is_empty() {
            return false;
        }
        let names = names.unwrap_or_default().split(|byte| *byte == b'/');
        let names: HashSet<&[u8]> = names.collect();
        self.accompanied.iter().any(|(alone, accompanied, companion)| {
            let has_companion =
                || names.contains(&companion[..]) && !self.no_companions.contains(&companion[..]);
            alone & holds == 0 && (accompanied & holds == 0 || !has_companion())
        })
    }
}

impl Owned {
    /// Compiles paths. `marker` returns the bit of a name.
    ///
    /// # Errors
    /// A sentence that names the wrong path and the reason.
    pub(super) fn new<'a>(
        paths: impl Iterator<Item = &'a str>,
        marker: &mut dyn FnMut(&str) -> Result<Markers, String>,
    ) -> Result<Self, String> {
        let mut owned = Self::default();
        let mut nodes = HashMap::new();
        for path in paths {
            owned.add(path, marker, &mut nodes).map_err(|error| format!("`{path}`: {error}"))?;
        }
        if !nodes.is_empty() {
            owned.top.insert(0, ANCHORED);
        }
        Ok(owned)
    }

    /// Adds a path. `nodes` has the node of each name below a node.
    fn add<'a>(
        &mut self,
        path: &'a str,
        marker: &mut dyn FnMut(&str) -> Result<Markers, String>,
        nodes: &mut HashMap<(u16, &'a str), u16>,
    ) -> Result<(), String> {
        let (names, mut end) = match path.strip_suffix("/**") {
            Some(directory) => (directory, EVERYTHING),
            None => (path, FILE),
        };
        let last = names.rsplit('/').next().unwrap_or(names);
        let mut node = ANCHORED;
        for name in names.split('/') {
            if name == "**" {
                node = self.any_depth(node)?;
                continue;
            }
            let is_file = end == FILE && std::ptr::eq(name, last);
            let (pattern, condition, ending) = match (name.split_once(':'), name.rsplit_once('+')) {
                (Some((pattern, condition)), _) if !is_file => (pattern, Some(condition), None),
                (None, Some((pattern, ending))) if is_file => (pattern, None, Some(ending)),
                (None, None) => (name, None, None),
                _ => {
                    return Err(format!(
                        "`{name}`: `:MARKER` is for directories, `+END` for files"
                    ));
                }
            };
            let linked = pattern.strip_suffix("<linked>").filter(|_| is_file);
            let pattern = match linked {
                Some("") => "*",
                Some(name) => name,
                None => pattern,
            };
            node = match nodes.entry((node, name)) {
                Entry::Occupied(node) => *node.get(),
                Entry::Vacant(entry) if pattern == "." => {
                    let top = no_name_leads_to(&mut self.paths, node)?;
                    self.top.push(top);
                    *entry.insert(top)
                }
                Entry::Vacant(entry) => {
                    *entry.insert(self.paths.extend(node, NamePattern::new(pattern)?)?)
                }
            };
            if let Some(condition) = condition {
                let condition = self.condition(condition, marker)?;
                self.conditional.insert(node, condition);
            }
            if let Some(ending) = ending {
                self.companions.insert(node, ending.as_bytes().into());
                end = ACCOMPANIED_FILE;
            } else if linked.is_some() {
                end = LINKED_FILE;
            }
        }
        self.paths.accept(node, end);
        Ok(())
    }

    /// Returns the node of `**` below the directory `node`. It leads to itself.
    fn any_depth(&mut self, node: u16) -> Result<u16, String> {
        if self.conditional.contains_key(&node) {
            return Err("`**` may not follow a directory with a condition".to_owned());
        }
        if let Some(any) = self.any_depth.get(&node) {
            return Ok(*any);
        }
        let any = no_name_leads_to(&mut self.paths, node)?;
        self.any_depth.insert(node, any);
        Ok(any)
    }

    /// Returns the set of one condition, `MARKER` or `!MARKER`.
    fn condition(
        &mut self,
        text: &str,
        marker: &mut dyn FnMut(&str) -> Result<Markers, String>,
    ) -> Result<ConditionSet, String> {
        let (name, is_present) = match text.strip_prefix('!') {
            Some(name) => (name, false),
            None => (text, true),
        };
        let plain = name.strip_prefix('*').filter(|_| is_present).unwrap_or(name);
        if plain.is_empty() || plain.contains(['*', '?', '[', '{', '<', ':', '!']) {
            return Err(format!("`{text}` must be `NAME`, `*.suffix` or `!NAME`"));
        }
        let condition = Condition { marker: marker(name)?, is_present };
        let known = self.conditions.iter().position(|other| *other == condition);
        let at = known.unwrap_or_else(|| {
            self.conditions.push(condition);
            self.conditions.len() - 1
        });
        match at + 1 < ConditionSet::BITS as usize {
            true => Ok(ALWAYS << (at + 1)),
            false => Err("the rule has more than seven conditions".to_owned()),
        }
    }

    /// Returns the conditions of `place` that hold in a directory. One that cannot be known does not.
    pub(super) fn holding(&self, place: &[u16], rules: &Rules, seen: &Seen<'_>) -> ConditionSet {
        let asked = place.iter().fold(0, |set, node| set | self.condition_of(*node));
        let holds = |condition: &Condition| {
            // The parts of a large directory must agree, and names are looked up only in full.
            let is_known = !seen.large || !rules.has_suffix(condition.marker);
            let found = seen.first_of(rules, condition.marker);
            is_known && found.is_ok_and(|found| found.is_some() == condition.is_present)
        };
        let bits = (1..).map(|at| ALWAYS << at).zip(&self.conditions);
        let holding = bits.filter(|(bit, condition)| asked & bit != 0 && holds(condition));
        holding.fold(ALWAYS, |set, (bit, _)| set | bit)
    }

    /// True if the names beside a file decide.
    pub(super) fn asks_for_companions(&self) -> bool {
        !self.companions.is_empty()
    }

    /// True if the name has the ending of a companion.
    pub(super) fn may_be_companion(&self, name: &[u8]) -> bool {
        self.companions.values().any(|ending| name.ends_with(ending))
    }

    /// Returns the position of the finding's own directory; `None` if the rule lists no owned
    /// paths.
    pub(super) fn top(&self) -> Option<&[u16]> {
        (!self.top.is_empty()).then_some(&self.top)
    }

    /// Returns the condition of the directory at a node.
    fn condition_of(&self, node: u16) -> ConditionSet {
        // Most rules have none.
        if self.conditional.is_empty() {
            return ALWAYS;
        }
        self.conditional.get(&node).copied().unwrap_or(ALWAYS)
    }

    /// Returns the position of the directory `name` in the directory at `place`, in which the
    /// conditions `holding` hold; `None` if the tool owns everything in it.
    pub(super) fn below(
        &self,
        place: &[u16],
        name: &[u8],
        holding: ConditionSet,
    ) -> Option<States> {
        let mut states = Vec::new();
        for node in place.iter().copied().filter(|node| self.condition_of(*node) & holding != 0) {
            if self.paths.accepts(node).contains(&EVERYTHING) {
                return None;
            }
            states.extend(self.paths.next(node, name));
        }
        if !self.any_depth.is_empty() {
            let stay = place.iter().filter(|node| self.is_any_depth(**node));
            let enter = states.iter().filter_map(|node| self.any_depth.get(node));
            let any: Vec<u16> = stay.chain(enter).copied().collect();
            states.extend(any);
        }
        let is_whole = |node: &u16| {
            self.condition_of(*node) == ALWAYS && self.paths.accepts(*node).contains(&EVERYTHING)
        };
        (!states.iter().any(is_whole)).then(|| states.into())
    }

    /// True if directories of any name lead from the node to itself.
    fn is_any_depth(&self, node: u16) -> bool {
        self.any_depth.values().any(|any| *any == node)
    }

    /// Returns who owns a file of this name with `links` hard links at `place`.
    pub(super) fn of_file(&self, place: &[u16], name: &[u8], links: u32) -> Ownership<'_> {
        let mut ownership = Ownership::default();
        for node in place {
            let condition = self.condition_of(*node);
            if self.paths.accepts(*node).contains(&EVERYTHING) {
                ownership.conditions |= condition;
            }
            for next in self.paths.next(*node, name) {
                for end in self.paths.accepts(next) {
                    match *end {
                        FILE => ownership.conditions |= condition,
                        LINKED_FILE if links > 1 => ownership.conditions |= condition,
                        ACCOMPANIED_FILE => {
                            ownership.accompanied |= condition;
                            ownership.ending = self.companions.get(&next).map_or(b"", |end| end);
                        }
                        _ => {}
                    }
                }
                // Nothing further can change the answer, and there are millions of files. Before the next
                // name, whose pattern may be slow.
                if ownership.conditions & ALWAYS != 0 {
                    return ownership;
                }
            }
        }
        ownership
    }

    /// Returns who owns a directory of this name at `place`; its own listing decides as well.
    pub(super) fn of_dir(&self, place: &[u16], name: &[u8]) -> Ownership<'_> {
        let mut ownership = Ownership::default();
        for node in place {
            // The pattern for linked files matches a directory, too.
            let leads_on = |next: u16| {
                let ends = self.paths.accepts(next);
                *ends != [LINKED_FILE] && *ends != [ACCOMPANIED_FILE]
            };
            if self.paths.accepts(*node).contains(&EVERYTHING)
                || self.is_any_depth(*node)
                || self.paths.next(*node, name).any(leads_on)
            {
                ownership.conditions |= self.condition_of(*node);
            }
        }
        ownership
    }
}

/// Adds a node to which no name of an entry leads.
fn no_name_leads_to(paths: &mut Trie, node: u16) -> Result<u16, String> {
    paths.extend(node, NamePattern::Literal(Box::from(&b"/"[..])))
}

#[cfg(test)]
mod tests;
