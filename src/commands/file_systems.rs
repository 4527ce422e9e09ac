//! The file systems of a destination that a command reads.

use crate::exit::Failure;
use crate::log;
use crate::published::{file_systems, latest_key, nothing_there, pointer};
use crate::report::FileSystemKey;
use crate::service_error::ServiceError;
use crate::store::Store;
use crate::sync::for_each_at_once;
use crate::text::printable;

/// Number of file systems read at a time. Each of them waits for one object at a time.
const AT_ONCE: usize = 16;

/// Runs `read` for each file system, several at a time, and returns the results in the order of
/// keys.
pub(super) fn read_each<R: Send>(
    of: &[FileSystemKey],
    read: impl Fn(&FileSystemKey) -> R + Sync,
) -> Vec<R> {
    for_each_at_once(of, AT_ONCE, read)
}

/// Returns the keys of the file systems given by key or name, or of all published ones if none is
/// given.
pub(super) fn chosen(
    store: &(dyn Store + Sync),
    asked: &[String],
) -> Result<Vec<FileSystemKey>, Failure> {
    let failed = |error: ServiceError| Failure::fatal(error.text);
    if asked.is_empty() {
        let found = file_systems(store).map_err(failed)?;
        return match found.is_empty() {
            true => Err(Failure::fatal(nothing_there(store))),
            false => Ok(found),
        };
    }
    let mut chosen = Vec::new();
    for text in asked {
        let problem =
            |problem: String| Failure::usage(format!("--file-system `{text}`: {problem}"));
        let key = FileSystemKey::new(text).map_err(problem)?;
        // If the object is damaged, its reader reports that.
        if store.head(&latest_key(&key), 1).map_err(failed)?.is_some() {
            chosen.push(key);
            continue;
        }
        let all = file_systems(store).map_err(failed)?;
        let (mut of_name, mut unread) = (Vec::new(), Vec::new());
        for (other, there) in all.iter().zip(read_each(&all, |other| pointer(store, other))) {
            match there {
                Ok(Some((there, _))) if there.run.name() == Some(&key) => {
                    of_name.push(other.clone());
                }
                Ok(_) => {}
                Err(error) => unread.push(error),
            }
        }
        if of_name.is_empty() {
            // It may be one of those.
            if let Some(error) = unread.into_iter().next() {
                return Err(failed(error));
            }
            return Err(problem(match all.is_empty() {
                true => nothing_there(store),
                false => format!("it is not there, but {} are", names(&all)),
            }));
        }
        for error in unread {
            log::warn!("{}", printable(error.text.as_bytes()));
        }
        chosen.extend(of_name);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// Returns the only file system that is given or published.
pub(super) fn only(store: &(dyn Store + Sync), asked: &[String]) -> Result<FileSystemKey, Failure> {
    let chosen = chosen(store, asked)?;
    match &chosen[..] {
        [one] => Ok(one.clone()),
        several => Err(Failure::usage(format!(
            "several file systems are published there: {}; choose one with --file-system",
            names(several)
        ))),
    }
}

fn names(keys: &[FileSystemKey]) -> String {
    keys.iter().map(FileSystemKey::as_str).collect::<Vec<_>>().join(", ")
}
