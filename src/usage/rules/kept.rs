//! Files that a rule's command must leave: outputs, and compiled files whose sources are gone.

use std::io;

use super::{Endings, Markers, Rule, RuleIndex, Rules};
use crate::usage::class::Class;
use crate::usage::seen::{Extent, Seen};

impl Rules {
    /// True if files in a directory beside the file `name` may be made from it.
    #[inline]
    pub(in crate::usage) fn is_source(&self, name: &[u8]) -> bool {
        self.source_endings.iter().any(|ending| name.ends_with(ending))
    }

    /// Returns the bit of an ending of sources.
    pub(super) fn ending(&mut self, ending: &[u8]) -> Result<Endings, String> {
        let known = self.made_of.iter().position(|other| **other == *ending);
        let at = known.unwrap_or_else(|| {
            self.made_of.push(ending.into());
            self.made_of.len() - 1
        });
        match at < Endings::BITS as usize {
            true => Ok(1 << at),
            false => Err("rules with `made_from` name more than eight endings".to_owned()),
        }
    }

    /// Returns the endings of sources that a file of this name has.
    pub(in crate::usage) fn endings_of(&self, name: &[u8]) -> Endings {
        let ends = self.made_of.iter().enumerate().filter(|(_, ending)| name.ends_with(ending));
        ends.fold(0, |set, (at, _)| set | 1 << at)
    }

    /// Returns the endings of those of the markers that are sources themselves, such as `main.rs`.
    pub(in crate::usage) fn endings_of_files(&self, filled: Markers) -> Endings {
        let markers = self.markers.iter().enumerate();
        let sources = markers.filter(|(bit, _)| filled & self.made_from & (1 << bit) != 0);
        sources.fold(0, |set, (_, name)| set | self.endings_of(name))
    }

    /// True if the markers may be those of a project: of something to make a directory from, and of what
    /// rules need beside it.
    #[inline]
    pub(in crate::usage) fn may_be_project(&self, seen: Markers) -> bool {
        seen & self.made_from != 0 && seen & self.manifests != 0
    }

    /// True if the rule is for directories beside a project's manifest, and not for those within what is made.
    pub(in crate::usage) fn is_beside_manifest(&self, rule: &Rule) -> bool {
        rule.made_from != 0 && rule.beside & !self.made_marks != 0
    }

    /// True if one of the markers is of a project.
    #[inline]
    pub(in crate::usage) fn has_of_project(&self, seen: Markers) -> bool {
        seen & (self.made_from | self.manifests) != 0
    }

    /// True if an output, which may be the only copy, begins in a directory for a rule that comes
    /// after `current`. A site's rules precede those for outputs.
    ///
    /// # Errors
    /// The error of the probe.
    pub(in crate::usage) fn is_later_output(
        &self,
        (plain, matched): (Option<RuleIndex>, &[RuleIndex]),
        current: RuleIndex,
        seen: &Seen<'_>,
    ) -> io::Result<bool> {
        let is_later = |rule: &RuleIndex| *rule > current && self.get(*rule).class == Class::Output;
        if plain.as_ref().is_some_and(is_later) {
            return Ok(true);
        }
        if seen.markers == 0 && matched.is_empty() && seen.listing == Extent::Whole {
            return Ok(false);
        }
        let candidates = matched.iter().chain(&self.pathless).copied();
        let candidates: Vec<_> = candidates.filter(is_later).collect();
        Ok(self.inside(&candidates, false, None, seen)?.is_some())
    }
}

impl Rule {
    /// True if the tool makes a directory beside its sources from these. `filled` are the markers beside it
    /// that are files with contents: an empty manifest is none.
    pub(in crate::usage) fn is_made_beside(&self, filled: Markers) -> bool {
        self.made_from != 0 && (self.beside == 0 || self.beside & filled != 0)
    }
}
