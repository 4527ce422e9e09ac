//! The page about all file systems of a destination.

use super::page::{FLEET_META, meta};

/// Key of the page about all file systems.
pub const FLEET_PAGE: &str = "report/index.html";

/// True if this is a page about all file systems.
pub fn is_fleet_page(page: &[u8]) -> bool {
    meta(page, FLEET_META).is_some()
}
