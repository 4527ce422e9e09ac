//! The part of the tables that is explained.

use std::collections::BTreeSet;

use super::place::is_below;
use crate::dirs::DirRow;
use crate::usage::HomeKind;

/// Homes, or a directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Paths of homes; `None` for everything.
    pub(crate) homes: Option<BTreeSet<Vec<u8>>>,
    /// Path of a directory below the root. With `homes` it may be below each of them instead.
    pub(crate) path: Option<Vec<u8>>,
}

impl Scope {
    /// True if the row is explained.
    pub(super) fn has(&self, row: &DirRow) -> bool {
        let is_outside = row.kind == HomeKind::Outside;
        if let Some(homes) = &self.homes
            && (is_outside || !homes.contains(&row.home))
        {
            return false;
        }
        let Some(path) = &self.path else { return true };
        let in_it = |below: &[u8]| row.path == below || is_below(&row.path, below);
        match () {
            () if row.home == *path || (!is_outside && is_below(&row.home, path)) => true,
            () if row.home.is_empty() => in_it(path),
            () => match path.strip_prefix(&*row.home) {
                Some([b'/', below @ ..]) => in_it(below),
                _ => self.homes.is_some() && in_it(path),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(scope: &Scope, kind: HomeKind, home: &str, path: &str) -> bool {
        let (home, path) = (home.as_bytes().to_vec(), path.as_bytes().to_vec());
        scope.has(&DirRow { kind, home, path, ..DirRow::default() })
    }

    #[test]
    fn a_path_is_below_the_root_or_with_homes_below_each_of_them() {
        let path = |path: &str| Scope { homes: None, path: Some(path.as_bytes().to_vec()) };
        let named = |scope: &Scope, home: &str, of: &str| has(scope, HomeKind::Named, home, of);
        assert!(named(&path("lab"), "lab/alice", "x") && named(&path("lab"), "lab", ""));
        assert!(!named(&path("lab"), "labs", "lab") && !named(&path("lab"), "a", "lab"));
        assert!(named(&path("lab/alice/x"), "lab/alice", "x/y"));
        assert!(named(&path("lab/alice/x"), "lab/alice", "x"));
        assert!(!named(&path("lab/alice/x"), "lab/alice", "xy"));
        assert!(!named(&path("lab/alice/x"), "lab/alice", ""));
        assert!(named(&path("x"), "", "x/y"));
        assert!(has(&path("data"), HomeKind::Outside, "", "data/x"));
        assert!(!has(&path("data"), HomeKind::Outside, "", ""));
        let homes = Some(BTreeSet::from([b"alice".to_vec()]));
        let of_alice = Scope { homes, ..path("work") };
        assert!(named(&of_alice, "alice", "work/x") && !named(&of_alice, "bob", "work"));
        assert!(!named(&of_alice, "alice", "") && !has(&of_alice, HomeKind::Outside, "", "work"));
    }
}
