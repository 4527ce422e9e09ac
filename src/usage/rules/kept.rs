//! Files that a rule's command must leave: outputs, and compiled files whose sources are gone.

use std::io;

use super::{RuleIndex, Rules};
use crate::usage::class::Class;
use crate::usage::seen::{Extent, Seen};
use crate::usage::{Attrs, FileKind};

impl Rules {
    /// True if files in a directory beside the file `name` may be made from it. A link may lead nowhere,
    /// and a file may have lost its contents; only that of a Python package is often empty.
    #[inline]
    pub(in crate::usage) fn is_source(&self, name: &[u8], attrs: &Attrs) -> bool {
        self.source_endings.iter().any(|ending| name.ends_with(ending))
            && attrs.kind == FileKind::File
            && (attrs.apparent > 0 || name == b"__init__.py")
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
