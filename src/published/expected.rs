//! The number of inodes that a scan may expect, by the newest published run.

use std::collections::BTreeSet;

use super::latest::HomeLine;
use super::newest::newest;
use crate::report::{Coverage, HomeKind, Run};
use crate::service_error::ServiceResult;
use crate::store::Store;

/// Counts the inodes of the newest published run: all of them, or those in homes with the given
/// paths. `None` if that run does not cover what `run` does.
///
/// # Errors
/// If the newest run cannot be read.
pub(crate) fn expected_inodes(
    store: &dyn Store,
    run: &Run,
    homes: Option<&BTreeSet<Vec<u8>>>,
) -> ServiceResult<Option<u64>> {
    let Some(identity) = &run.identity else { return Ok(None) };
    let Some(latest) = newest(store, &identity.key)? else { return Ok(None) };
    let before = &latest.run;
    if !before.covers_same_tree(run) || before.coverage == Coverage::Interrupted {
        return Ok(None);
    }
    let Some(homes) = homes else { return Ok(Some(latest.totals.share().inodes)) };
    // The root as a home has an empty path.
    let path = |home: &HomeLine| Some(home.name_bytes()).filter(|name| name != b".");
    let is_asked_for = |home: &&HomeLine| {
        home.kind != HomeKind::Outside && homes.contains(&path(home).unwrap_or_default())
    };
    Ok(latest.homes.iter().filter(is_asked_for).map(|home| home.inodes).sum())
}
