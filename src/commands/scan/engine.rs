//! The engine that the configuration asks for.

#[cfg(target_os = "linux")]
use std::net::IpAddr;

use crate::aws::Aws;
use crate::config::Config;
#[cfg(target_os = "linux")]
use crate::config::{NfsServer, NfsSource};
use crate::exit::Failure;
#[cfg(feature = "portable")]
use crate::guard::is_root;
use crate::log;
#[cfg(feature = "portable")]
use crate::scan::Portable;
use crate::scan::{Engine, EngineKind, Plan};
#[cfg(target_os = "linux")]
use crate::scan::{Nfs, Posix, Tls};

/// The answer to root, whom a link could lead to any directory of the machine.
#[cfg(feature = "portable")]
const PORTABLE_AS_ROOT: &str = "--engine portable follows a link that takes the place of a directory \
     during the scan, so as root it needs --portable-as-root, which says that nobody else writes to \
     the tree; the other engines follow none";

#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
pub(in crate::commands) fn engine(
    config: &Config,
    plan: Plan,
    aws: &Aws,
) -> Result<Box<dyn Engine>, Failure> {
    #[cfg(target_os = "linux")]
    if let Some(source) = &config.nfs {
        return Ok(Box::new(nfs(source, config.settings.file_system_id.as_deref(), aws)?));
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

/// The nfs engine, with the address of its server resolved.
#[cfg(target_os = "linux")]
fn nfs(source: &NfsSource, id: Option<&str>, aws: &Aws) -> Result<Nfs, Failure> {
    let nfs = source.nfs.clone();
    let NfsServer::MountTarget(id) = &source.server else { return Ok(by_name(nfs, id, aws)) };
    let found = aws.mount_target(id).map_err(|error| Failure::fatal(error.text))?;
    match found.near {
        Some(false) => {
            let zone = &found.zone;
            log::warn!("{id} has no mount target in this zone: asking the one in {zone}");
        }
        near => log::info!("mount target {} in {}, near: {near:?}", found.address, found.zone),
    }
    // The certificate of a mount target has the file system's name.
    let tls = nfs.tls.map(|tls| Tls { server: found.name, ..tls });
    Ok(Nfs { target: nfs.target.at(found.address), tls, ..nfs })
}

/// Takes the name of the file system for that in the server's certificate, where the URL has an address:
/// no certificate of a mount target is for that.
#[cfg(target_os = "linux")]
fn by_name(nfs: Nfs, id: Option<&str>, aws: &Aws) -> Nfs {
    let is_address = nfs.target.host().parse::<IpAddr>().is_ok();
    let (Some(tls), Some(id), true) = (&nfs.tls, id, is_address) else { return nfs };
    match aws.file_system_name(id) {
        Ok(server) => Nfs { tls: Some(Tls { server, ..tls.clone() }), ..nfs },
        // Without a region it has no name. A server that is not EFS's may have an address for one.
        Err(error) => {
            log::debug!("{}", error.text);
            nfs
        }
    }
}
