//! Homes that grew fast since about a day before.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Coverage, HomeKind, HomeReport};
use crate::packed::PackedList;
use crate::text::{bytes_of, printable};
use crate::units::AllocatedBytes;

/// When a home has grown fast: by one of these within a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GrowthAlarm {
    pub(crate) bytes: Option<AllocatedBytes>,
    pub(crate) factor: Option<GrowthFactor>,
}

/// A factor, for homes that grew by at least so much: from 1 KiB to 3 KiB is no alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GrowthFactor {
    /// More than 1.
    pub(crate) factor: f64,
    pub(crate) least: AllocatedBytes,
}

/// Growth of homes since about a day before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Growth {
    /// The run that homes are compared with; null if there is none.
    pub since: Option<GrowthBase>,
    /// Why growth is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The most that a home grew in a day; null if that is not known.
    pub max_bytes: Option<AllocatedBytes>,
    /// Homes that grew by more than the configured size or factor in a day. Those that grew most come
    /// first.
    pub homes: Vec<GrownHome>,
    /// Number of homes that are not compared, because one of the runs did not read them completely.
    pub not_compared: u64,
}

/// The run that homes are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrowthBase {
    /// Id of the run.
    pub run: String,
    /// When it started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Days between the runs, at least 1. Growth is divided by it.
    pub days: u32,
}

/// A home that grew fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrownHome {
    /// Path below the root, as among the homes.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// True if the home did not exist before.
    pub new: bool,
    /// Allocated bytes before.
    pub old_allocated_bytes: AllocatedBytes,
    /// Allocated bytes now.
    pub allocated_bytes: AllocatedBytes,
    /// Growth in a day.
    pub day_bytes: AllocatedBytes,
    /// The place that grew most, if both runs have a table of directories.
    pub place: Option<GrownPlace>,
}

/// A place in a home that grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrownPlace {
    /// Path below the home; empty for what is directly in it.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// Growth since the run before, in allocated bytes.
    pub allocated_bytes: AllocatedBytes,
    /// True if it was not there before.
    pub new: bool,
}

/// The homes of an earlier run by the bytes of their names: allocated bytes, or `None` where not all
/// of the home was read.
pub(crate) type HomesBefore = HashMap<Vec<u8>, Option<AllocatedBytes>>;

impl Growth {
    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self { unknown: Some(reason.into()), ..Self::default() }
    }

    /// Compares homes with those `before`. `all_before` is true if that run lists every home that there
    /// was.
    pub(crate) fn of(
        homes: &PackedList<HomeReport>,
        (before, all_before): (&HomesBefore, bool),
        since: GrowthBase,
        alarm: GrowthAlarm,
    ) -> Self {
        let days = u64::from(since.days.max(1));
        let mut growth = Self { since: Some(since), ..Self::default() };
        let mut max = AllocatedBytes(0);
        for home in homes.iter().filter(|home| home.kind != HomeKind::Outside) {
            let old = before.get(&home.name_bytes()).copied();
            let (old, new) = match old {
                _ if home.coverage != Coverage::Complete => (None, false),
                Some(old) => (old, false),
                None => (all_before.then_some(AllocatedBytes(0)), true),
            };
            let Some(old) = old else {
                growth.not_compared += 1;
                continue;
            };
            let now = home.usage.allocated_bytes;
            let day = AllocatedBytes(now.0.saturating_sub(old.0) / days);
            max = max.max(day);
            if alarm.is_for(old, day) {
                growth.homes.push(GrownHome {
                    name: home.name,
                    name_base64: home.name_base64,
                    new,
                    old_allocated_bytes: old,
                    allocated_bytes: now,
                    day_bytes: day,
                    place: None,
                });
            }
        }
        growth.homes.sort_by(|a, b| {
            let key = |home: &GrownHome| (Reverse(home.day_bytes), home.name_bytes());
            key(a).cmp(&key(b))
        });
        // The largest growth may be that of a home that was not compared.
        growth.max_bytes = (growth.not_compared == 0).then_some(max);
        growth
    }

    /// Number of homes that grew fast, if all homes were compared.
    pub(crate) fn count(&self) -> Option<u64> {
        self.max_bytes.map(|_| self.homes.len() as u64)
    }
}

impl GrowthAlarm {
    /// True if nothing is an alarm.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// True if a home of `old` bytes that grew by `day` in a day grew fast.
    fn is_for(&self, old: AllocatedBytes, day: AllocatedBytes) -> bool {
        // A new home has grown by no factor.
        let is_factor = |it: GrowthFactor| {
            let times = (old.0 as f64 + day.0 as f64) / old.0 as f64;
            old.0 > 0 && day >= it.least && times >= it.factor
        };
        self.bytes.is_some_and(|most| day > most) || self.factor.is_some_and(is_factor)
    }
}

impl GrownHome {
    /// The bytes of `name`.
    pub fn name_bytes(&self) -> Vec<u8> {
        bytes_of(&self.name, self.name_base64.as_deref())
    }
}

impl GrownPlace {
    /// The path as [`printable`] shows it.
    pub fn printable_path(&self) -> String {
        printable(&bytes_of(&self.path, self.path_base64.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn small_homes_and_new_ones_are_no_alarm_by_a_factor() {
        let factor = GrowthFactor { factor: 2.0, least: AllocatedBytes(GIB) };
        let alarm = GrowthAlarm { bytes: Some(AllocatedBytes(100 * GIB)), factor: Some(factor) };
        let is_for = |old: u64, day: u64| alarm.is_for(AllocatedBytes(old), AllocatedBytes(day));
        for (old, day, is) in [
            (1024, 2048, false),
            (GIB, GIB, true),
            (GIB + 1, GIB, false),
            (0, 50 * GIB, false),
            (0, 100 * GIB, false),
            (0, 100 * GIB + 1, true),
            (1000 * GIB, 101 * GIB, true),
            (1000 * GIB, 0, false),
        ] {
            assert_eq!(is_for(old, day), is, "{old} + {day}");
        }
        assert!(!GrowthAlarm::default().is_for(AllocatedBytes(1), AllocatedBytes(u64::MAX)));
        assert!(GrowthAlarm::default().is_off() && !alarm.is_off());
    }
}
