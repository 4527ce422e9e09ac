//! Globs of `--exclude`, matched step by step: each directory stores the automaton's states after
//! its path, and an entry continues from there with its name. Paths may have any length, so
//! matching whole paths would take time quadratic in the depth.

use std::fmt;

use globset::{Glob, GlobBuilder};
use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;

/// Globs of paths to leave out.
#[derive(Clone, Default)]
pub struct Exclude {
    globs: Vec<String>,
    /// All globs as one automaton, unless there are none.
    nfa: Option<NFA>,
    /// For each state of the automaton, the states reachable from it without reading a byte. Each
    /// of these reads a byte or ends a glob.
    reached: Vec<Box<[StateID]>>,
    /// The position of the root, before the first byte of a path.
    start: Position,
}

/// Progress of the globs in a path: the states of the automaton after it. Empty for a path below
/// which nothing matches, and if there are no globs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position(Box<[StateID]>);

/// Reusable memory for matching.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    now: Vec<StateID>,
    next: Vec<StateID>,
    /// One bit for each state: true if it is in `next`.
    seen: Vec<u64>,
}

impl Position {
    /// True if no glob matches anything below.
    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        self.0.is_empty()
    }
}

impl Exclude {
    /// Compiles globs that are relative to the root; `*` does not match a `/`, `**` does.
    ///
    /// # Errors
    /// A sentence that names the bad glob.
    pub fn new(globs: &[String]) -> Result<Self, String> {
        let compile = |glob: &String| {
            let relative = glob.trim_start_matches("./").trim_matches('/');
            if relative.is_empty() {
                return Err(format!("--exclude `{glob}` would leave out everything"));
            }
            let compiled = GlobBuilder::new(relative).literal_separator(true).build();
            compiled.map_err(|error| format!("--exclude `{glob}`: {}", error.kind()))
        };
        let compiled = globs.iter().map(compile).collect::<Result<Vec<Glob>, _>>()?;
        if compiled.is_empty() {
            return Ok(Self::default());
        }
        let expressions: Vec<&str> = compiled.iter().map(Glob::regex).collect();
        // The settings that globset compiles with.
        let syntax = syntax::Config::new().utf8(false).dot_matches_new_line(true);
        let config = NFA::config().utf8(false).nfa_size_limit(Some(10 << 20));
        let nfa = NFA::compiler().syntax(syntax).configure(config).build_many(&expressions);
        let nfa = nfa.map_err(|error| format!("--exclude: {error}"))?;
        let behind = |id| reached(&nfa, StateID::new_unchecked(id), At::Behind);
        let start = reached(&nfa, nfa.start_anchored(), At::Start);
        Ok(Self {
            globs: globs.to_vec(),
            reached: (0..nfa.states().len()).map(behind).collect(),
            start: Position(start),
            nfa: Some(nfa),
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

    /// Returns the position of the root.
    pub(super) fn start(&self) -> Position {
        self.start.clone()
    }

    /// Returns the position of the directory `name` in the directory at `parent`.
    pub(super) fn below(&self, parent: &Position, name: &[u8]) -> Position {
        if parent.is_dead() {
            return Position::default();
        }
        let mut scratch = Scratch::default();
        self.read(parent, name, &mut scratch);
        self.step(b'/', &mut scratch);
        Position(scratch.now.into())
    }

    /// Returns the index of the first glob that matches the entry `name` of a directory.
    pub(super) fn first_match(
        &self,
        directory: &Position,
        name: &[u8],
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let nfa = self.nfa.as_ref()?;
        self.read(directory, name, scratch);
        let glob = |id: &StateID| match nfa.state(*id) {
            State::Match { pattern_id } => Some(pattern_id.as_usize()),
            _ => None,
        };
        scratch.now.iter().filter_map(glob).min()
    }

    fn read(&self, from: &Position, name: &[u8], scratch: &mut Scratch) {
        scratch.now.clear();
        scratch.now.extend_from_slice(&from.0);
        scratch.seen.resize(self.reached.len().div_ceil(64), 0);
        for byte in name {
            self.step(*byte, scratch);
        }
    }

    /// Replaces the states in `now` by those after one more byte.
    fn step(&self, byte: u8, scratch: &mut Scratch) {
        let Some(nfa) = &self.nfa else { return };
        let Scratch { now, next, seen } = scratch;
        for id in &*now {
            let target = match nfa.state(*id) {
                State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
                State::Sparse(some) => some.matches_byte(byte),
                State::Dense(all) => all.matches_byte(byte),
                _ => None,
            };
            for id in target.iter().flat_map(|target| &self.reached[target.as_usize()]) {
                let (word, bit) = (id.as_usize() / 64, 1 << (id.as_usize() % 64));
                if seen[word] & bit == 0 {
                    seen[word] |= bit;
                    next.push(*id);
                }
            }
        }
        next.iter().for_each(|id| seen[id.as_usize() / 64] = 0);
        std::mem::swap(now, next);
        next.clear();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte of a path.
    Start,
    Behind,
}

/// Returns the states reachable from `from` without reading a byte. Every expression is `^...$`, so
/// only the match follows an end. The end assertion is taken as true here, because matches are
/// looked up only at the end of a path.
fn reached(nfa: &NFA, from: StateID, at: At) -> Box<[StateID]> {
    let (mut all, mut seen, mut left) = (Vec::new(), vec![false; nfa.states().len()], vec![from]);
    while let Some(id) = left.pop() {
        if std::mem::replace(&mut seen[id.as_usize()], true) {
            continue;
        }
        match nfa.state(id) {
            State::Look { look: Look::Start, .. } if at == At::Behind => {}
            State::Look { next, .. } | State::Capture { next, .. } => left.push(*next),
            State::Union { alternates } => left.extend(alternates),
            State::BinaryUnion { alt1, alt2 } => left.extend([*alt1, *alt2]),
            State::Fail => {}
            _ => all.push(id),
        }
    }
    all.into()
}

impl fmt::Debug for Exclude {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_tuple("Exclude").field(&self.globs).finish()
    }
}

#[cfg(test)]
mod tests {
    use globset::GlobSetBuilder;
    use proptest::prelude::*;

    use super::*;

    fn first_match(exclude: &Exclude, path: &str) -> Option<usize> {
        let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directories = directories.split('/').filter(|name| !name.is_empty());
        let position = directories
            .fold(exclude.start(), |position, name| exclude.below(&position, name.as_bytes()));
        exclude.first_match(&position, name.as_bytes(), &mut Scratch::default())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn step_by_step_is_as_all_at_once(
            globs in proptest::collection::vec(
                r"(\*\*/)?([ab]|\*|\?|\[a-b\]|\[!a\]|\{a,b/c\}|é)([ab/]|\*|/\*\*/|\.x){0,3}(/\*\*)?",
                0..4,
            ),
            paths in proptest::collection::vec("[ab.xé]{1,2}(/[abc.x]{1,2}){0,4}", 1..8),
        ) {
            let Ok(exclude) = Exclude::new(&globs) else { return Ok(()) };
            let mut set = GlobSetBuilder::new();
            for glob in &globs {
                let relative = glob.trim_matches('/');
                set.add(GlobBuilder::new(relative).literal_separator(true).build().expect("a glob"));
            }
            let set = set.build().expect("globs");
            for path in paths {
                let want = set.matches(&path).into_iter().min();
                prop_assert_eq!(first_match(&exclude, &path), want, "{:?} {}", &globs, path);
            }
        }
    }

    #[test]
    fn where_nothing_can_match_nothing_is_kept() {
        let exclude = Exclude::new(&["a/*.tmp".to_owned(), "b/**".to_owned()]).expect("globs");
        let at = |name: &[u8]| exclude.below(&exclude.start(), name);
        assert!(at(b"c").is_dead() && !at(b"a").is_dead() && !at(b"b").is_dead());
        assert!(exclude.below(&at(b"a"), b"a").is_dead());
        assert!(Exclude::default().start().is_dead());
        // A deep path costs nothing.
        let exclude = Exclude::new(&["**/a/**/*.tmp".to_owned()]).expect("a glob");
        let deep =
            |depth| (0..depth).fold(exclude.start(), |position, _| exclude.below(&position, b"a"));
        assert_eq!(deep(10), deep(10_000));
    }
}
