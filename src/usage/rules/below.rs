//! Directories of other programs, below which a rule does not apply.

use std::sync::Arc;

use super::{RuleIndex, Rules, patterns};
use crate::usage::class::Class;
use crate::usage::dir::Dir;
use crate::usage::trie::{NamePattern, expand_braces};

impl Rules {
    /// True if the rule may apply to subdirectories of `parent`. Below the directory of another program it
    /// does not, and a rule with a command does not wherever the homes or the scan begin. For the others,
    /// and for trash, only what is in a home counts: a team's homes may be in a directory called `lib`.
    pub(in crate::usage) fn below_holds(&self, index: RuleIndex, parent: &Arc<Dir>) -> bool {
        let rule = self.get(index);
        if rule.unless_below.is_empty() {
            return true;
        }
        let names: Vec<&[u8]> = match rule.command.is_some() && rule.class != Class::Trash {
            true => parent.names_up_to_root().chain(self.names_of_root()).collect(),
            false => parent.names_up_to_home().collect(),
        };
        let is_there = |path: &Vec<NamePattern>| {
            let is_path = |names: &[&[u8]]| path.iter().zip(names).all(|(a, b)| a.matches(b));
            names.windows(path.len()).any(is_path)
        };
        !rule.unless_below.iter().any(is_there)
    }
}

/// Compiles paths, each with its last name first.
pub(super) fn paths_upwards(paths: &[impl AsRef<str>]) -> Result<Vec<Vec<NamePattern>>, String> {
    let paths = paths.iter().flat_map(|path| expand_braces(path.as_ref()));
    let upwards = |path: String| patterns(&path.rsplit('/').map(str::to_owned).collect::<Vec<_>>());
    paths.map(upwards).collect()
}
