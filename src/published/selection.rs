//! The homes that `--user` selects, in every command.
//!
//! A user is a name, a uid, or a directory:
//!
//! - **the name of an owner**, by any source of names. The owner of a home that is no uid home is the
//!   owner of its directory. An exact match goes before one without regard to case, because SageMaker
//!   does not tell `Alice` from `alice`, and that before one with dashes for dots, because names of
//!   SageMaker's profiles cannot have dots;
//! - **a uid** of such an owner;
//! - **a home**, by its path below the root or its last component, exactly or without regard to case;
//!   not if it is an owner's name, too, in any case.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::latest::HomeLine;
use crate::report::{HomeKind, Owner};
use crate::text::is_uid;

/// The parts of a home that `--user` is compared with.
#[derive(Clone, Debug)]
pub(crate) struct SelectedBy<'a> {
    /// Its path below the root.
    pub(crate) path: Cow<'a, [u8]>,
    /// The uid of its owner.
    pub(crate) uid: Option<u32>,
    /// The names of its owner.
    pub(crate) names: Vec<&'a str>,
    /// False for what lies outside of homes.
    pub(crate) is_home: bool,
}

impl<'a> SelectedBy<'a> {
    /// How well `user` is its owner's name or uid.
    fn by_owner(&self, user: &str) -> Option<Match> {
        let by_uid = self.uid.filter(|uid| uid.to_string() == user).map(|_| Match::Exact);
        // A person who is called like a uid goes after that uid.
        let by_name = Match::of_owner(user, &self.names);
        by_uid.or(by_name.map(|found| if is_uid(user) { Match::Dashes } else { found }))
    }

    pub(crate) fn new(
        path: impl Into<Cow<'a, [u8]>>,
        uid: Option<u32>,
        owner: &'a Owner,
        kind: HomeKind,
    ) -> Self {
        let names = owner.names().collect();
        Self { path: path.into(), uid, names, is_home: kind != HomeKind::Outside }
    }
}

/// How well a name matches; the least goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Exact,
    AnyCase,
    Dashes,
}

impl Match {
    fn of_name(user: &str, name: &str) -> Option<Self> {
        let (user, small) = (user.to_lowercase(), name.to_lowercase());
        match () {
            () if user == small => Some(Self::AnyCase),
            () if user.replace('.', "-") == small => Some(Self::Dashes),
            () => None,
        }
    }

    fn of_owner(user: &str, names: &[&str]) -> Option<Self> {
        let of = |name: &&str| match *name == user {
            true => Some(Self::Exact),
            false => Self::of_name(user, name),
        };
        names.iter().filter_map(of).min()
    }

    fn of_path(user: &str, path: &[u8]) -> Option<Self> {
        let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if [path, last].contains(&user.as_bytes()) {
            return Some(Self::Exact);
        }
        let same = |name| {
            std::str::from_utf8(name)
                .is_ok_and(|name| Self::of_name(user, name) == Some(Self::AnyCase))
        };
        (same(path) || same(last)).then_some(Self::AnyCase)
    }
}

/// Tells for each home whether one of `users` selects it, and which users select none.
pub(crate) fn selected<'u>(
    homes: &[SelectedBy<'_>],
    users: &'u [String],
) -> (Vec<bool>, Vec<&'u str>) {
    let mut keep = vec![false; homes.len()];
    let mut missing = Vec::new();
    for user in users {
        let mut of_user = best(homes, |home| home.by_owner(user));
        let as_owner = homes.iter().filter_map(|home| home.by_owner(user)).min();
        let of_path = best(homes, |home| {
            let found = Match::of_path(user, &home.path)?;
            // A directory that is called like a person need not be that person's.
            let is_dashed = as_owner == Some(Match::Dashes) && found == Match::Exact;
            Some(found).filter(|_| as_owner.is_none() || is_dashed)
        });
        of_user.iter_mut().zip(of_path).for_each(|(is, by_path)| *is |= by_path);
        if !of_user.contains(&true) {
            missing.push(user.as_str());
        }
        keep.iter_mut().zip(of_user).for_each(|(keep, is)| *keep |= is);
    }
    (keep, missing)
}

