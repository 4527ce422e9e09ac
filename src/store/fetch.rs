//! Fetches an object to a file, for what reads it at many places.

use std::fs::File;
use std::io::{self, Read, Seek};

use super::Store;
use super::body::temporary_file;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Copies an object to a file without a name; `None` if there is no object. An object of more than
/// `most` bytes is an error.
///
/// # Errors
/// Names the object.
pub(crate) fn fetched(store: &dyn Store, key: &str, most: u64) -> ServiceResult<Option<File>> {
    let failed = |error: io::Error| {
        let text = format!("a temporary file for {}: {error}", store.name(key));
        ServiceError::new(Trouble::Refused, text)
    };
    let mut file = temporary_file().map_err(failed)?;
    if !store.copy(key, most, &mut file)? {
        return Ok(None);
    }
    file.rewind().map_err(failed)?;
    Ok(Some(file))
}

/// Copies an object as the store reads it.
pub(super) fn by_reading<S: Store + ?Sized>(
    store: &S,
    key: &str,
    most: u64,
    to: &mut File,
) -> ServiceResult<bool> {
    let mut copied = Ok(0);
    let mut copy = |from: &mut dyn Read| copied = io::copy(&mut from.take(most + 1), to);
    if !store.read(key, &mut copy)? {
        return Ok(false);
    }
    let failed = |trouble, problem: String| {
        Err(ServiceError::new(trouble, format!("reading {}: {problem}", store.name(key))))
    };
    match copied {
        Ok(bytes) if bytes <= most => Ok(true),
        Ok(_) => failed(Trouble::Refused, format!("it has more than {} MiB", most >> 20)),
        Err(error) => failed(Trouble::Unreachable, error.to_string()),
    }
}
