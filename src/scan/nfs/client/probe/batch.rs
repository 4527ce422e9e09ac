//! Lists two directories in one request, and compares the result with that of two requests.

use std::time::Instant;

use super::{Root, in_session};
use crate::scan::nfs::attrs::{AttrMask, FileType};
use crate::scan::nfs::client::NfsClient;
use crate::scan::nfs::compound::{NfsOp, ReadDirArgs, Request, Verifier};
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::probe::{BatchAnswer, Grants};

/// Size of a listing in bytes: larger than the page after which Linux's server fails.
const LISTING: u32 = 32 * 1024;

/// Comparisons before an answer counts as wrong, because a directory may change meanwhile.
const COMPARISONS: usize = 3;

/// The first entries of a directory.
#[derive(Clone, Debug)]
struct Names {
    /// Names and file ids.
    entries: Vec<(Vec<u8>, Option<u64>)>,
    /// True if there are no further entries.
    eof: bool,
}

/// Result of a READDIR.
type Listed = Result<Names, String>;

impl NfsClient {
    /// Lists the root and a subdirectory, in a request each and in one request.
    pub(super) fn try_batch(&mut self, at: usize, root: &Root, until: Instant) -> BatchAnswer {
        let Grants { operations, reply, .. } = self.grants();
        // SEQUENCE, then PUTFH and READDIR for each directory.
        if operations < 5 {
            return BatchAnswer::Unknown(format!("the server takes {operations} operations"));
        }
        let bytes = (reply / 2).saturating_sub(1024).clamp(512, LISTING);
        let mut last = String::new();
        for _ in 0..COMPARISONS {
            let (first, below) = match self.list(at, root, &[&root.handle], bytes, until) {
                Ok((listed, below)) => (listed, below),
                Err(why) => return BatchAnswer::Unknown(why),
            };
            let second = below.as_deref().unwrap_or(&root.handle);
            let alone = match self.list(at, root, &[second], bytes, until) {
                Ok((listed, _)) => listed,
                Err(why) => return BatchAnswer::Unknown(why),
            };
            let both = [&*root.handle, second];
            let together = match self.list(at, root, &both, bytes, until) {
                Ok((listed, _)) => listed,
                Err(why) => return BatchAnswer::Wrong(why),
            };
            let expected = [first, alone].concat();
            match expected.iter().zip(&together).position(|(a, b)| !is_same(a, b)) {
                None => return BatchAnswer::Right,
                Some(0) => last = "the first directory has a different listing".to_owned(),
                Some(_) => last = "the second directory has a different listing".to_owned(),
            }
        }
        BatchAnswer::Wrong(last)
    }

    /// Lists directories in one request. Returns their entries, and the handle of a subdirectory.
    fn list(
        &mut self,
        at: usize,
        root: &Root,
        directories: &[&[u8]],
        bytes: u32,
        until: Instant,
    ) -> Result<(Vec<Listed>, Option<Vec<u8>>), String> {
        let wanted = AttrMask::ENTRY.and(root.supported);
        let write = |request: &mut Request| {
            for handle in directories {
                request.put_fh(handle);
                request.read_dir(&ReadDirArgs {
                    cookie: 0,
                    verifier: Verifier::default(),
                    dir_count: bytes,
                    max_count: bytes,
                    attributes: wanted,
                });
            }
        };
        let (record, _) = self.ask(at, &write, until)?;
        let mut results = in_session(&record)?;
        let mut directory = None;
        let mut all = Vec::new();
        for _ in directories {
            all.push(match listed(&mut results, &mut directory) {
                Ok(names) => Ok(names),
                Err(OpError::Status { status, .. }) => Err(status.to_string()),
                Err(OpError::NotExecuted { .. }) => Err("not executed".to_owned()),
                Err(OpError::Malformed(malformed)) => return Err(malformed.to_string()),
            });
        }
        Ok((all, directory))
    }
}

/// Reads a listing. Sets `directory` to the handle of its first subdirectory, if it is not set.
fn listed(
    results: &mut CompoundResults<'_>,
    directory: &mut Option<Vec<u8>>,
) -> Result<Names, OpError> {
    results.check(NfsOp::PutFh)?;
    let mut entries = results.read_dir()?;
    let mut names = Vec::new();
    for entry in &mut entries {
        let entry = entry?;
        names.push((entry.name.to_vec(), entry.attributes.fileid));
        if let (None, Some(handle), Some(FileType::Dir)) =
            (&directory, entry.attributes.handle, entry.attributes.kind)
        {
            *directory = Some(handle.to_vec());
        }
    }
    Ok(Names { entries: names, eof: entries.end()?.eof })
}

/// True if both start the same listing. A reply with two listings may have fewer entries of each.
fn is_same(a: &Listed, b: &Listed) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            let (short, long) = if a.entries.len() <= b.entries.len() { (a, b) } else { (b, a) };
            let is_whole = short.entries.len() == long.entries.len();
            let may_go_on = !short.eof && !short.entries.is_empty();
            long.entries.starts_with(&short.entries) && (is_whole || may_go_on)
        }
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_may_be_shorter_and_nothing_else() {
        let names = |text: &str, eof| {
            let entries = text.bytes().map(|byte| (vec![byte], Some(u64::from(byte))));
            Ok(Names { entries: entries.collect(), eof })
        };
        let alike = |a, b| is_same(&a, &b) && is_same(&b, &a);
        assert!(alike(names("abc", true), names("abc", true)));
        assert!(alike(names("abc", true), names("ab", false)));
        assert!(alike(names("", true), names("", true)));
        assert!(alike(Err("denied".to_owned()), Err("denied".to_owned())));
        for (a, b) in [
            (names("abc", true), names("ab", true)),
            (names("abc", true), names("axc", true)),
            (names("abc", true), names("", false)),
            (names("abc", true), names("", true)),
            (names("abc", true), Err("denied".to_owned())),
        ] {
            assert!(!alike(a, b));
        }
    }
}
