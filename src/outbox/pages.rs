//! Pages beside the runs. Each is replaced by itself, and only by one of a newer run.
//!
//! The page about all file systems has no run of its own. It is made of every `latest/KEY.json`, and
//! publishers of several file systems write it at the same time. Two of them may each know a run that the
//! other does not, so their pages have no order. The order of the steps makes one: the page that is there
//! is looked at first, then the runs are read, and the new page is written if nobody wrote one since. Runs
//! only get newer, so the new page is made of all that the one before it was made of, or of more.
//!
//! Whoever finds that somebody else wrote in between begins again, at most once: a page that was written
//! after the second look replaced one that was written after the first look. Its publisher looked at that
//! one before it read the runs, so it has read what was there at the first look.

use jiff::Timestamp;

use super::objects::{Pointed, ROUNDS, crowded};
use crate::published::{FLEET_PAGE, PAGE_HEAD, Rank, is_fleet_page, rank, run_of_page};
use crate::service_error::ServiceResult;
use crate::store::{Condition, Put, Store, Version};
use crate::text::Shown;

/// Writes a page, unless the store has one of a newer run.
///
/// # Errors
/// If the page cannot be written, or others write it all the time.
pub fn put_page(store: &dyn Store, key: &str, page: &Shown) -> ServiceResult<Pointed> {
    for _ in 0..ROUNDS {
        let there = store.head(key, PAGE_HEAD)?;
        let now = Timestamp::now();
        // A page without a run is broken, or not from this program.
        let of = |page| run_of_page(page).map_or(Rank::None, |id| rank(id, now));
        let before = there.as_ref().map_or(Rank::None, |object| of(&object.bytes));
        if before > of(page.as_bytes()) {
            return Ok(Pointed::Newer);
        }
        if store.put(key, page.as_bytes(), Condition::since(there.as_ref()))? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    Err(crowded(store, key))
}

/// Writes the page about all file systems. `make` reads what is published and makes the page. It is
/// called again if others write in between.
///
/// # Errors
/// Those of `make`, and if the page cannot be written.
pub fn put_fleet_page(
    store: &dyn Store,
    make: &dyn Fn() -> ServiceResult<Shown>,
) -> ServiceResult<()> {
    let mut seen: Option<Option<Version>> = None;
    let mut changes = 0;
    for _ in 0..ROUNDS {
        let there = store.head(FLEET_PAGE, PAGE_HEAD)?;
        let version = there.as_ref().map(|page| page.version.clone());
        changes += usize::from(seen.as_ref().is_some_and(|seen| *seen != version));
        if changes >= 2 && there.as_ref().is_some_and(|page| is_fleet_page(&page.bytes)) {
            return Ok(());
        }
        seen = Some(version);
        let page = make()?;
        let put = store.put(FLEET_PAGE, page.as_bytes(), Condition::since(there.as_ref()))?;
        if put == Put::Done {
            return Ok(());
        }
    }
    Err(crowded(store, FLEET_PAGE))
}
