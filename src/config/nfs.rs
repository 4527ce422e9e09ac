//! The settings of the engine `nfs`, which needs no mount.

use std::os::unix::ffi::OsStrExt;

use super::Settings;
use crate::scan::{EfsName, EngineKind, Loops, Nfs, Pacing, Target, Tls, is_file_system_id};

/// Upper bound of the number of directories in one request.
const MAX_BATCH: usize = 10_000;

/// Upper bound of the number of event loops.
const MAX_LOOPS: usize = 64;

/// Gid of `nogroup`.
const NO_GROUP: u32 = 65534;

/// The forms of ROOT that need no mount.
const FORMS: &str = "nfs://HOST[:PORT]/path, fs-ID or fs-ID:/path";

/// A directory of an NFS server, and the engine that scans it.
#[derive(Clone, Debug)]
pub(crate) struct NfsSource {
    pub(crate) server: NfsServer,
    /// The engine. For a mount target, its address, its name for TLS and its credentials for EFS
    /// are not known yet.
    pub(crate) nfs: Nfs,
    /// The EFS file system, if it is one.
    pub(crate) efs: Option<EfsSource>,
}

/// How the server is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NfsServer {
    /// By the name or address in the URL.
    Url,
    /// As the nearest mount target of the file system.
    MountTarget,
    /// By this name, which may resolve to a mount target; if it does not resolve, as the nearest
    /// one.
    Name(EfsName),
}

/// An EFS file system and how to access it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EfsSource {
    pub(crate) file_system: String,
    /// `None` for the region of the AWS configuration.
    pub(crate) region: Option<String>,
    pub(crate) access_point: Option<String>,
    /// `None` to sign requests if there are credentials.
    pub(crate) iam: Option<bool>,
}

impl Settings {
    /// The source, if the root names a server or the engine is `nfs`; `None` for a mount.
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
        let efs = self.efs_source(&server, &target)?;
        let mut nfs = Nfs::new(target, uid, gid, *pacing);
        // For a mount target, the look-up replaces the name.
        let host = match &server {
            NfsServer::Name(name) => &name.certified,
            NfsServer::Url | NfsServer::MountTarget => nfs.target.host(),
        };
        nfs.tls = self.tls.then(|| Tls::new(host));
        match self.nfs_batch {
            Some(batch) if batch == 0 || batch > MAX_BATCH => {
                return Err(format!("--nfs-batch must be from 1 to {MAX_BATCH}"));
            }
            Some(batch) => nfs.batch = batch,
            None => {}
        }
        match self.nfs_loops {
            Some(loops) if loops == 0 || loops > MAX_LOOPS => {
                return Err(format!("--nfs-loops must be from 1 to {MAX_LOOPS}"));
            }
            Some(loops) => nfs.loops = Loops::Fixed(loops),
            None => {}
        }
        Ok(Some(NfsSource { server, nfs, efs }))
    }

    fn nfs_server(&self) -> Result<Option<(NfsServer, Target)>, String> {
        let asked = self.engine == Some(EngineKind::Nfs);
        let named = self.root.as_deref().and_then(|root| named(root.as_os_str().as_bytes()));
        let root = self.root.as_ref().map(|root| root.display());
        match (named, root) {
            (Some(named), _) if asked || self.engine.is_none() => named.map(Some),
            (Some(Ok((NfsServer::Url, _)) | Err(_)), Some(url)) => {
                Err(format!("{url}: a URL needs --engine nfs"))
            }
            // Other engines take it for a path.
            (_, _) if !asked => self.needs_no_server().map(|()| None),
            (None, Some(path)) => {
                let or = "or leave it out and give --file-system-id";
                Err(format!("--engine nfs: ROOT {path} is not {FORMS}; {or}"))
            }
            (_, _) => match &self.file_system_id {
                Some(id) => Ok(Some((NfsServer::MountTarget, Target::root_of(id)))),
                None => Err(format!("--engine nfs: it needs ROOT as {FORMS}, or --file-system-id")),
            },
        }
    }

    /// Refuses settings that only apply to a scan without a mount.
    fn needs_no_server(&self) -> Result<(), String> {
        let set = [
            ("--tls", self.tls, "for TLS"),
            ("--iam", self.iam == Some(true), "for IAM"),
            ("--access-point", self.access_point_id().is_some(), "for access points"),
        ];
        match set.into_iter().find(|(_, set, _)| *set) {
            Some((flag, _, what)) => Err(format!(
                "{flag}: it needs --engine nfs, or ROOT as {FORMS}; a mount has an option of its \
                 own {what}"
            )),
            None => Ok(()),
        }
    }

    fn efs_source(&self, server: &NfsServer, target: &Target) -> Result<Option<EfsSource>, String> {
        let (named, region) = match server {
            NfsServer::Url => (None, None),
            NfsServer::MountTarget => (Some(target.host()), None),
            NfsServer::Name(name) => (Some(&*name.file_system), Some(name.region.clone())),
        };
        let id = match (named, self.file_system_id.as_deref()) {
            (Some(named), Some(set)) if named != set => {
                return Err(format!("--file-system-id {set}: ROOT is in {named}"));
            }
            (named, set) => named.or(set),
        };
        let flag = match (self.access_point_id(), self.iam) {
            (Some(_), _) => Some("--access-point"),
            (None, Some(true)) => Some("--iam"),
            (None, _) => None,
        };
        match (flag, id) {
            (Some(flag), _) if !self.tls => {
                Err(format!("{flag}: it needs --tls: it is part of the client's certificate"))
            }
            (Some(flag), None) => Err(format!(
                "{flag}: it needs a file system of EFS: give ROOT as fs-ID, or --file-system-id"
            )),
            (_, None) => Ok(None),
            (_, Some(id)) => Ok(Some(EfsSource {
                file_system: id.to_owned(),
                region,
                access_point: self.access_point()?,
                iam: self.iam,
            })),
        }
    }

    /// The access point, if a non-empty one is set.
    fn access_point_id(&self) -> Option<&str> {
        self.access_point.as_deref().filter(|id| !id.is_empty())
    }

    fn access_point(&self) -> Result<Option<String>, String> {
        let Some(id) = self.access_point_id() else { return Ok(None) };
        // The id has the form of a file system's id with another prefix.
        match id.strip_prefix("fsap-").is_some_and(|id| is_file_system_id(&format!("fs-{id}"))) {
            true => Ok(Some(id.to_owned())),
            false => {
                Err(format!("--access-point `{id}`: expected an id like fsap-0123456789abcdef0"))
            }
        }
    }
}

