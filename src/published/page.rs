//! The published pages: their keys, and the run each of them shows.

use crate::report::FileSystemKey;

/// Key of the page about all homes of a file system.
pub fn page(of: &FileSystemKey) -> String {
    format!("report/{of}/latest.html")
}

/// Name of the `<meta>` element that holds the run's id.
pub(crate) const RUN_META: &str = "efs-scan-run";

/// Bytes of a page that are searched for the run: more than comes before that element.
pub(crate) const PAGE_HEAD: usize = 2048;

/// Name of the `<meta>` element that holds the key of the file system.
pub(crate) const FILE_SYSTEM_META: &str = "efs-scan-file-system";

/// Key of the page about one user.
pub fn page_of_user(of: &FileSystemKey, uid: u32) -> String {
    format!("report/{of}/users/{uid}.html")
}

/// Name of the `<meta>` element of the page about all file systems that holds when it was made.
pub(crate) const FLEET_META: &str = "efs-scan-fleet";

/// Id of the run that a page shows, or `None` if the page is not from this program.
pub fn run_of_page(page: &[u8]) -> Option<&str> {
    meta(page, RUN_META)
}

/// The file system of a page, or `None` if the page is about several, is from an older program, or is
/// not from this one.
pub(crate) fn file_system_of_page(page: &[u8]) -> Option<FileSystemKey> {
    FileSystemKey::new(meta(page, FILE_SYSTEM_META)?).ok()
}

/// The content of a `<meta>` element near the beginning of a page.
pub(super) fn meta<'a>(page: &'a [u8], name: &str) -> Option<&'a str> {
    let before = format!("<meta name=\"{name}\" content=\"");
    let head = &page[..page.len().min(PAGE_HEAD)];
    let at = head.windows(before.len()).position(|window| window == before.as_bytes())?;
    let content = &head[at + before.len()..];
    let end = content.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&content[..end]).ok()
}
