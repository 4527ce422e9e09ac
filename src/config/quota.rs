//! The table `[quota]`.

use std::collections::BTreeMap;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::report::Quotas;
use crate::units::{AllocatedBytes, parse_size};

/// Sizes as they are written in the file.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QuotaSettings {
    /// Quota of every home that the configuration does not name, in allocated bytes: 50GiB
    #[arg(id = "quota.default", long = "quota", value_name = "SIZE", env = "EFS_SCAN_QUOTA")]
    default: Option<String>,

    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    users: BTreeMap<String, String>,

    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, String>,
}

impl QuotaSettings {
    /// Lays them over others; for a user or a group in both, these take precedence.
    pub(super) fn put_over(&self, below: &mut Self) {
        if self.default.is_some() {
            below.default.clone_from(&self.default);
        }
        below.users.extend(self.users.clone());
        below.groups.extend(self.groups.clone());
    }

    pub(super) fn quotas(&self) -> Result<Quotas, String> {
        let size = |whose: &str, text: &String| match parse_size(text) {
            Ok(0) => Err(format!("quota of {whose}: it must be more than 0")),
            Ok(bytes) => Ok(AllocatedBytes(bytes)),
            Err(problem) => Err(format!("quota of {whose}: {problem}")),
        };
        let named = |all: &BTreeMap<String, String>, kind: &str| {
            let one = |(name, text): (&String, &String)| {
                Ok((name.clone(), size(&format!("{kind}{name}"), text)?))
            };
            all.iter().map(one).collect::<Result<_, String>>()
        };
        Ok(Quotas {
            default: self.default.as_ref().map(|text| size("every home", text)).transpose()?,
            users: named(&self.users, "")?,
            groups: named(&self.groups, "the group ")?,
        })
    }
}
