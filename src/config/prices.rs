//! The table `[prices]`.

use serde::{Deserialize, Serialize};

use crate::report::Prices;
use crate::units::Usd;

/// Upper bound of a price. Amounts stay finite below it.
const MAX_PRICE: f64 = 1e6;

/// Prices in USD per GiB-month, per GiB that is moved, read or written, and per MiB/s and month; those
/// that the file gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PriceSettings {
    standard: Option<f64>,
    infrequent_access: Option<f64>,
    archive: Option<f64>,
    infrequent_access_read: Option<f64>,
    archive_read: Option<f64>,
    elastic_read: Option<f64>,
    elastic_write: Option<f64>,
    provisioned: Option<f64>,
    source: Option<String>,
}

impl PriceSettings {
    /// True if the file gives a price or a source.
    pub(crate) fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Lays them over others.
    pub(super) fn put_over(&self, below: &mut Self) {
        let over = |this: Option<f64>, other: &mut Option<f64>| *other = this.or(*other);
        over(self.standard, &mut below.standard);
        over(self.infrequent_access, &mut below.infrequent_access);
        over(self.archive, &mut below.archive);
        over(self.infrequent_access_read, &mut below.infrequent_access_read);
        over(self.archive_read, &mut below.archive_read);
        over(self.elastic_read, &mut below.elastic_read);
        over(self.elastic_write, &mut below.elastic_write);
        over(self.provisioned, &mut below.provisioned);
        if self.source.is_some() {
            below.source.clone_from(&self.source);
        }
    }

    /// The prices in force: the file's, and defaults for the others.
    pub(super) fn prices(&self) -> Result<Prices, String> {
        let price = |name: &str, set: Option<f64>, default: Usd| match set {
            Some(price) if !(0.0..=MAX_PRICE).contains(&price) => {
                Err(format!("prices.{name}: {price} must be from 0 to 1000000 USD for a GiB"))
            }
            set => Ok(set.map_or(default, Usd)),
        };
        let default = Prices::default();
        let infrequent_access = default.infrequent_access;
        Ok(Prices {
            standard: price("standard", self.standard, default.standard)?,
            infrequent_access: price(
                "infrequent_access",
                self.infrequent_access,
                infrequent_access,
            )?,
            archive: price("archive", self.archive, default.archive)?,
            infrequent_access_read: price(
                "infrequent_access_read",
                self.infrequent_access_read,
                default.infrequent_access_read,
            )?,
            archive_read: price("archive_read", self.archive_read, default.archive_read)?,
            elastic_read: price("elastic_read", self.elastic_read, default.elastic_read)?,
            elastic_write: price("elastic_write", self.elastic_write, default.elastic_write)?,
            provisioned: price("provisioned", self.provisioned, default.provisioned)?,
            source: match &self.source {
                Some(source) => source.clone(),
                None if !self.is_set() => default.source,
                None => "configuration".to_owned(),
            },
        })
    }

    /// The table with its defaults, for `efs-scan config`. An empty table stays empty: if EFS gives
    /// no sizes, only prices from the file are used.
    pub(super) fn with_defaults(&self) -> Self {
        match self.prices() {
            Ok(prices) if self.is_set() => Self {
                standard: Some(prices.standard.0),
                infrequent_access: Some(prices.infrequent_access.0),
                archive: Some(prices.archive.0),
                infrequent_access_read: Some(prices.infrequent_access_read.0),
                archive_read: Some(prices.archive_read.0),
                elastic_read: Some(prices.elastic_read.0),
                elastic_write: Some(prices.elastic_write.0),
                provisioned: Some(prices.provisioned.0),
                source: Some(prices.source),
            },
            _ => self.clone(),
        }
    }
}
