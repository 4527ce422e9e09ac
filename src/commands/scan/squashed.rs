//! Root squash: a server that treats uid 0 as nobody, who cannot read homes with mode 0700.

use crate::config::Config;
use crate::report::{Coverage, HomeKind, HomeReport, Report};
use crate::usage::ErrorKind;

/// Explanation and remedy.
pub(in crate::commands) const ROOT_IS_SQUASHED: &str = "the server squashes root: on EFS, allow \
     elasticfilesystem:ClientRootAccess in the file system's policy, and use no access point with a \
     user; on another server, export with no_root_squash";

/// The uid that the scan presents to the server.
pub(in crate::commands) fn presented_uid(config: &Config) -> u32 {
    #[cfg(target_os = "linux")]
    if let Some(source) = &config.nfs {
        return source.nfs.uid;
    }
    let _ = config;
    rustix::process::geteuid().as_raw()
}

/// True if uid 0 was refused at every home of other users, which does not happen on local file
/// systems.
pub(super) fn is_evident(config: &Config, report: &Report) -> bool {
    let denied = report.errors.by_kind.get(ErrorKind::PermissionDenied.name());
    let denied = denied.copied().unwrap_or_default();
    if denied == 0 || presented_uid(config) != 0 {
        return false;
    }
    let others = || {
        let of_others = |home: &HomeReport| home.kind == HomeKind::Uid && home.uid != Some(0);
        report.homes.iter().filter(of_others)
    };
    let count = others().count() as u64;
    // A refused home is a directory without visible contents.
    let was_refused = |home: HomeReport| {
        home.coverage == Coverage::Partial && home.usage.files == 0 && home.usage.dirs <= 1
    };
    count > 0 && denied >= count && others().all(was_refused)
}
