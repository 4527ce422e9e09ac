//! The number of inodes that a scan may expect, by the newest published run.

use std::collections::BTreeSet;

use super::latest::HomeLine;
use super::newest::newest;
use crate::report::{Coverage, HomeKind, Run};
use crate::service_error::ServiceResult;
use crate::store::Store;

/// Counts the inodes of the newest published run: all of them, or those in homes with the given
/// names. `None` if that run does not cover what `run` does.
///
/// # Errors
/// If the newest run cannot be read.
pub(crate) fn expected_inodes(
    store: &dyn Store,
    run: &Run,
    homes: Option<&BTreeSet<Vec<u8>>>,
) -> ServiceResult<Option<u64>> {
    let Some(latest) = newest(store)? else { return Ok(None) };
    let before = &latest.run;
    if !before.covers_what(run) || before.coverage == Coverage::Interrupted {
        return Ok(None);
    }
    let Some(homes) = homes else { return Ok(Some(latest.totals.share().inodes)) };
    let is_asked_for = |home: &&HomeLine| {
        let path = home.name_bytes();
        home.kind != HomeKind::Outside
            && path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| homes.contains(name))
    };
    Ok(latest.homes.iter().filter(is_asked_for).map(|home| home.inodes).sum())
}
