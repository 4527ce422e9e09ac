//! Checks that homes of other users are readable: they have mode 0700, so only uid 0 can read them,
//! and only if the server does not treat uid 0 as nobody (root squash).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::line::Line;
use crate::commands::scan::{ROOT_IS_SQUASHED, presented_uid};
use crate::config::Config;
use crate::scan::Engine;
use crate::stop::Stop;
use crate::text::{plural, printable};
use crate::usage::{ErrorKind, Exclude, Home, HomeKind, Ledger, LedgerSetup, Selection};

const CHECK: &str = "reading";

/// Largest number of homes to try.
const TRIED: usize = 5;

/// Lists homes of other users, without their contents. `None` if there is no such home.
pub(super) fn homes(
    config: &Config,
    engine: &dyn Engine,
    homes: &[&Home],
    setup: impl Fn(Selection) -> LedgerSetup,
    stop: &Arc<Stop>,
) -> Option<Line> {
    let me = presented_uid(config);
    let others: Vec<&&Home> = homes
        .iter()
        .filter(|home| home.kind == HomeKind::Uid && home.directory_owner != Some(me))
        .collect();
    // Only closed homes show whether root is squashed. Without a mount, modes are not known here.
    let closed: Vec<&&Home> =
        others.iter().filter(|home| is_closed(&config.root, &home.path)).copied().collect();
    let are_closed = !closed.is_empty();
    let mut tried = if are_closed { closed } else { others };
    tried.truncate(TRIED);
    let each: Vec<String> = tried.iter().map(|home| printable(&home.path)).collect();
    let count = each.len() as u64;
    if count == 0 {
        return None;
    }
    let shown = format!("{} {}", plural(count, "home", "homes"), each.join(", "));
    let paths: BTreeSet<Vec<u8>> = tried.iter().map(|home| home.path.to_vec()).collect();
    // Reads only the names in the home itself: a whole home may take an hour.
    let inside = |path: &Vec<u8>| format!("{}/*", globset::escape(&String::from_utf8_lossy(path)));
    let inside: Vec<String> = paths.iter().map(inside).collect();
    let mut setup = setup(Selection::Only(paths));
    setup.scope.exclude = Exclude::new(&inside).ok()?;
    let ledger = Arc::new(Ledger::new(setup));
    let walked = engine.walk(&ledger, stop);
    let errors = ledger.finish().errors;
    let denied = errors.by_kind.get(&ErrorKind::PermissionDenied).copied().unwrap_or_default();
    let refused = match denied {
        all if all >= count => format!("{shown}: permission denied to uid {me}"),
        some => format!("{some} of {shown}: permission denied to uid {me}"),
    };
    Some(match walked {
        Err(error) => Line::fail(CHECK, format!("{shown}: {error}")),
        Ok(_) if denied > 0 && me == 0 => {
            Line::fail(CHECK, format!("{refused}: {ROOT_IS_SQUASHED}"))
        }
        Ok(_) if denied > 0 => {
            let instead = if config.is_url() { "give --nfs-uid 0" } else { "run as root" };
            Line::fail(CHECK, format!("{refused}: homes have the mode 0700, {instead}"))
        }
        Ok(_) if errors.count > 0 => {
            let first = errors.samples.iter().next().map(|problem| problem.message.clone());
            Line::fail(CHECK, format!("{shown}: {}", first.unwrap_or_default()))
        }
        Ok(_) if are_closed => {
            Line::ok(CHECK, format!("{shown}, closed to all but their owners, can be listed"))
        }
        Ok(_) => Line::ok(CHECK, format!("{shown}, of other users, can be listed")),
    })
}

/// True if a home on a mount is closed to everybody but its owner.
fn is_closed(root: &Path, home: &[u8]) -> bool {
    let path = root.join(std::ffi::OsStr::from_bytes(home));
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 == 0)
}
