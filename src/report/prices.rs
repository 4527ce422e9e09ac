//! Prices of storage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Usd;

/// Prices of a GiB-month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    /// EFS Standard.
    pub standard: Usd,
    /// Infrequent Access.
    pub infrequent_access: Usd,
    /// Archive.
    pub archive: Usd,
    /// Region and date of the prices.
    pub source: String,
}

impl Default for Prices {
    /// For regional file systems with elastic throughput, by AWS's price list.
    fn default() -> Self {
        Self {
            standard: Usd(0.30),
            infrequent_access: Usd(0.016),
            archive: Usd(0.008),
            source: "us-east-1, 2026-03".to_owned(),
        }
    }
}
