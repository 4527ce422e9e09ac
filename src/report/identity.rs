//! The file system that a run belongs to: its key at a destination, and its identity.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::model::{Report, Run};
use crate::scan::is_file_system_id;
use crate::text::printable;

/// Key of a file system: an EFS id, a given name, or a key made from the root's path.
///
/// It is a part of paths and of `fs=KEY`. So it has only letters, digits, `.`, `_` and `-`, begins
/// with a letter or a digit, and has at most [`FileSystemKey::LONGEST`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileSystemKey(String);

impl FileSystemKey {
    /// Largest length of a key in bytes.
    pub const LONGEST: usize = 64;

    /// Checks a key.
    ///
    /// # Errors
    /// A sentence that says what a valid key is.
    pub fn new(text: &str) -> Result<Self, String> {
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        match begins && text.len() <= Self::LONGEST && text.bytes().all(is_plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "expected up to {} letters, digits, `.`, `_` and `-`, beginning with a letter or a digit",
                Self::LONGEST
            )),
        }
    }

    /// Makes a key from the path or URL of a root: `mnt-efs` from `/mnt/efs`. If more than slashes
    /// are replaced, or if the key [is taken](Self::is_taken), it ends with a part of the path's checksum.
    pub fn of_root(root: &[u8]) -> Self {
        let path = root.strip_prefix(b"nfs://").unwrap_or(root);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if path.is_empty() {
            return Self("root".to_owned());
        }
        let is_kept = |byte: u8| is_plain(byte) || matches!(byte, b'/' | b':');
        let begins = path[0].is_ascii_alphanumeric();
        let text: String =
            path.iter().map(|byte| if is_plain(*byte) { char::from(*byte) } else { '-' }).collect();
        let is_free = !is_taken(&text);
        if begins
            && is_free
            && text.len() <= Self::LONGEST
            && path.iter().all(|byte| is_kept(*byte))
        {
            return Self(text);
        }
        let sum = Sha256::digest(root);
        let sum: String = sum.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        // Keeps the end of the path, which is the most specific.
        let most = Self::LONGEST - sum.len() - 1;
        let end = &text[text.len().saturating_sub(most)..];
        match end.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()) {
            "" => Self(sum),
            end => Self(format!("{end}-{sum}")),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if a destination has objects of this name that are about all file systems:
    /// `du/latest.txt` and `report/index.html`. On a disk without regard to case, the case does not matter.
    pub fn is_taken(&self) -> bool {
        is_taken(&self.0)
    }

    /// True if the key is the id of an EFS file system.
    pub fn is_efs(&self) -> bool {
        is_file_system_id(&self.0)
    }
}

fn is_taken(key: &str) -> bool {
    ["latest", "index.html"].iter().any(|taken| key.eq_ignore_ascii_case(taken))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

impl fmt::Display for FileSystemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileSystemKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<FileSystemKey> for String {
    fn from(key: FileSystemKey) -> Self {
        key.0
    }
}

impl JsonSchema for FileSystemKey {
    fn schema_name() -> Cow<'static, str> {
        "FileSystemKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The key of a file system: an EFS id, a name that was given, or one made of \
                            the root's path.",
            "type": "string",
        })
    }
}

/// The file system that a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Its key at a destination.
    pub key: FileSystemKey,
    /// The name that was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FileSystemKey>,
    /// Identity of the file system, which is the same on every machine that mounts it: its type,
    /// and the server's or its own id. Not always known, and not needed with an EFS id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Path of the root in the file system, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Identity {
    /// The name for people: the given name, or else the key.
    pub fn shown(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.key).as_str()
    }
}

/// Result of comparing the roots of two runs with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The same directory of the same file system, wherever it is mounted.
    Same,
    /// Another file system, or another directory of it.
    Other,
    /// The same file system, and perhaps the same directory.
    Unknown,
}

/// The root of a run: its path as in reports, and what is known of the file system.
#[derive(Clone, Debug)]
pub struct Root<'a> {
    pub path: Cow<'a, [u8]>,
    pub identity: Option<&'a Identity>,
}

impl Root<'_> {
    /// Compares the root with the root of a run that has the same key.
    pub fn against(&self, other: &Root<'_>) -> Roots {
        let volume = |root: &Root<'_>| root.identity.and_then(|it| it.volume.clone());
        let path = |root: &Root<'_>| root.identity.and_then(|it| it.path.clone());
        let is_efs = self.identity.is_some_and(|it| it.key.is_efs());
        let same = |is_same: bool| if is_same { Roots::Same } else { Roots::Other };
        let volumes = volume(self).zip(volume(other));
        if volumes.as_ref().is_some_and(|(one, two)| one != two) {
            return Roots::Other;
        }
        // The id of an EFS file system identifies it without its volume.
        if let (true, Some((one, two))) = (is_efs || volumes.is_some(), path(self).zip(path(other)))
        {
            return same(one == two);
        }
        match same(self.path == other.path) {
            Roots::Other if is_efs => Roots::Unknown,
            roots => roots,
        }
    }

    /// The root as messages show it.
    pub fn human(&self) -> String {
        let path = printable(&self.path);
        let inside =
            self.identity.and_then(|it| it.path.as_deref()).filter(|inside| *inside != "/");
        let volume = self.identity.and_then(|it| it.volume.as_deref());
        let what = [
            inside.map(|inside| format!("{inside} of the file system")),
            volume.map(str::to_owned),
        ];
        let what: Vec<String> =
            what.into_iter().flatten().map(|it| printable(it.as_bytes())).collect();
        if what.is_empty() { path } else { format!("{path} ({})", what.join(", ")) }
    }
}

