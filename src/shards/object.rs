//! The object of a shard: a line of JSON about it, its accounts, and a digest of all of that.
//!
//! The accounts are compressed. A reader checks the digest before it takes anything from them, so half
//! an object is none.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::printable;

/// Version of the form.
const SCHEMA: &str = "efs-scan/shard/3";

/// Bytes of the digest at the end.
const DIGEST: u64 = 32;

/// The longest line about a shard.
const LONGEST_HEAD: u64 = 1 << 20;

/// Level of compression: a higher one takes longer than the walk of small directories.
const LEVEL: i32 = 1;

/// What is said of a shard before its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    schema: String,
    /// Version of the program, because the form of the accounts is its own.
    version: String,
    /// Digest of the plan that it follows.
    pub(crate) plan: String,
    /// Its number, from 1.
    pub(crate) shard: u32,
    pub(crate) engine: String,
    /// The root as in commands, in base64; empty if no path leads to it.
    pub(crate) real_root: String,
    /// Inode of the root, which is one on all machines. A directory where nothing is mounted has another.
    pub(crate) root_inode: Option<u64>,
    pub(crate) finished: Timestamp,
    /// Why the run is made without this shard: the object is written by a merge, in place of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

impl Head {
    /// Makes the head of the object that takes the place of a shard which the run is made without.
    pub(crate) fn left_out(plan: String, shard: u32, why: &str) -> Self {
        let nothing = (String::new(), None);
        Self { left_out: Some(why.to_owned()), ..Self::new(plan, shard, "", nothing) }
    }

    pub(crate) fn new(
        plan: String,
        shard: u32,
        engine: &str,
        (real_root, root_inode): (String, Option<u64>),
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan,
            shard,
            engine: engine.to_owned(),
            real_root,
            root_inode,
            finished: Timestamp::now(),
            left_out: None,
        }
    }
}

/// Why the object of a shard cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is torn")]
    Torn,
    #[error("it is of version {0} of efs-scan, and this is {own}", own = env!("CARGO_PKG_VERSION"))]
    Version(String),
    #[error("it follows another plan")]
    Plan,
    #[error("it is shard {0}")]
    Number(u32),
    /// A merge made the run without it, for this reason.
    #[error("{0}")]
    LeftOut(String),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(printable(error.to_string().as_bytes()))
    }
}

/// Writes the object of a shard to an empty file, or to a store.
///
/// # Errors
/// Those of the file, and those of `accounts`.
pub(crate) fn write_object(
    file: impl Write,
    head: &Head,
    accounts: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut to = Hashing { inner: BufWriter::new(file), hash: Sha256::new() };
    serde_json::to_writer(&mut to, head)?;
    to.write_all(b"\n")?;
    let mut compressed = zstd::Encoder::new(&mut to, LEVEL)?;
    accounts(&mut compressed)?;
    compressed.finish()?;
    let Hashing { mut inner, hash } = to;
    inner.write_all(&hash.finalize())?;
    inner.flush()
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The object of a shard that is whole and fits the plan.
pub(crate) struct Opened {
    pub(crate) head: Head,
    file: File,
    /// Where the accounts begin, and how many bytes they have.
    start: u64,
    length: u64,
}

impl Opened {
    /// Reads the accounts.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn accounts(&self) -> io::Result<impl Read + '_> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start))?;
        zstd::Decoder::new(file.take(self.length))
    }
}

/// Opens the object of the shard with this number, from 1, of a plan with this digest.
///
/// # Errors
/// Why it is not to be merged.
pub(crate) fn open_object(mut file: File, plan: &str, shard: u32) -> Result<Opened, Unusable> {
    let length = file.metadata()?.len();
    let end = length.checked_sub(DIGEST).ok_or(Unusable::Torn)?;
    file.rewind()?;
    let mut hashing = Hashing { inner: io::sink(), hash: Sha256::new() };
    io::copy(&mut (&file).take(end), &mut hashing)?;
    let mut digest = Vec::new();
    (&file).take(DIGEST).read_to_end(&mut digest)?;
    if digest != hashing.hash.finalize()[..] {
        return Err(Unusable::Torn);
    }
    file.rewind()?;
    let mut line = Vec::new();
    {
        use std::io::BufRead;
        BufReader::new((&file).take(end.min(LONGEST_HEAD))).read_until(b'\n', &mut line)?;
    }
    #[derive(Deserialize)]
    struct Version {
        schema: String,
        version: String,
    }
    let Version { schema, version } = serde_json::from_slice(&line).map_err(|_| Unusable::Torn)?;
    if schema != SCHEMA || version != env!("CARGO_PKG_VERSION") {
        return Err(Unusable::Version(printable(version.as_bytes())));
    }
    let head: Head = serde_json::from_slice(&line).map_err(|_| Unusable::Torn)?;
    match (head.plan == plan, head.shard == shard) {
        (false, _) => Err(Unusable::Plan),
        (true, false) => Err(Unusable::Number(head.shard)),
        (true, true) if head.left_out.is_some() => {
            Err(Unusable::LeftOut(printable(head.left_out.unwrap_or_default().as_bytes())))
        }
        (true, true) => {
            let start = line.len() as u64;
            Ok(Opened { head, file, start, length: end.saturating_sub(start) })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    fn written(head: &Head, accounts: &[u8]) -> Vec<u8> {
        let file = tempfile::tempfile().unwrap();
        write_object(&file, head, |to| to.write_all(accounts)).unwrap();
        let mut bytes = Vec::new();
        (&file).rewind().unwrap();
        (&file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn opened(bytes: &[u8], plan: &str, shard: u32) -> Result<Opened, Unusable> {
        let file = tempfile::tempfile().unwrap();
        (&file).write_all(bytes).unwrap();
        open_object(file, plan, shard)
    }

    #[test]
    fn only_a_whole_object_of_the_plan_is_opened() {
        let head = Head::new("digest".to_owned(), 2, "posix", (String::new(), Some(2)));
        let accounts = b"accounts".repeat(1000);
        let bytes = written(&head, &accounts);
        let whole = opened(&bytes, "digest", 2).unwrap();
        assert_eq!(whole.head, head);
        for _ in 0..2 {
            let mut read = Vec::new();
            whole.accounts().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, accounts);
        }
        let problem = |bytes: &[u8], plan, shard| opened(bytes, plan, shard).err();
        assert_eq!(problem(&bytes, "other", 2), Some(Unusable::Plan));
        assert_eq!(problem(&bytes, "digest", 1), Some(Unusable::Number(2)));
        for at in 0..bytes.len() {
            assert_eq!(problem(&bytes[..at], "digest", 2), Some(Unusable::Torn), "{at}");
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(problem(&changed, "digest", 2), Some(Unusable::Torn), "{at}");
        }
        let left_out = written(&Head::left_out("digest".to_owned(), 2, "it is missing"), b"");
        let why = Unusable::LeftOut("it is missing".to_owned());
        assert_eq!(problem(&left_out, "digest", 2), Some(why));
        assert_eq!(problem(&left_out, "other", 2), Some(Unusable::Plan));
        let later = Head { version: "99.0.0".to_owned(), ..head };
        let bytes = written(&later, &accounts);
        assert_eq!(problem(&bytes, "digest", 2), Some(Unusable::Version("99.0.0".to_owned())));
    }
}