/// Parses the server and directory in ROOT; `None` for a path on this machine.
fn named(root: &[u8]) -> Option<Result<(NfsServer, Target), String>> {
    if root.starts_with(b"nfs://") {
        let target: Result<Target, String> = String::from_utf8_lossy(root).parse();
        return Some(target.map(|target| (server(target.host()), target)));
    }
    // The syntax of the EFS mount helper.
    let colon = root.iter().position(|byte| *byte == b':');
    let (host, path) = root.split_at(colon.unwrap_or(root.len()));
    let host = str::from_utf8(host).ok()?;
    let server = Some(server(host)).filter(|server| *server != NfsServer::Url)?;
    let path = match path {
        [] => b"",
        [b':', path @ ..] => path,
        _ => return None,
    };
    let text = String::from_utf8_lossy(root);
    let target = Target::root_of(host).with_path(path);
    Some(match path.first() {
        None if colon.is_some() => Err(format!("`{text}`: no path after the colon")),
        Some(first) if *first != b'/' => Err(format!("`{text}`: the path has to begin with `/`")),
        _ => {
            target.map(|target| (server, target)).map_err(|problem| format!("`{text}`: {problem}"))
        }
    })
}

fn server(host: &str) -> NfsServer {
    match EfsName::of(host) {
        Some(name) => NfsServer::Name(name),
        None if is_file_system_id(host) => NfsServer::MountTarget,
        None => NfsServer::Url,
    }
}

/// Returns the uid and gid to present to the server: the configured ones, or else the effective
/// ones. `None` if that is root and was not configured: root reads everything, so it must not be a
/// default.
fn credentials(set: Option<u32>, (uid, gid): (u32, u32)) -> Option<(u32, u32)> {
    match set {
        None if uid == 0 => None,
        None => Some((uid, gid)),
        Some(0) => Some((0, 0)),
        // The groups of a uid on the server are unknown. The group with the same number may belong
        // to another user, and give access that this uid does not have.
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

    #[test]
    fn a_root_names_a_server_in_several_forms() {
        let of = |root: &str| {
            let found = named(root.as_bytes())?;
            let (server, target) = found.unwrap_or_else(|problem| panic!("{problem}"));
            let kind = match server {
                NfsServer::Url => "url",
                NfsServer::MountTarget => "mount target",
                NfsServer::Name(name) => {
                    assert_eq!(name.file_system, "fs-01234567");
                    "name"
                }
            };
            Some((kind, target.to_string()))
        };
        let name = "fs-01234567.efs.eu-west-3.amazonaws.com";
        let zone = format!("euw3-az1.{name}");
        for (root, kind, url) in [
            ("nfs://10.0.0.5/a%20b".to_owned(), "url", "nfs://10.0.0.5/a%20b".to_owned()),
            ("fs-01234567".to_owned(), "mount target", "nfs://fs-01234567/".to_owned()),
            ("fs-01234567:/".to_owned(), "mount target", "nfs://fs-01234567/".to_owned()),
            (
                "fs-01234567:/a b/c:d".to_owned(),
                "mount target",
                "nfs://fs-01234567/a%20b/c%3Ad".into(),
            ),
            ("nfs://fs-01234567/a".to_owned(), "mount target", "nfs://fs-01234567/a".to_owned()),
            (name.to_owned(), "name", format!("nfs://{name}/")),
            (format!("{name}:/a"), "name", format!("nfs://{name}/a")),
            (format!("nfs://{name}/a"), "name", format!("nfs://{name}/a")),
            (zone.clone(), "name", format!("nfs://{zone}/")),
        ] {
            assert_eq!(of(&root), Some((kind, url)), "{root}");
        }
        for path in ["/mnt/efs", "fs-0", "./fs-01234567", "fs-01234567/a", "a:b", "c:/d", ""] {
            assert_eq!(of(path), None, "{path}");
        }
        for wrong in ["fs-01234567:", "fs-01234567:a", "fs-01234567:/a/../b", "nfs://"] {
            assert!(matches!(named(wrong.as_bytes()), Some(Err(_))), "{wrong}");
        }
    }
}
