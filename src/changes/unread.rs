//! Decides which changes are in doubt because one of the runs did not read everything: what it lacks may
//! have been there, so what only the other run has is not surely new or gone.

use super::view::{FactsOfHomes, What};
use crate::report::Coverage;

/// For the old and the new run: true if it may lack something that was in a home. `home` is its key in
/// `facts`, and `partial` says which of the runs did not read everything.
pub(super) fn may_lack(
    home: &(bool, Vec<u8>),
    facts: &[FactsOfHomes; 2],
    partial: [bool; 2],
) -> [bool; 2] {
    [0, 1].map(|side| {
        let of = |key: &(bool, Vec<u8>)| facts[side].get(key).map(|facts| facts.coverage);
        // Directories above the homes count as outside of them: if one was not read, the homes below it
        // are unknown.
        let read = of(home).or_else(|| of(&(true, Vec::new())));
        partial[side] && read != Some(Coverage::Complete)
    })
}

/// True if it may only seem so, because the old or the new run lacks something.
pub(super) fn only_seems(what: What, lacks: [bool; 2]) -> bool {
    let [old, new] = lacks;
    match what {
        What::New | What::Grew => old,
        What::Gone | What::Shrank => new,
        What::Moved | What::MovedHere | What::MovedAway => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::Facts;
    use super::*;

    #[test]
    fn a_home_that_was_read_lacks_nothing_in_a_partial_run() {
        let facts = |all: &[(bool, &str, Coverage)]| -> FactsOfHomes {
            let of = |(outside, name, coverage): &(bool, &str, Coverage)| {
                let facts = Facts { owner: None, coverage: *coverage };
                ((*outside, name.as_bytes().to_vec()), facts)
            };
            all.iter().map(of).collect()
        };
        let (complete, partial) = (Coverage::Complete, Coverage::Partial);
        let old = facts(&[(false, "a", complete), (false, "b", partial), (true, "", complete)]);
        let new = facts(&[(false, "a", complete), (true, "", partial)]);
        let facts = [old, new];
        let lacks = |name: &str, of| may_lack(&(false, name.as_bytes().to_vec()), &facts, of);
        assert_eq!(lacks("a", [true; 2]), [false; 2]);
        assert_eq!(lacks("b", [true; 2]), [true; 2]);
        assert_eq!(lacks("b", [false; 2]), [false; 2]);
        // The old run read the directories above the homes, the new one did not.
        assert_eq!(lacks("c", [true; 2]), [false, true]);
        let unknown = Default::default();
        assert_eq!(may_lack(&(false, b"a".to_vec()), &unknown, [true, false]), [true, false]);
    }
}
