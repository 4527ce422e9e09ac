//! The table `[quota]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::Quotas;
use crate::units::{AllocatedBytes, parse_size};

/// The table `[quota]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QuotaSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    users: BTreeMap<String, String>,
}

impl QuotaSettings {
    pub(super) fn check(&self) -> Result<Quotas, String> {
        let size = |whose: &str, text: &String| match parse_size(text) {
            Ok(0) => Err(format!("quota of {whose}: it must be more than nothing")),
            Ok(bytes) => Ok(AllocatedBytes(bytes)),
            Err(problem) => Err(format!("quota of {whose}: {problem}")),
        };
        let users = self.users.iter();
        Ok(Quotas {
            default: self.default.as_ref().map(|text| size("every home", text)).transpose()?,
            users: users
                .map(|(user, text)| Ok((user.clone(), size(user, text)?)))
                .collect::<Result<_, String>>()?,
        })
    }
}
