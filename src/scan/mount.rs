//! Parses /proc/self/mountinfo: the mount of a directory, and the EFS file system of a mount.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::EfsName;
use crate::bounded::{self, Bound};
use crate::log;

/// An EFS file system, as found in a mount's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedEfs {
    /// `fs-…`
    pub id: String,
    /// Region, if the mount's source contains it.
    pub region: Option<String>,
    /// True if the path is the root of the file system.
    pub whole: bool,
}

/// Returns the EFS file system in the source of the mount that `path` is on, such as
/// `fs-0123.efs.us-east-1.amazonaws.com:/`. Returns `None` for a mount through efs-utils' TLS proxy,
/// whose source is 127.0.0.1.
pub fn efs_of(path: &Path) -> Option<MountedEfs> {
    mount_of(path)?.efs()
}

/// Identity of the file system that a path is on, the same on every machine that mounts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Type and id: the server's id for NFS, the file system's own for a local one with a UUID.
    pub id: Option<String>,
    /// The path in the file system.
    pub path: Option<String>,
}

/// Identifies the file system that a path is on.
pub fn volume_of(path: &Path) -> Volume {
    let Some(mount) = mount_of(path) else { return Volume::default() };
    let kind = &mount.kind;
    match mount.is_nfs() {
        true => Volume {
            id: read_proc(NFS_VOLUMES)
                .and_then(|volumes| nfs_id(&volumes, &mount.device))
                .map(|id| format!("nfs {id}")),
            path: mount.path_on_server(),
        },
        // The ids of other file systems are device numbers, or change with every boot.
        false if LOCAL_WITH_ID.contains(&kind.as_str()) => {
            let id = rustix::fs::statvfs(path).ok().map(|stat| stat.f_fsid).filter(|id| *id != 0);
            Volume { id: id.map(|id| format!("{kind} {id:x}")), path: mount.path_in(&mount.root) }
        }
        false => Volume::default(),
    }
}

/// Local file systems whose `f_fsid` comes from their UUID (statfs(2), fs/ext4/super.c,
/// fs/btrfs/super.c).
const LOCAL_WITH_ID: [&str; 5] = ["ext2", "ext3", "ext4", "btrfs", "zfs"];

/// The kernel's list of NFS file systems: `NV SERVER PORT DEV FSID FSC` (fs/nfs/client.c).
const NFS_VOLUMES: &str = "/proc/fs/nfsfs/volumes";

/// Returns the server's id of the NFS file system with this device number.
fn nfs_id(volumes: &[u8], device: &str) -> Option<String> {
    let volumes = String::from_utf8_lossy(volumes);
    let id = volumes.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(3);
        fields.next().filter(|dev| *dev == device)?;
        fields.next().map(str::to_owned)
    });
    // A server without ids reports 0.
    id.filter(|id| id.chars().any(|c| c.is_ascii_hexdigit() && c != '0'))
}

/// Returns true if `path` is a mount point. Triggers a mount on demand (autofs).
///
/// # Errors
/// If the directory cannot be opened.
pub fn is_mount_point(path: &Path) -> std::io::Result<bool> {
    // Stays open until the table is read, so an automatic mount does not expire before.
    let _open = std::fs::read_dir(path)?;
    Ok(mount_of(path).is_some_and(|mount| mount.top && mount.kind != "autofs"))
}

/// True if something is mounted below the directory `path`, or if that cannot be determined.
pub(super) fn is_mounted_below(path: &Path) -> bool {
    let table = read_proc("/proc/self/mountinfo");
    let known = path.canonicalize().ok().zip(table);
    known.is_none_or(|(path, mounts)| has_mount_below(&mounts, path.as_os_str().as_bytes()))
}

fn has_mount_below(mounts: &[u8], path: &[u8]) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let mut points = mounts.split(|byte| *byte == b'\n').filter_map(mount_point);
    points.any(|point| {
        point.strip_prefix(path).is_some_and(|rest| rest.len() > 1 && rest.starts_with(b"/"))
    })
}

/// Returns the mount point of a line of mountinfo.
fn mount_point(line: &[u8]) -> Option<Vec<u8>> {
    line.split(|byte| *byte == b' ').nth(4).map(unescape)
}

