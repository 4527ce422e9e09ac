//! What a walk did not see of a directory, on its way to the home and to the errors of the walk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Op;
use super::dir::Dir;
use super::errors::Problem;
use super::export::Export;
use super::home::Content;
use super::ledger::Ledger;

/// Errors and omissions at one directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) problems: Vec<Problem>,
    /// Entries that were removed or moved between listing and reading.
    pub(super) vanished: u64,
    /// Mounts that were not entered.
    pub(super) mounts: u64,
    /// Number of excluded entries by the index of the matching glob.
    pub(super) excluded: BTreeMap<usize, u64>,
    /// Entries above the homes that were not read, for any of these reasons.
    pub(super) above_homes: u64,
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.sum() == 0
    }

    /// Number of entries that were not read.
    pub(super) fn sum(&self) -> u64 {
        let excluded: u64 = self.excluded.values().sum();
        self.problems.len() as u64 + self.vanished + self.mounts + excluded
    }

    pub(super) fn add(&mut self, more: Self) {
        let Self { problems, vanished, mounts, excluded, above_homes } = more;
        self.problems.extend(problems);
        self.vanished += vanished;
        self.mounts += mounts;
        self.above_homes += above_homes;
        for (glob, entries) in excluded {
            *self.excluded.entry(glob).or_default() += entries;
        }
    }
}

impl Ledger {
    /// Adds the notes of a directory to its home and to the errors of the walk. In a shard, those of
    /// the trunk wait for the merge, because every shard makes them.
    pub(super) fn note(&self, dir: &Dir, notes: Notes) {
        if let Some(trunk) = &dir.trunk {
            return trunk.note(notes);
        }
        if !notes.problems.is_empty() || notes.vanished > 0 {
            dir.home.books(|books| {
                books.errors += notes.problems.len() as u64;
                books.vanished += notes.vanished;
            });
        }
        self.errors(|errors| {
            errors.above_homes += notes.above_homes;
            errors.vanished += notes.vanished;
            errors.mounts += notes.mounts;
            for (glob, entries) in notes.excluded {
                if let Some(of_glob) = errors.excluded.get_mut(glob) {
                    *of_glob += entries;
                }
            }
            notes.problems.into_iter().for_each(|problem| errors.add(problem));
        });
    }

    /// Ends a directory that its parent listed, but that no longer existed when it was to be
    /// opened. It may be somewhere else, so the figures of its home are a lower bound.
    pub fn moved(&self, dir: &Arc<Dir>) {
        let problem = Problem::moved(dir.path());
        self.fails(dir, Notes { vanished: 1, ..Notes::of(dir, problem) });
        self.listed_elsewhere(dir);
    }

    /// Counts an error of a directory whose listing has already ended.
    pub fn failed(&self, dir: &Dir, op: Op, error: &std::io::Error) {
        self.fails(dir, Notes::of(dir, Problem::new(dir.path(), op, error)));
        self.exported(dir, Export::failed);
    }

    fn fails(&self, dir: &Dir, notes: Notes) {
        self.note(dir, notes);
        if let Some(finding) = dir.finding() {
            finding.hold(Content::Unread);
        }
    }
}

impl Notes {
    fn of(dir: &Dir, problem: Problem) -> Self {
        let above_homes = u64::from(!dir.in_home());
        Self { problems: vec![problem], above_homes, ..Self::default() }
    }
}
