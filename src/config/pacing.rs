//! The settings of how much a scan may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::scan::{EngineKind, Pacing, Threads};

/// More workers than this are a slip of the keyboard.
const MOST_THREADS: usize = 4096;

/// More than this cannot be told apart by a clock of nanoseconds.
const MOST_OPS: u32 = 10_000_000;

/// `auto`, or a number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Count(usize),
    Word(Word),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Auto,
}

impl Serialize for Threads {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => Text::Word(Word::Auto).serialize(serializer),
            Self::Fixed(count) => Text::Count(count).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Threads {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer) {
            Ok(Text::Word(Word::Auto)) => Ok(Self::Auto),
            Ok(Text::Count(count)) => Ok(Self::Fixed(count)),
            Err(_) => Err(serde::de::Error::custom("threads: `auto` or a number of workers")),
        }
    }
}

impl std::str::FromStr for Threads {
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

impl Settings {
    pub(super) fn pacing(&self) -> Result<Pacing, String> {
        let threads = self.threads.unwrap_or_default();
        let fits = |count: usize| (1..=MOST_THREADS).contains(&count);
        if matches!(threads, Threads::Fixed(count) if !fits(count)) {
            return Err(format!("--threads must be `auto` or from 1 to {MOST_THREADS}"));
        }
        if self.max_threads.is_some_and(|count| !fits(count)) {
            return Err(format!("--max-threads must be from 1 to {MOST_THREADS}"));
        }
        if self.max_ops.is_some_and(|ops| !(1..=MOST_OPS).contains(&ops)) {
            return Err(format!("--max-ops must be from 1 to {MOST_OPS}"));
        }
        let max_latency = self.max_latency.map(|ms| match ms > 0.0 && ms <= 60_000.0 {
            true => Ok(Duration::from_secs_f64(ms / 1000.0)),
            false => Err("--max-latency must be more than 0 and at most 60000".to_owned()),
        });
        let max_latency = max_latency.transpose()?;
        let holds_back = self.max_ops.is_some() || max_latency.is_some();
        if holds_back && !self.engine.unwrap_or_default().can_hold_back() {
            return Err("--max-ops and --max-latency need --engine posix or nfs".to_owned());
        }
        Ok(Pacing { threads, max_threads: self.max_threads, max_ops: self.max_ops, max_latency })
    }
}

impl EngineKind {
    fn can_hold_back(self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Posix | Self::Nfs => true,
            #[cfg(feature = "portable")]
            Self::Portable => false,
        }
    }
}