/// The mount that a path is on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MountOf {
    /// The mount point.
    pub(super) point: Vec<u8>,
    /// The type of the file system: `nfs4`, `ext4`.
    pub(super) kind: String,
    source: String,
    /// Device number on this machine, `MAJOR:MINOR`.
    device: String,
    /// Directory of the file system that is mounted.
    root: Vec<u8>,
    /// The path below the mount point, empty or with a slash in front.
    below: Vec<u8>,
    /// True if the path is the mount point itself.
    top: bool,
}

/// Size limit of a file in /proc: a line of mountinfo has some 200 bytes, an NFS mount in
/// mountstats takes 10 KiB, and a machine has at most 100,000 mounts (`fs.mount-max`).
const LARGEST: Bound = Bound::mib(1024, "there are too many mounts to read");

/// Reads a file of /proc about mounts. If it cannot be read, a warning is logged and the mount
/// counts as unknown.
pub(super) fn read_proc(path: &str) -> Option<Vec<u8>> {
    match bounded::read(Path::new(path), LARGEST) {
        Ok(text) => Some(text),
        Err(error) => {
            // Systems other than Linux have no such file.
            if error.kind() != io::ErrorKind::NotFound {
                log::warn!("{path}: {error}");
            }
            None
        }
    }
}

/// Finds the innermost mount that `path` is on.
pub(super) fn mount_of(path: &Path) -> Option<MountOf> {
    let path = path.canonicalize().ok()?;
    let mounts = read_proc("/proc/self/mountinfo")?;
    mount_in(&mounts, path.as_os_str().as_bytes())
}

/// Finds the innermost mount in the text of mountinfo. Lines are `id parent dev root MOUNTPOINT
/// options … - type SOURCE options` (proc(5)).
fn mount_in(mounts: &[u8], path: &[u8]) -> Option<MountOf> {
    let of_path = |line: &&[u8]| {
        let point = mount_point(line)?;
        let below = path.strip_prefix(&*point)?;
        let inside = point == b"/" || below.is_empty() || below.starts_with(b"/");
        inside.then_some(point)
    };
    let lines = mounts.split(|byte| *byte == b'\n');
    // The innermost mount wins; if several are on one directory, the last of them.
    let (line, point) = lines
        .filter_map(|line| Some((line, of_path(&line)?)))
        .max_by_key(|(_, point)| point.len())?;
    let mut fields = line.split(|b| *b == b' ').skip_while(|field| *field != b"-").skip(1);
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let mut field = || fields.next().map(text);
    let mut first = line.split(|b| *b == b' ').skip(2);
    let below = path.strip_prefix(&*point)?;
    let below = if below.is_empty() || below.starts_with(b"/") { below } else { path };
    Some(MountOf {
        kind: field()?,
        source: field()?,
        device: first.next().map(text)?,
        root: first.next().map(unescape)?,
        below: below.to_vec(),
        top: point.len() == path.len(),
        point,
    })
}

impl MountOf {
    pub(super) fn is_nfs(&self) -> bool {
        self.kind == "nfs" || self.kind == "nfs4"
    }

    /// Returns the path on the server: the path in the mount's source, and the part below the mount
    /// point.
    fn path_on_server(&self) -> Option<String> {
        let (_, export) = self.source.rsplit_once(":/")?;
        self.path_in(format!("/{export}").as_bytes())
    }

    fn path_in(&self, root: &[u8]) -> Option<String> {
        let root = root.strip_suffix(b"/").unwrap_or(root);
        let path = [root, &self.below].concat();
        let path = if path.is_empty() { b"/".to_vec() } else { path };
        String::from_utf8(path).ok()
    }

    fn efs(&self) -> Option<MountedEfs> {
        if !self.is_nfs() {
            return None;
        }
        let (host, _) = self.source.split_once(':')?;
        let whole = self.top && self.source.ends_with(":/");
        if let Some(EfsName { file_system, region, .. }) = EfsName::of(host) {
            return Some(MountedEfs { id: file_system, region: Some(region), whole });
        }
        let id = host.split('.').next().filter(|id| is_file_system_id(id))?;
        Some(MountedEfs { id: id.to_owned(), region: None, whole })
    }
}

