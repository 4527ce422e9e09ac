//! Values by people's names, compared as SageMaker compares names.

use std::collections::{BTreeMap, BTreeSet};

/// How a name is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Only with its exact spelling.
    Exact,
    /// With its exact spelling, or else in another case or with dashes for dots.
    Alike,
}

impl Spelling {
    /// How to look up the name of a person. A namesake's name differs only in its spelling.
    pub fn of_person(has_namesake: bool) -> Self {
        if has_namesake { Self::Exact } else { Self::Alike }
    }

    /// How to look up `name`, given all names that have a namesake.
    pub fn of(name: &str, twins: &BTreeSet<&str>) -> Self {
        if twins.contains(name) { Self::Exact } else { Self::Alike }
    }
}

/// Returns the names that have a namesake: another name that differs only in its spelling.
pub fn twins<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    // A sorted list, because a map of sets takes some hundred bytes for each name.
    let mut by_spelling: Vec<(String, &str)> = names.map(|name| (alike(name), name)).collect();
    by_spelling.sort_unstable();
    by_spelling.dedup();
    let alike = by_spelling.chunk_by(|(one, _), (other, _)| one == other);
    alike.filter(|names| names.len() > 1).flatten().map(|(_, name)| *name).collect()
}

/// Values by name. A name without a value of its exact spelling is looked up without regard to
/// case, and with dashes for dots, because names of SageMaker profiles cannot have dots. Uids in
/// digits are names like any other here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMap<T> {
    exact: BTreeMap<String, T>,
    /// `None` if two spellings have different values, so that neither is taken for the other.
    alike: BTreeMap<String, Option<T>>,
}

impl<T> Default for NameMap<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), alike: BTreeMap::new() }
    }
}

impl<T: Clone + PartialEq> NameMap<T> {
    /// Adds a name; returns its previous value.
    pub fn insert(&mut self, name: String, value: T) -> Option<T> {
        self.alike
            .entry(alike(&name))
            .and_modify(|other| *other = other.take().filter(|other| *other == value))
            .or_insert_with(|| Some(value.clone()));
        self.exact.insert(name, value)
    }

    /// The value of a name.
    pub fn get(&self, name: &str, spelling: Spelling) -> Option<&T> {
        let alike =
            || self.alike.get(&alike(name)).filter(|_| spelling == Spelling::Alike)?.as_ref();
        self.exact.get(name).or_else(alike)
    }

    /// True if a name with a value equals this one but for its spelling.
    pub fn has_alike(&self, name: &str) -> bool {
        self.alike.contains_key(&alike(name))
    }

    /// All names with their exact spelling.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(String::as_str)
    }
}

impl<T: Clone + PartialEq> FromIterator<(String, T)> for NameMap<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(all: I) -> Self {
        let mut map = Self::default();
        for (name, value) in all {
            map.insert(name, value);
        }
        map
    }
}

/// Normalizes a name for comparison: lower case, and dashes for dots.
pub(crate) fn alike(name: &str) -> String {
    name.to_lowercase().replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_sagemaker_does() {
        let all = [("alice", 1), ("b.c", 2), ("First.Last", 3), ("first-last", 4), ("200006", 5)];
        let map: NameMap<i32> =
            all.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        for (name, value) in [
            ("alice", Some(1)),
            ("Alice", Some(1)),
            ("b-c", Some(2)),
            ("B.C", Some(2)),
            ("First.Last", Some(3)),
            ("first-last", Some(4)),
            // Two people have this name in other spellings.
            ("FIRST-LAST", None),
            ("200006", Some(5)),
            ("bob", None),
        ] {
            assert_eq!(map.get(name, Spelling::Alike).copied(), value, "{name}");
        }
        assert_eq!(map.get("Alice", Spelling::Exact), None);
        assert_eq!(map.get("alice", Spelling::Exact), Some(&1));
        let people = ["alice", "Alice", "bob", "bob", "a.b", "a-b"];
        let twins = twins(people.into_iter());
        assert_eq!(twins, ["alice", "Alice", "a.b", "a-b"].into());
        assert_eq!(Spelling::of("bob", &twins), Spelling::Alike);
        assert_eq!(Spelling::of("Alice", &twins), Spelling::Exact);
    }
}
