//! Comparison of the scan's metered size with EFS's own, and the cost of the file system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bill::Tiering;
use super::model::{Coverage, Report};
use super::money::{Basis, GIB};
use super::prices::Prices;
use super::throughput::Throughput;
use crate::aws::{EfsLifecycle, EfsSize};
use crate::text::printable;
use crate::units::{MeteredBytes, Usd};

/// The EFS file system, and how the scan compares with EFS's own figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileSystem {
    /// `fs-…`.
    pub id: String,
    /// The metered size by EFS, if EFS told it.
    pub efs: Option<EfsSize>,
    /// The scan's metered size less EFS's, in percent of EFS's; only for a whole file system.
    pub difference_percent: Option<f64>,
    /// The cost of the file system.
    pub cost: Option<Cost>,
    /// When EFS moves data to cheaper storage classes, if EFS told it.
    #[serde(default)]
    pub lifecycle: Option<EfsLifecycle>,
    /// Estimate of what lifecycle management would save, where it is off.
    #[serde(default)]
    pub tiering: Option<Tiering>,
    /// Its throughput mode, and an estimate of what each mode would cost.
    #[serde(default)]
    pub throughput: Option<Throughput>,
}

/// The cost of storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Monthly cost, by EFS's size in each storage class.
    pub month: Usd,
    /// The prices used.
    pub prices: Prices,
}

/// How much of the file system the root covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannedPart {
    /// All of it.
    Whole,
    /// A directory in it.
    Some,
}

impl Report {
    /// Adds EFS's size of the file system, its difference from the scan's, and all costs.
    pub fn reconcile(
        &mut self,
        (id, part): (String, ScannedPart),
        efs: Option<EfsSize>,
        prices: &Prices,
    ) {
        let ours = self.totals.metered_bytes.0 as f64;
        let whole = part == ScannedPart::Whole
            && self.run.users.is_empty()
            && self.run.coverage == Coverage::Complete
            && self.left_out.excluded.is_empty();
        let theirs = efs.map(|efs| efs.value.0 as f64).filter(|bytes| *bytes > 0.0);
        let difference = theirs.filter(|_| whole).map(|theirs| (ours - theirs) / theirs * 100.0);
        // EFS reports 0 until its first measurement: the root alone is metered at 6 KiB.
        let counted = efs.filter(|efs| efs.value.0 > 0);
        let cost = counted.map(|efs| Cost { month: month(&efs, prices), prices: prices.clone() });
        if let Some(cost) = &cost {
            // The costs of a scan of the whole file system add up to the bill; those of a part are
            // in proportion to EFS's size.
            let all = if whole { ours } else { theirs.unwrap_or(ours) };
            let rate = Usd(cost.month.0 / all.max(1.0) * GIB);
            self.price(rate, Basis::Efs, prices.source.clone());
        }
        self.file_system = Some(FileSystem {
            id,
            efs,
            difference_percent: difference.map(|percent| (percent * 100.0).round() / 100.0),
            cost,
            lifecycle: None,
            tiering: None,
            throughput: None,
        });
    }
}

impl FileSystem {
    /// A line for people, empty if EFS gave no size: `EFS meters 1.2 TiB (2026-11-24 02:00 UTC) for
    /// fs-…, this scan 1.2 TiB: +0.30 %; 361.20 USD a month`.
    pub(crate) fn line(&self, ours: MeteredBytes) -> String {
        let Some(efs) = &self.efs else { return String::new() };
        let at = efs.at.map(|at| format!(" ({})", at.strftime("%Y-%m-%d %H:%M UTC")));
        let (theirs, at) = (efs.value.human(), at.unwrap_or_default());
        let difference = self.difference_percent.map(|percent| format!(": {percent:+.2} %"));
        let cost = self.cost.as_ref().map(|cost| format!("; {} a month", cost.month.human()));
        let (difference, cost) = (difference.unwrap_or_default(), cost.unwrap_or_default());
        let (id, ours) = (printable(self.id.as_bytes()), ours.human());
        format!("EFS meters {theirs}{at} for {id}, this scan {ours}{difference}{cost}\n")
    }
}

/// Monthly cost of the file system. Bytes without a storage class count as Standard.
fn month(efs: &EfsSize, prices: &Prices) -> Usd {
    let colder = [(efs.infrequent_access, prices.infrequent_access), (efs.archive, prices.archive)];
    let known: u64 = colder.iter().filter_map(|(bytes, _)| Some((*bytes)?.0)).sum();
    let rest = MeteredBytes(efs.value.0.saturating_sub(known));
    let standard = (Some(efs.standard.unwrap_or(rest)), prices.standard);
    let classes = colder.into_iter().chain([standard]);
    Usd(classes.map(|(bytes, price)| bytes.map_or(0.0, |b| b.0 as f64) / GIB * price.0).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_price() {
        let size = |value: u64, standard, infrequent_access, archive| EfsSize {
            value: MeteredBytes(value << 30),
            standard: Option::map(standard, |gib: u64| MeteredBytes(gib << 30)),
            infrequent_access: Option::map(infrequent_access, |gib: u64| MeteredBytes(gib << 30)),
            archive: Option::map(archive, |gib: u64| MeteredBytes(gib << 30)),
            at: None,
        };
        let prices = Prices {
            standard: Usd(0.5),
            infrequent_access: Usd(0.25),
            archive: Usd(0.125),
            ..Prices::default()
        };
        assert_eq!(month(&size(10, Some(4), Some(4), Some(2)), &prices), Usd(3.25));
        assert_eq!(month(&size(10, None, None, None), &prices), Usd(5.0));
        assert_eq!(month(&size(10, None, Some(4), None), &prices), Usd(4.0));
    }
}
