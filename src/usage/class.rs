//! Classes of inodes, under one name from the rule to the page.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::tally::Amount;

/// The class that a rule assigns to an inode.
///
/// The order is how hard a class is to give up. An inode whose links lie in several classes counts
/// in the last of them.
///
/// In JSON a class is its [`name`](Self::name). A name that this version does not know reads as
/// [`Class::Rest`], so a report of a later version stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Deleted, but still billed.
    Trash,
    /// Available again after a download or a rebuild.
    Cache,
    /// A Python or other environment: ask its owner.
    Environment,
    /// Output of runs: may be the only copy.
    Output,
    /// Logs and core dumps.
    Log,
    /// Everything without a rule.
    #[serde(other)]
    Rest,
}

impl Class {
    /// All classes, in their order.
    pub const ALL: [Class; 6] =
        [Class::Trash, Class::Cache, Class::Environment, Class::Output, Class::Log, Class::Rest];

    /// Returns the name in rules, reports and pages.
    pub fn name(self) -> &'static str {
        match self {
            Class::Trash => "trash",
            Class::Cache => "cache",
            Class::Environment => "environment",
            Class::Output => "output",
            Class::Log => "log",
            Class::Rest => "rest",
        }
    }
}

/// A plain string in the schema: a later version may add a class within the same schema.
impl JsonSchema for Class {
    fn inline_schema() -> bool {
        String::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// An amount for each class, indexed by [`Class`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmountByClass(pub(super) [Amount; Class::ALL.len()]);

impl AmountByClass {
    /// Adds `amount` to `class`.
    pub fn add(&mut self, class: Class, amount: Amount) {
        self.0[class as usize].merge(amount);
    }

    pub fn get(&self, class: Class) -> Amount {
        self.0[class as usize]
    }

    pub fn merge(&mut self, other: &AmountByClass) {
        for class in Class::ALL {
            self.add(class, other.get(class));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    #[test]
    fn a_class_is_its_name_in_json() {
        for class in Class::ALL {
            let json = format!("\"{}\"", class.name());
            assert_eq!(serde_json::to_string(&class).unwrap(), json);
            assert_eq!(serde_json::from_str::<Class>(&json).unwrap(), class);
        }
    }

    #[test]
    fn a_class_of_a_later_version_reads_as_rest() {
        assert_eq!(serde_json::from_str::<Class>("\"datasets\"").unwrap(), Class::Rest);
    }
}
