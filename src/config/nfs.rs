//! The settings of the engine `nfs`, which needs no mount.

use super::Settings;
use crate::scan::{EngineKind, Nfs, Pacing, Target, Tls};

/// Upper bound of the number of directories in one request.
const MAX_BATCH: usize = 10_000;

/// The group `nogroup`.
const NO_GROUP: u32 = 65534;

/// A directory of an NFS server, and the engine that scans it.
#[derive(Clone, Debug)]
pub(crate) struct NfsSource {
    pub(crate) server: NfsServer,
    /// The engine. For a mount target, its address and its name for TLS are not known yet.
    pub(crate) nfs: Nfs,
}

/// How the server is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NfsServer {
    /// The URL has its name or address.
    Url,
    /// It is the nearest mount target of this file system.
    MountTarget(String),
}

impl Settings {
    /// The source, where the root is a URL or the engine is asked for; `None` for a mount.
    pub(super) fn nfs_source(&self, pacing: &Pacing) -> Result<Option<NfsSource>, String> {
        let Some((server, target)) = self.nfs_server()? else { return Ok(None) };
        if self.require_mount {
            return Err(format!("--require-mount: {target} is scanned without a mount"));
        }
        if self.tls && !Tls::BUILT_IN {
            return Err("--tls: this efs-scan was built without the feature `tls`".to_owned());
        }
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let Some((uid, gid)) = credentials(self.nfs_uid, (uid, gid)) else {
            let problem = "the server would treat this scan as root: allow that with --nfs-uid 0";
            return Err(format!("{target}: {problem}, or give another uid"));
        };
        let mut nfs = Nfs::new(target, uid, gid, *pacing);
        // For a mount target, the look-up replaces the name.
        nfs.tls = self.tls.then(|| Tls::new(nfs.target.host()));
        match self.nfs_batch {
            Some(batch) if batch == 0 || batch > MAX_BATCH => {
                return Err(format!("--nfs-batch must be from 1 to {MAX_BATCH}"));
            }
            Some(batch) => nfs.batch = batch,
            None => {}
        }
        Ok(Some(NfsSource { server, nfs }))
    }

    fn nfs_server(&self) -> Result<Option<(NfsServer, Target)>, String> {
        let root = self.root.as_ref().map(|root| root.to_string_lossy());
        let url = root.as_deref().filter(|root| root.starts_with("nfs://"));
        let asked = self.engine == Some(EngineKind::Nfs);
        match (url, asked) {
            (Some(url), _) if asked || self.engine.is_none() => {
                Ok(Some((NfsServer::Url, url.parse()?)))
            }
            (Some(url), _) => Err(format!("{url}: a URL needs --engine nfs")),
            (None, false) if self.tls => {
                let problem = "it needs --engine nfs, or ROOT as nfs://HOST[:PORT]/path";
                Err(format!("--tls: {problem}; a mount has an option of its own for TLS"))
            }
            (None, false) => Ok(None),
            (None, true) => match (&root, &self.file_system_id) {
                (None, Some(id)) => {
                    Ok(Some((NfsServer::MountTarget(id.clone()), Target::root_of(id))))
                }
                (Some(path), _) => {
                    let or = "or leave it out and give --file-system-id";
                    Err(format!("--engine nfs: ROOT {path} is not nfs://HOST/path; {or}"))
                }
                (None, None) => {
                    let problem = "it needs ROOT as nfs://HOST[:PORT]/path, or --file-system-id";
                    Err(format!("--engine nfs: {problem}"))
                }
            },
        }
    }
}

/// The uid and gid to present to the server: those that were set, or else the effective ones.
/// `None` if that is root's and was not set: whoever presents it reads everything, so it must not be
/// a default.
fn credentials(set: Option<u32>, (uid, gid): (u32, u32)) -> Option<(u32, u32)> {
    match set {
        None if uid == 0 => None,
        None => Some((uid, gid)),
        Some(0) => Some((0, 0)),
        // The groups of a uid on the server are unknown. The group of the same number may be
        // another user's, and open what is closed to this uid.
        Some(uid) => Some((uid, NO_GROUP)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_never_guessed_from_a_uid() {
        assert_eq!(credentials(None, (27, 100)), Some((27, 100)));
        assert_eq!(credentials(Some(0), (27, 100)), Some((0, 0)));
        assert_eq!(credentials(Some(27), (0, 0)), Some((27, NO_GROUP)));
        assert_eq!(credentials(None, (0, 0)), None);
    }
}
