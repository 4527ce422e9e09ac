//! Linux's own NFSv4.1 server, in user-mode Linux, booted once for all tests.

use std::path::Path;
use std::time::Duration;

use efs_scan_testbed::uml::{Facts, Guest};

/// Returns what `job` printed. `None` if there can be no guest, which is reported as skipped.
pub(crate) fn facts() -> Option<&'static Facts> {
    static GUEST: Guest = Guest::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/interop");
    let what = "the nfs engine on Linux's NFS server";
    let files = [&*here.join("tree.py"), &*here.join("deal.py")];
    GUEST.facts(what, &here.join("job"), &files, Duration::from_secs(300))
}
