//! Time that a run waits for AWS.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Upper bound, in seconds: a day.
const MAX: u64 = 86_400;

/// Total time that a run waits for AWS if it does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience(pub(crate) Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_mins(1))
    }
}

impl FromStr for Patience {
    type Err = String;

    /// Parses seconds, or a time with units: `90s`, `5m`.
    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = match text.parse::<u64>() {
            Ok(seconds) => Some(seconds),
            Err(_) => {
                text.parse::<SignedDuration>().ok().and_then(|it| it.as_secs().try_into().ok())
            }
        };
        let seconds = seconds.filter(|seconds| (1..=MAX).contains(seconds));
        let problem = || "a time from 1s to 24h, like 90s or 5m".to_owned();
        seconds.map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(problem)
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

impl Serialize for Patience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Patience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Seconds(u64),
            Text(String),
        }
        let text = match Value::deserialize(deserializer) {
            Ok(Value::Seconds(seconds)) => seconds.to_string(),
            Ok(Value::Text(text)) => text,
            Err(_) => String::new(),
        };
        text.parse().map_err(|problem| serde::de::Error::custom(format!("patience: {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_seconds_or_a_time_with_units() {
        for (text, seconds) in
            [("60", 60), ("90s", 90), ("5m", 300), ("1h 30m", 5400), ("24h", MAX)]
        {
            assert_eq!(text.parse(), Ok(Patience(Duration::from_secs(seconds))), "{text}");
        }
        for wrong in ["", " ", "0", "0s", "-5s", "25h", "soon", "99999999999999999999"] {
            assert!(wrong.parse::<Patience>().is_err(), "{wrong}");
        }
    }
}
