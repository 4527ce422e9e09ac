//! Pages beside the runs: each is replaced by itself, and only by one of a newer run.

use jiff::Timestamp;

use super::objects::{Pointed, ROUNDS, crowded};
use crate::published::{PAGE_HEAD, Rank, rank, run_of_page};
use crate::service_error::ServiceResult;
use crate::store::{Condition, Put, Store};
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
