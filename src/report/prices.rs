//! Prices of storage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Usd;

/// Prices of a GiB-month, and of access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    /// EFS Standard.
    pub standard: Usd,
    /// Infrequent Access.
    pub infrequent_access: Usd,
    /// Archive.
    pub archive: Usd,
    /// A GiB that moves to Infrequent Access or is read from it.
    #[serde(default = "ia_access")]
    pub infrequent_access_read: Usd,
    /// A GiB that moves to Archive or is read from it.
    #[serde(default = "archive_access")]
    pub archive_read: Usd,
    /// Region and date of the prices.
    pub source: String,
}

/// A default for us-east-1, to override under `[prices]`: AWS publishes the prices of access by region
/// (aws.amazon.com/efs/pricing), and no dated copy of its own list was at hand to check it with. A third
/// party's list of 2026-06 has the same.
fn ia_access() -> Usd {
    Usd(0.01)
}

/// A default for us-east-1, to override as that of Infrequent Access; it was checked with no list at all.
fn archive_access() -> Usd {
    Usd(0.03)
}

impl Default for Prices {
    /// For regional file systems with elastic throughput, by AWS's price list.
    fn default() -> Self {
        Self {
            standard: Usd(0.30),
            infrequent_access: Usd(0.016),
            archive: Usd(0.008),
            infrequent_access_read: ia_access(),
            archive_read: archive_access(),
            source: "us-east-1, 2026-03".to_owned(),
        }
    }
}