/// Returns true for text like `fs-0123456789abcdef0`.
pub fn is_file_system_id(text: &str) -> bool {
    let hex = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    text.strip_prefix("fs-").is_some_and(|rest| (8..=40).contains(&rest.len()) && hex(rest))
}

/// Decodes octal escapes: mount tables spell a space as `\040`.
pub(super) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                out.push(byte);
                rest = &after[3..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_is_found() {
        let mounts = b"22 1 259:1 / / rw - ext4 /dev/root rw\n\
            30 22 0:40 / /mnt/efs ro,relatime shared:1 - nfs4 \
            fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/ ro,vers=4.1\n\
            31 22 0:41 / /mnt/two\\040words rw - nfs4 fs-01234567:/ rw\n\
            32 22 0:42 / /mnt/tls rw - nfs4 127.0.0.1:/ rw\n\
            33 22 0:43 / /mnt/zone rw - nfs4 eu-west-3a.fs-01234567.efs.eu-west-3.amazonaws.com:/ rw\n\
            34 22 0:44 / /mnt/export rw - nfs4 10.0.0.5:/data/projects rw\n";
        let of = |path: &str| mount_in(mounts, path.as_bytes())?.efs();
        let efs = |id: &str, region: Option<&str>, whole| {
            Some(MountedEfs { id: id.to_owned(), region: region.map(str::to_owned), whole })
        };
        let id = |whole| efs("fs-0123456789abcdef0", Some("us-east-1"), whole);
        assert_eq!(of("/mnt/efs"), id(true));
        assert_eq!(of("/mnt/efs/200005"), id(false));
        assert_eq!(of("/mnt/efs2"), None);
        assert_eq!(of("/mnt/two words/x"), efs("fs-01234567", None, false));
        assert_eq!(of("/mnt/zone"), efs("fs-01234567", Some("eu-west-3"), true));
        assert_eq!(of("/mnt/tls"), None);
        assert_eq!(of("/"), None);
        let path = |path: &str| {
            let mount = mount_in(mounts, path.as_bytes()).expect("/ is mounted");
            if mount.is_nfs() { mount.path_on_server() } else { mount.path_in(&mount.root) }
        };
        assert_eq!(path("/mnt/efs").as_deref(), Some("/"));
        assert_eq!(path("/mnt/efs/a/b").as_deref(), Some("/a/b"));
        assert_eq!(path("/mnt/export/a").as_deref(), Some("/data/projects/a"));
        assert_eq!(path("/srv").as_deref(), Some("/srv"));
        assert_eq!(path("/").as_deref(), Some("/"));
    }

    #[test]
    fn mounts_below_a_directory_are_seen() {
        let mounts = b"22 1 259:1 / / rw - ext4 /dev/root rw\n\
            30 22 0:40 / /mnt/two\\040words rw - nfs4 fs-01234567:/ rw\n\
            31 22 259:1 /a /srv/homes/200005/file rw - ext4 /dev/root rw\n";
        let below = |path: &str| has_mount_below(mounts, path.as_bytes());
        for path in ["/", "/mnt", "/srv", "/srv/homes", "/srv/homes/200005"] {
            assert!(below(path), "{path}");
        }
        for path in ["/mnt/two words", "/srv/home", "/srv/homes/200005/file", "/usr"] {
            assert!(!below(path), "{path}");
        }
    }

    #[test]
    fn the_servers_id_distinguishes_its_file_systems() {
        let volumes = b"NV SERVER   PORT DEV          FSID                              FSC\n\
            v4 0a000105  801 0:40         e1a0a5b29c1c4d1e:7f                no\n\
            v4 0a000105  801 0:41         0:0                               no\n";
        assert_eq!(nfs_id(volumes, "0:40").as_deref(), Some("e1a0a5b29c1c4d1e:7f"));
        assert_eq!(nfs_id(volumes, "0:41"), None);
        assert_eq!(nfs_id(volumes, "0:4"), None);
    }
}
