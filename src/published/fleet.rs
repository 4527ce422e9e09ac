//! The page about all file systems of a destination, and the line about those that cannot be read.

use super::page::{FLEET_META, meta};
use crate::report::FileSystemKey;

/// Key of the page about all file systems.
pub const FLEET_PAGE: &str = "report/index.html";

/// Says above a table which file systems are in none of its figures; empty if there are none.
pub(crate) fn without(unreadable: &[FileSystemKey]) -> String {
    match unreadable {
        [] => String::new(),
        some => {
            let names: Vec<&str> = some.iter().map(FileSystemKey::as_str).collect();
            format!("!!! Without {}, which could not be read !!!\n", names.join(", "))
        }
    }
}

/// True if this is a page about all file systems.
pub fn is_fleet_page(page: &[u8]) -> bool {
    meta(page, FLEET_META).is_some()
}
