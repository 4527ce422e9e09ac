//! `efs-scan merge`: makes a run of shards.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::heed::Phase;
use super::scan;
use crate::cli::MergeArgs;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::stop::Stop;
use crate::store::Destination;

pub(super) fn run(
    args: &MergeArgs,
    mut loaded: Loaded,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let from = args.from.as_deref().map(str::parse::<Destination>).transpose();
    let from = from.map_err(|problem| Failure::usage(format!("--from {problem}")))?;
    let wait = args.wait.as_deref().map(wait).transpose();
    let wait = wait.map_err(Failure::usage)?.unwrap_or_default();
    if let Some(from) = &from {
        loaded.put_destination(from);
    }
    scan::merge(loaded, from.as_ref(), wait, stop, phase)
}

/// The longest wait. A longer one is a typing error.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Parses seconds, or a time with units.
fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let with_units = || text.parse::<SignedDuration>().ok()?.try_into().ok();
    let wait = seconds.or_else(with_units).filter(|wait| *wait <= LONGEST);
    wait.ok_or_else(|| format!("--wait `{text}`: expected a time like 90s or 30m, up to 30 days"))
}
