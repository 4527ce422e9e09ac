//! The table `[growth]`: when a home has grown fast.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::report::{GrowthAlarm, GrowthFactor};
use crate::units::{AllocatedBytes, parse_size};

/// Growth below which no factor is an alarm, unless another is given.
const DEFAULT_FACTOR_MIN: AllocatedBytes = AllocatedBytes(1 << 30);

/// Sizes as they are written in the file.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GrowthSettings {
    /// Name homes that grew by more than this in a day in the notice, with the place that grew most, and
    /// count them in the metrics HomesGrown and MaxGrowthBytes: 100GiB
    #[arg(
        id = "growth.alarm",
        long = "growth-alarm",
        value_name = "SIZE",
        env = "EFS_SCAN_GROWTH_ALARM"
    )]
    alarm: Option<String>,

    /// The same for homes that are so many times as large as the day before: 2.0
    #[arg(
        id = "growth.factor",
        long = "growth-factor",
        value_name = "N",
        env = "EFS_SCAN_GROWTH_FACTOR"
    )]
    factor: Option<f64>,

    /// With --growth-factor: only homes that grew by at least this [default: 1GiB]
    #[arg(
        id = "growth.factor_min",
        long = "growth-factor-min",
        value_name = "SIZE",
        env = "EFS_SCAN_GROWTH_FACTOR_MIN"
    )]
    factor_min: Option<String>,
}

impl GrowthSettings {
    pub(super) fn alarm(&self) -> Result<GrowthAlarm, String> {
        let size = |flag: &str, text: &String| match parse_size(text) {
            Ok(0) => Err(format!("--{flag}: it must be more than 0")),
            Ok(bytes) => Ok(AllocatedBytes(bytes)),
            Err(problem) => Err(format!("--{flag}: {problem}")),
        };
        let bytes = self.alarm.as_ref().map(|text| size("growth-alarm", text)).transpose()?;
        let least = self.factor_min.as_ref().map(|text| size("growth-factor-min", text));
        let least = least.transpose()?.unwrap_or(DEFAULT_FACTOR_MIN);
        let factor = match self.factor {
            None => None,
            Some(factor) if factor.is_finite() && factor > 1.0 => {
                Some(GrowthFactor { factor, least })
            }
            Some(factor) => {
                return Err(format!("--growth-factor {factor}: it must be more than 1"));
            }
        };
        Ok(GrowthAlarm { bytes, factor })
    }
}
