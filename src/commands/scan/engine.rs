//! Makes the configured engine.

#[cfg(target_os = "linux")]
mod direct;

use crate::aws::Aws;
use crate::config::Config;
use crate::exit::Failure;
#[cfg(feature = "portable")]
use crate::guard::is_root;
#[cfg(feature = "portable")]
use crate::scan::Portable;
#[cfg(target_os = "linux")]
use crate::scan::Posix;
use crate::scan::{Engine, EngineKind, Plan};

/// Error for root: a link could lead the scan to any directory of the machine.
#[cfg(feature = "portable")]
const PORTABLE_AS_ROOT: &str = "--engine portable follows a link that replaces a directory during \
     the scan, so root needs --portable-as-root to confirm that nobody else writes to the tree; the \
     other engines follow no links";

#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
pub(in crate::commands) fn engine(
    config: &Config,
    plan: Plan,
    aws: &Aws,
) -> Result<Box<dyn Engine>, Failure> {
    #[cfg(target_os = "linux")]
    if let Some(source) = &config.nfs {
        return Ok(Box::new(direct::nfs(source, config, aws)?));
    }
    Ok(match config.settings.engine.unwrap_or_default() {
        // The checked configuration has a source for the engine `nfs`, so this is a path.
        #[cfg(target_os = "linux")]
        EngineKind::Posix | EngineKind::Nfs => Box::new(Posix::new(config.root.clone(), plan)),
        #[cfg(feature = "portable")]
        EngineKind::Portable if is_root() && !config.settings.portable_as_root => {
            return Err(Failure::usage(PORTABLE_AS_ROOT));
        }
        #[cfg(feature = "portable")]
        EngineKind::Portable => {
            Box::new(Portable::new(config.root.clone(), plan.workers_throughout()))
        }
    })
}
