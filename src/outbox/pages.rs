//! Pages beside the runs: each is replaced by itself, and only by one of a newer run.

use super::objects::{Pointed, ROUNDS, crowded};
use crate::published::run_of_page;
use crate::service_error::ServiceResult;
use crate::store::{Condition, Put, Store};

/// Writes a page, unless the store has one of a newer run.
///
/// # Errors
/// If the page cannot be written, or others write it all the time.
pub fn put_page(store: &dyn Store, key: &str, page: &str) -> ServiceResult<Pointed> {
    for _ in 0..ROUNDS {
        let there = store.get(key)?;
        // Ids of runs sort by time. A page without one is broken, or not from this program.
        let newer = there.as_ref().and_then(|object| run_of_page(&object.bytes))
            > run_of_page(page.as_bytes());
        if newer {
            return Ok(Pointed::Newer);
        }
        if store.put(key, page.as_bytes(), Condition::since(there.as_ref()))? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    Err(crowded(store, key))
}
