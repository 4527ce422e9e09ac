//! The choice of users or groups that have metrics of their own.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The users, or the groups, with metrics of their own besides the totals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "users and groups: true, false or a list of names")]
pub enum MetricsOf {
    /// All, or none.
    All(bool),
    /// These, by their names in the report; a home without an owner goes by its own name.
    Named(BTreeSet<String>),
}

impl Default for MetricsOf {
    fn default() -> Self {
        Self::All(false)
    }
}

impl FromStr for MetricsOf {
    type Err = String;

    /// Reads `true`, `false`, or names separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "true" => Ok(Self::All(true)),
            "false" => Ok(Self::All(false)),
            names => {
                let names = Self::Named(names.split(',').map(str::to_owned).collect());
                match names.has_empty_name() {
                    true => Err("true, false or a list of names: alice,bob".to_owned()),
                    false => Ok(names),
                }
            }
        }
    }
}

impl MetricsOf {
    /// True if none is chosen.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::All(all) => !all,
            Self::Named(names) => names.is_empty(),
        }
    }

    /// True if one of the names is empty.
    pub(crate) fn has_empty_name(&self) -> bool {
        matches!(self, Self::Named(names) if names.contains(""))
    }

    /// True if one of the names of a user or group is chosen.
    pub(super) fn includes(&self, names: &[String]) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Named(chosen) => names.iter().any(|name| chosen.contains(name)),
        }
    }

    /// Lists the chosen names that are not among `known`: an alarm on their metrics would never have
    /// data.
    pub(super) fn missing(&self, known: impl Iterator<Item = String>) -> Vec<&str> {
        let Self::Named(names) = self else { return Vec::new() };
        let known: BTreeSet<String> = known.collect();
        names.iter().filter(|name| !known.contains(*name)).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_none_or_some_are_chosen() {
        let named = |names: &[&str]| {
            MetricsOf::Named(names.iter().map(|name| (*name).to_owned()).collect())
        };
        assert_eq!("true".parse(), Ok(MetricsOf::All(true)));
        assert_eq!("false".parse(), Ok(MetricsOf::default()));
        assert_eq!("bob,alice b".parse(), Ok(named(&["alice b", "bob"])));
        for wrong in ["", ",", "alice,,bob", "alice,"] {
            assert!(wrong.parse::<MetricsOf>().is_err(), "{wrong}");
        }
        assert!(named(&[]).is_empty() && !named(&["a"]).is_empty());
    }
}