impl Run {
    /// The root of the run.
    pub fn root_of(&self) -> Root<'_> {
        Root { path: self.root_bytes().into(), identity: self.identity.as_ref() }
    }
}

impl Report {
    /// The key of the file system. Reports of earlier versions have no identity.
    pub fn file_system_key(&self) -> FileSystemKey {
        let efs = self.file_system.as_ref();
        self.run
            .identity
            .as_ref()
            .map(|identity| identity.key.clone())
            .or_else(|| efs.and_then(|efs| FileSystemKey::new(&efs.id).ok()))
            .unwrap_or_else(|| FileSystemKey::of_root(&self.run.root_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_safe_as_a_part_of_a_path() {
        for right in ["fs-0123456789abcdef0", "prod", "a", "7", "Data_1.old", &"x".repeat(64)] {
            assert_eq!(FileSystemKey::new(right).expect(right).as_str(), right);
        }
        let long = "x".repeat(65);
        for wrong in ["", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a=b", "a\n", "ä", &long] {
            assert!(FileSystemKey::new(wrong).is_err(), "{wrong}");
            assert!(serde_json::from_value::<FileSystemKey>(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn roots_are_compared_by_what_is_known_of_them() {
        let run = |key: &str, root: &str, volume: Option<&str>, path: Option<&str>| {
            let identity = serde_json::json!({ "key": key, "volume": volume, "path": path });
            let at = "2026-11-24T08:00:00Z";
            let run = serde_json::json!({
                "id": "x", "started": at, "finished": at, "root": root, "engine": "posix",
                "coverage": "complete", "version": "1", "home_depth": 1, "users": [], "names": [],
                "identity": identity,
            });
            serde_json::from_value::<Run>(run).expect("a run")
        };
        let efs = "fs-0123456789abcdef0";
        for (one, two, want) in [
            // Two machines mount it at different paths.
            (run(efs, "/a", None, Some("/")), run(efs, "/b", None, Some("/")), Roots::Same),
            (run(efs, "/a", None, Some("/")), run(efs, "/a", None, Some("/x")), Roots::Other),
            (run(efs, "/a", None, None), run(efs, "/b", None, Some("/")), Roots::Unknown),
            (run(efs, "/a", None, None), run(efs, "/a", None, None), Roots::Same),
            // Two machines, the same mount point.
            (
                run("p", "/a", Some("nfs 1:0"), None),
                run("p", "/a", Some("nfs 2:0"), None),
                Roots::Other,
            ),
            (
                run("p", "/a", Some("nfs 1:0"), Some("/")),
                run("p", "/b", Some("nfs 1:0"), Some("/")),
                Roots::Same,
            ),
            (
                run("p", "/a", Some("nfs 1:0"), Some("/")),
                run("p", "/a", Some("nfs 1:0"), Some("/x")),
                Roots::Other,
            ),
            (run("p", "/a", None, Some("/")), run("p", "/b", None, Some("/")), Roots::Other),
            (run("p", "/a", None, None), run("p", "/a", Some("ext4 1"), None), Roots::Same),
        ] {
            assert_eq!(one.root_of().against(&two.root_of()), want, "{one:?} {two:?}");
        }
    }

    #[test]
    fn a_root_without_a_name_has_a_key_of_its_path() {
        let of = |root: &[u8]| {
            let key = FileSystemKey::of_root(root);
            assert_eq!(FileSystemKey::new(key.as_str()).as_ref(), Ok(&key));
            key.to_string()
        };
        assert_eq!(of(b"/mnt/efs"), "mnt-efs");
        assert_eq!(of(b"/mnt/efs/"), "mnt-efs");
        assert_eq!(of(b"/"), "root");
        assert_eq!(of(b"nfs://10.0.0.5:2049/export"), "10.0.0.5-2049-export");
        assert_eq!(of(b"/mnt/two words"), "mnt-two-words-36f33189");
        assert_ne!(of(b"/mnt/two words"), of(b"/mnt/two\twords"));
        assert!(of(b"/latest").starts_with("latest-") && of(b"/index.html/").len() == 19);
        assert!(of(b"/.snapshots").starts_with("snapshots-"));
        assert!(of(b"/\xff\xfe").len() == 8);
        let deep = [b"/a/".repeat(80), b"last".to_vec()].concat();
        assert!(of(&deep).contains("-last-") && of(&deep).len() <= FileSystemKey::LONGEST);
    }
}
