//! Directories of other programs, below which a rule does not apply.

use std::sync::Arc;

use super::{RuleIndex, Rules, patterns};
use crate::usage::class::Class;
use crate::usage::dir::Dir;
use crate::usage::trie::{NamePattern, expand_braces};

impl Rules {
    /// True if the rule may apply to subdirectories of `parent`, as far as the names in the home show. Names above
    /// it do not count: a team's homes may be in a directory called `lib`.
    pub(in crate::usage) fn below_holds(&self, index: RuleIndex, parent: &Arc<Dir>) -> bool {
        !self.is_below(index, || parent.names_up_to_home())
    }

    /// True if the command of the rule must leave what is in `parent` to another program, whose directory may be
    /// above the home or the root. All that looks like a trash is one, wherever it is.
    pub(in crate::usage) fn is_part_of_another(&self, index: RuleIndex, parent: &Arc<Dir>) -> bool {
        let rule = self.get(index);
        let names = || parent.names_up_to_root().chain(self.names_of_root());
        rule.command.is_some() && rule.class != Class::Trash && self.is_below(index, names)
    }

    /// True if one of the paths that rule out the rule is among these names, the innermost first.
    fn is_below<'a, Names: Iterator<Item = &'a [u8]>>(
        &self,
        index: RuleIndex,
        names: impl FnOnce() -> Names,
    ) -> bool {
        let bad = &self.get(index).unless_below;
        if bad.is_empty() {
            return false;
        }
        let names: Vec<&[u8]> = names().collect();
        let is_there = |path: &Vec<NamePattern>| {
            let is_path = |names: &[&[u8]]| path.iter().zip(names).all(|(a, b)| a.matches(b));
            names.windows(path.len()).any(is_path)
        };
        bad.iter().any(is_there)
    }
}

/// Compiles paths, each with its last name first.
pub(super) fn paths_upwards(paths: &[impl AsRef<str>]) -> Result<Vec<Vec<NamePattern>>, String> {
    let paths = paths.iter().flat_map(|path| expand_braces(path.as_ref()));
    let upwards = |path: String| patterns(&path.rsplit('/').map(str::to_owned).collect::<Vec<_>>());
    paths.map(upwards).collect()
}
