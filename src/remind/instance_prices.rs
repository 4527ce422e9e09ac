//! Hourly prices of SageMaker's instances.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::thresholds::check_instance_type;
use crate::units::Usd;

/// The shipped table.
const SHIPPED: &str = include_str!("instance_prices.toml");

/// Upper bound of a price. Amounts stay finite below it.
const MAX_PRICE: f64 = 1e5;

/// A table of prices in a file's format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PriceTable {
    /// Region and date of the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// USD per hour by instance type.
    #[serde(flatten)]
    pub usd: BTreeMap<String, f64>,
}

/// USD per hour by instance type, and the source of the prices.
#[derive(Clone, Debug, PartialEq)]
pub struct InstancePrices {
    usd: BTreeMap<String, f64>,
    /// Region and date.
    pub(super) source: String,
}

impl Default for InstancePrices {
    /// Returns the shipped table.
    fn default() -> Self {
        // A test parses the shipped table.
        let PriceTable { source, usd } = toml::from_str(SHIPPED).unwrap_or_default();
        Self { usd, source: source.unwrap_or_default() }
    }
}

impl InstancePrices {
    /// Returns the shipped prices, overridden by those of `table`. A table with its own source is
    /// for another region or time, so it replaces all shipped prices.
    ///
    /// # Errors
    /// Names the wrong entry.
    pub fn with(table: PriceTable) -> Result<Self, String> {
        for (instance, price) in &table.usd {
            check_instance_type(instance)?;
            if !(0.0..=MAX_PRICE).contains(price) {
                let range = "must be from 0 to 100000 USD for an hour";
                return Err(format!("`{instance}`: {price} {range}"));
            }
        }
        let mut prices = match table.source {
            Some(source) if source.trim().is_empty() || source.chars().any(char::is_control) => {
                return Err("source: it is one line of text".to_owned());
            }
            Some(source) => Self { usd: BTreeMap::new(), source },
            None if table.usd.is_empty() => Self::default(),
            None => {
                let Self { usd, source } = Self::default();
                Self { usd, source: format!("{source}, and of the administrator") }
            }
        };
        prices.usd.extend(table.usd);
        Ok(prices)
    }

    /// Returns the price of `hours` hours, if the hourly price is known.
    pub(super) fn cost(&self, instance: &str, hours: f64) -> Option<Usd> {
        self.usd.get(instance).map(|usd| Usd(usd * hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_is_sound() {
        let table: PriceTable = toml::from_str(SHIPPED).expect("TOML");
        assert!(table.usd.len() > 30 && table.source.is_some());
        // The shipped table passes the checks of a configured one.
        InstancePrices::with(table).expect("sound");
        let shipped = InstancePrices::default();
        assert_eq!(shipped.cost("ml.t3.medium", 216.0), Some(Usd(0.05 * 216.0)));
        assert_eq!(shipped.cost("ml.x9.large", 216.0), None);
        // A larger instance of a family costs more.
        for (less, more) in [("large", "xlarge"), ("xlarge", "2xlarge"), ("2xlarge", "4xlarge")] {
            for family in ["m5", "c5", "g4dn", "g5"] {
                let of = |size| shipped.cost(&format!("ml.{family}.{size}"), 1.0);
                assert!(of(less) <= of(more), "{family} {less} {more}");
            }
        }
    }

    #[test]
    fn a_table_is_put_over_the_shipped_one_unless_it_is_of_elsewhere() {
        let usd = || BTreeMap::from([("ml.g5.xlarge".to_owned(), 2.0)]);
        let over = InstancePrices::with(PriceTable { source: None, usd: usd() }).expect("sound");
        assert_eq!(over.cost("ml.g5.xlarge", 1.0), Some(Usd(2.0)));
        assert!(over.cost("ml.t3.medium", 1.0).is_some() && over.source.contains("administrator"));
        let source = Some("eu-west-1, 2026-09".to_owned());
        let other = InstancePrices::with(PriceTable { source, usd: usd() }).expect("sound");
        assert_eq!(other.cost("ml.t3.medium", 1.0), None);
        assert_eq!(other.source, "eu-west-1, 2026-09");
        for (instance, price) in [
            ("ml.g5.xlarge", -1.0),
            ("ml.g5.xlarge", f64::NAN),
            ("ml.g5.xlarge", 1e9),
            ("g5", 1.0),
            ("ml.g5.*", 1.0),
        ] {
            let usd = BTreeMap::from([(instance.to_owned(), price)]);
            assert!(
                InstancePrices::with(PriceTable { source: None, usd }).is_err(),
                "{instance} {price}"
            );
        }
    }
}
