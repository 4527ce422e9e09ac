//! The settings of a scan without a mount.

use std::path::PathBuf;

use crate::scan::{EngineKind, Nfs, Pacing, Target, Tls};

/// The most directories in one request that can be asked for.
const MAX_BATCH: usize = 10_000;

/// The group of who has none here: `nogroup`.
const NO_GROUP: u32 = 65534;

/// A server's directory, whom to ask for it as, and how.
#[derive(Clone, Debug)]
pub struct Direct {
    /// Where it is, or which file system's mount target is to be looked up.
    pub place: Place,
    /// The engine, but for an address that is to be looked up, and the name that TLS wants.
    pub nfs: Nfs,
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By the URL.
    Url,
    /// The nearest mount target of this file system.
    FileSystem(String),
}

/// What was said of it.
pub(super) struct Said<'a> {
    pub(super) root: Option<&'a PathBuf>,
    pub(super) engine: Option<EngineKind>,
    pub(super) uid: Option<u32>,
    pub(super) batch: Option<usize>,
    pub(super) tls: bool,
    pub(super) file_system_id: Option<&'a String>,
    pub(super) require_mount: bool,
}

impl Said<'_> {
    /// Where ROOT is a URL, or left out and the engine asked for; nothing where it is a path.
    pub(super) fn check(self, pacing: &Pacing) -> Result<Option<Direct>, String> {
        let root = self.root.map(|root| root.to_string_lossy());
        let url = root.as_deref().filter(|root| root.starts_with("nfs://"));
        let asked = matches!(self.engine, Some(EngineKind::Nfs));
        let (place, target) = match (url, asked) {
            (Some(url), true) => (Place::Url, url.parse()?),
            (Some(url), false) if self.engine.is_none() => (Place::Url, url.parse()?),
            (Some(url), false) => return Err(format!("{url}: a URL needs --engine nfs")),
            (None, false) if self.tls => {
                let problem = "it needs --engine nfs, or ROOT as nfs://HOST[:PORT]/path";
                return Err(format!("--tls: {problem}; a mount has an option of its own for TLS"));
            }
            (None, false) => return Ok(None),
            (None, true) => match (&root, self.file_system_id) {
                (None, Some(id)) => (Place::FileSystem(id.clone()), Target::root_of(id)),
                (Some(path), _) => {
                    let or = "or leave it out and give --file-system-id";
                    return Err(format!("--engine nfs: ROOT {path} is no nfs://HOST/path; {or}"));
                }
                (None, None) => {
                    let problem = "it needs ROOT as nfs://HOST[:PORT]/path, or --file-system-id";
                    return Err(format!("--engine nfs: {problem}"));
                }
            },
        };
        if self.require_mount {
            return Err(format!("--require-mount: {target} is scanned without a mount"));
        }
        if self.tls && !Tls::BUILT_IN {
            return Err("--tls: this efs-scan was built without the feature `tls`".to_owned());
        }
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let Some((uid, gid)) = presented(self.uid, (uid, gid)) else {
            let problem = "the server would take this scan for root: say so with --nfs-uid 0";
            return Err(format!("{target}: {problem}, or name another uid"));
        };
        let mut nfs = Nfs::new(target, uid, gid, *pacing);
        // What is looked up has its name from there.
        nfs.tls = self.tls.then(|| Tls::new(nfs.target.host()));
        match self.batch {
            Some(batch) if batch == 0 || batch > MAX_BATCH => {
                return Err(format!("--nfs-batch must be from 1 to {MAX_BATCH}"));
            }
            Some(batch) => nfs.batch = batch,
            None => {}
        }
        Ok(Some(Direct { place, nfs }))
    }
}

/// The uid and gid to present. None where it would be root and nobody said so: who may say that
/// reads everything, so it must not come by itself.
fn presented(said: Option<u32>, (uid, gid): (u32, u32)) -> Option<(u32, u32)> {
    match said {
        None if uid == 0 => None,
        None => Some((uid, gid)),
        Some(0) => Some((0, 0)),
        // Which groups a uid of the server's has, nobody here knows. It is not the group of the
        // same number, which may be another one's and open what is closed to this uid.
        Some(uid) => Some((uid, NO_GROUP)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_the_same_number_is_nobody_that_was_named() {
        assert_eq!(presented(None, (27, 100)), Some((27, 100)));
        assert_eq!(presented(Some(0), (27, 100)), Some((0, 0)));
        assert_eq!(presented(Some(27), (0, 0)), Some((27, NO_GROUP)));
        assert_eq!(presented(None, (0, 0)), None);
    }
}
