//! Number of workers, as set by flags and the configuration.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of workers that a walk may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// As many as pay off, found out during the walk.
    #[default]
    Auto,
    /// Exactly this many.
    Fixed(usize),
}

impl FromStr for Threads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(count) => Ok(Self::Fixed(count)),
                Err(_) => Err("`auto` or a number of workers".to_owned()),
            },
        }
    }
}

impl Serialize for Threads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fixed(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Threads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Count(usize),
            Word(String),
        }
        match Value::deserialize(deserializer) {
            Ok(Value::Count(count)) => Ok(Self::Fixed(count)),
            Ok(Value::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(serde::de::Error::custom("threads: `auto` or a number of workers")),
        }
    }
}
