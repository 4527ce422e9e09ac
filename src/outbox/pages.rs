//! Pages beside the runs: objects that change, each by itself from an older run's to a newer one's.

use super::objects::{Pointed, ROUNDS, crowded};
use crate::published::run_of_page;
use crate::service_error::ServiceResult;
use crate::store::{Condition, Put, Store};

/// Writes a page, unless one of a newer run is there.
///
/// # Errors
/// If it could not be written, or others write there all the time.
pub fn put_page(store: &dyn Store, key: &str, page: &str) -> ServiceResult<Pointed> {
    for _ in 0..ROUNDS {
        let there = store.get(key)?;
        // Ids of runs sort by time. What names none is not a page of this program, or a broken one.
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
