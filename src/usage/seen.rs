//! Knowledge that a listing has of its directory, for rules that ask.

use std::io;
use std::sync::Arc;

use super::Probe;
use super::rules::{Markers, Rules};
use super::sources::{Project, SourceNames};
use super::trie::NamePattern;

/// The markers that a listing has seen so far, and a probe for the others.
pub struct Seen<'a> {
    /// One bit per marker.
    pub markers: u64,
    pub listing: Extent,
    /// True if the directory has so many names that it may be listed in parts.
    pub large: bool,
    /// True if the directory has subdirectories.
    pub has_dirs: bool,
    /// All names of the directory, each followed by a slash; `None` if there are many, or not all
    /// are known.
    pub names: Option<&'a [u8]>,
    /// Those of its files that files in a subdirectory may be made from; `None` as for `names`.
    pub(super) sources: Option<&'a SourceNames>,
    /// The markers that are files with contents.
    pub filled: u64,
    /// The project that the directory is, if it is one.
    pub(super) project: Option<&'a Arc<Project>>,
    pub probe: &'a dyn Probe,
    /// True if everything in the directory belongs to a database or a repository.
    pub of_data: bool,
}

/// Extent to which a listing has seen its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// More entries may come.
    Partly,
}

/// True for the name that Linux's NFS client gives a file that was removed while a program had it open:
/// `.nfs` and 24 hexadecimal digits. Any directory may hold one for a while.
fn is_silly_rename(name: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = name.strip_prefix(b".nfs");
    digits.is_some_and(|digits| digits.len() == 24 && digits.iter().all(is_digit))
}

impl Seen<'_> {
    /// True if the directory is known to hold only `allowed` names, and at least one of them. If
    /// `flat` is true, it must have no subdirectories. False for a large directory, because it
    /// holds more names than any tool makes.
    pub(super) fn holds_only(&self, allowed: &[NamePattern], flat: bool) -> bool {
        let names = self.names.filter(|_| !(flat && self.has_dirs));
        let is_allowed = |name: &[u8]| allowed.iter().any(|pattern| pattern.matches(name));
        names.is_some_and(|names| {
            let names = names.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
            let mut names = names.filter(|name| !is_silly_rename(name)).peekable();
            names.peek().is_some() && names.all(is_allowed)
        })
    }

    /// Finds the first marker of `wanted` that the directory holds.
    pub(super) fn first_of(&self, rules: &Rules, wanted: Markers) -> io::Result<Option<usize>> {
        if self.listing == Extent::Whole {
            let first = (wanted & self.markers).trailing_zeros();
            return Ok((first < Markers::BITS).then_some(first as usize));
        }
        for bit in (0..rules.markers.len()).filter(|bit| wanted & (1 << bit) != 0) {
            if self.markers & (1 << bit) != 0
                || !rules.markers[bit].starts_with(b"*")
                    && self.probe.exists(&rules.markers[bit])?
            {
                return Ok(Some(bit));
            }
        }
        Ok(None)
    }
}