/// Marks the homes that match as well as any does.
fn best(homes: &[SelectedBy<'_>], of: impl Fn(&SelectedBy<'_>) -> Option<Match>) -> Vec<bool> {
    let matches = homes.iter().map(|home| of(home).filter(|_| home.is_home));
    let matches: Vec<Option<Match>> = matches.collect();
    let best = matches.iter().flatten().min();
    matches.iter().map(|found| found.is_some() && found.as_ref() == best).collect()
}

impl<'a> From<&'a HomeLine> for SelectedBy<'a> {
    fn from(home: &'a HomeLine) -> Self {
        Self::new(home.name_bytes(), home.uid, &home.owner, home.kind)
    }
}

/// The other names of owners by the path of their home, which the tables of homes do not have.
pub(crate) fn aliases(homes: &[HomeLine]) -> BTreeMap<Vec<u8>, Vec<String>> {
    let homes = homes.iter().filter(|home| !home.owner.aliases.is_empty());
    homes.map(|home| (home.name_bytes(), home.owner.aliases.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of the homes that a user selects.
    fn of(user: &str, homes: &[(&'static str, u32, &[&'static str])]) -> Vec<&'static str> {
        let by = |(path, uid, names): &(&'static str, u32, &[&'static str])| SelectedBy {
            path: path.as_bytes().into(),
            uid: Some(*uid),
            names: names.to_vec(),
            is_home: *path != "outside",
        };
        let by: Vec<SelectedBy<'_>> = homes.iter().map(by).collect();
        let users = [user.to_owned()];
        let (keep, missing) = selected(&by, &users);
        assert_eq!(missing.is_empty(), keep.contains(&true), "{user}");
        homes.iter().zip(keep).filter_map(|(home, keep)| keep.then_some(home.0)).collect()
    }

    #[test]
    fn a_user_is_an_owner_a_uid_or_a_directory() {
        let homes: &[(&str, u32, &[&str])] = &[
            ("200005", 200_005, &["alice", "asmith"]),
            ("proj", 200_005, &["alice", "asmith"]),
            ("lab/200006", 200_006, &["first-last"]),
            ("lab/Alice", 0, &["root"]),
            ("outside", 200_005, &["alice"]),
        ];
        let all = ["200005", "proj", "lab/Alice"];
        for (user, want) in [
            // The directory `lab/Alice` is root's.
            ("alice", &all[..2]),
            ("Alice", &all[..2]),
            ("ALICE", &all[..2]),
            ("Asmith", &all[..2]),
            ("200005", &all[..2]),
            ("proj", &["proj"]),
            ("PROJ", &["proj"]),
            ("first.last", &["lab/200006"]),
            ("First.Last", &["lab/200006"]),
            ("first-last", &["lab/200006"]),
            ("lab/200006", &["lab/200006"]),
            ("first_last", &[]),
            ("outside", &[]),
            ("", &[]),
        ] {
            assert_eq!(of(user, homes), want, "{user}");
        }
    }

    #[test]
    fn a_uid_goes_before_a_person_who_is_called_like_it() {
        let homes: &[(&str, u32, &[&str])] =
            &[("200005", 200_005, &["200006"]), ("200006", 200_006, &["bob"]), ("x", 1, &["77"])];
        assert_eq!(of("200006", homes), ["200006"]);
        assert_eq!(of("77", homes), ["x"]);
    }

    #[test]
    fn an_exact_match_goes_first() {
        let homes: &[(&str, u32, &[&str])] = &[
            ("1", 1, &["first.last"]),
            ("2", 2, &["first-last"]),
            ("3", 3, &["Bob"]),
            ("4", 4, &["bob"]),
            ("bob", 5, &["first-last"]),
        ];
        for (user, want) in [
            ("first.last", &["1"][..]),
            ("first-last", &["2", "bob"]),
            ("First.last", &["1"]),
            ("bob", &["4"]),
            ("Bob", &["3"]),
            ("BOB", &["3", "4"]),
        ] {
            assert_eq!(of(user, homes), want, "{user}");
        }
        assert_eq!(of("first.last", &homes[1..]), ["2", "bob"]);
    }
}
