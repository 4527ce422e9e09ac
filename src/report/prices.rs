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
    /// A GiB that is read with Elastic throughput.
    #[serde(default = "elastic_read")]
    pub elastic_read: Usd,
    /// A GiB that is written with Elastic throughput.
    #[serde(default = "elastic_write")]
    pub elastic_write: Usd,
    /// A MiB/s of Provisioned throughput for a month, beyond what is included with Standard.
    #[serde(default = "provisioned")]
    pub provisioned: Usd,
    /// Region and date of the prices.
    pub source: String,
}

// Defaults for us-east-1, to override under `[prices]`. AWS's page (aws.amazon.com/efs/pricing) shows them by
// region and has no dated copy, so they were compared on 2026-11-29 with copies of AWS's own price list: the
// access of Infrequent Access and Archive, Elastic and Provisioned throughput are as a public project took
// them from the Price List API for us-east-2 in 2026 (service AmazonEFS, usage types IADataAccess-Bytes,
// ArchiveDataAccess-Bytes, ETDataAccess-Bytes and ProvisionedTP-MiBpsHrs), where Standard, Infrequent Access
// and Archive cost the same as here. Moving to a class and reading from it cost the same.

fn ia_access() -> Usd {
    Usd(0.01)
}

fn archive_access() -> Usd {
    Usd(0.03)
}

fn elastic_read() -> Usd {
    Usd(0.03)
}

fn elastic_write() -> Usd {
    Usd(0.06)
}

fn provisioned() -> Usd {
    Usd(6.0)
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
            elastic_read: elastic_read(),
            elastic_write: elastic_write(),
            provisioned: provisioned(),
            source: "us-east-1, 2026-03".to_owned(),
        }
    }
}
