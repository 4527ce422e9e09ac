//! The key of a row: bytes that compare like the places of the table.
//!
//! A byte that is 1 outside of homes, the home's path, two NULs, the path below the home. Slashes are
//! NULs, which no name has, so a directory comes before what is below it, and that before its
//! siblings whose names begin like its own.

use std::sync::Arc;

use crate::usage::dir::Dir;

/// Ends the home's path.
const END: [u8; 2] = [0, 0];

/// Makes the key of a directory, or of the entry `name` in it.
pub(super) fn of(dir: &Dir, name: Option<&[u8]>) -> Vec<u8> {
    let home = &dir.home;
    let is_top = |dir: &Dir| match (&dir.parent, home.is_home()) {
        (None, _) => true,
        (Some(parent), true) => !Arc::ptr_eq(&parent.home, home),
        (Some(_), false) => false,
    };
    let up = || std::iter::successors(Some(dir), |dir| dir.parent.as_deref());
    let names =
        || name.into_iter().chain(up().take_while(|dir| !is_top(dir)).map(|dir| &*dir.name));
    let home_path = if home.is_home() { &*home.path } else { b"" };
    let head = 1 + home_path.len() + END.len();
    let path: usize = names().map(|name| name.len() + 1).sum();
    // There is no NUL before the first name.
    let mut key = vec![0; head + path.saturating_sub(1)];
    key[0] = u8::from(!home.is_home());
    let unslashed = home_path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte });
    key[1..].iter_mut().zip(unslashed).for_each(|(to, byte)| *to = byte);
    let mut end = key.len();
    for name in names() {
        let start = end - name.len();
        key[start..end].copy_from_slice(name);
        end = start.saturating_sub(1);
    }
    key
}

/// A key, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The home's path, with NULs between names.
    pub(super) home: &'a [u8],
    /// The path below it, with NULs between names.
    pub(super) path: &'a [u8],
    /// The part of the key for the home.
    head: &'a [u8],
}

impl<'a> Place<'a> {
    pub(super) fn of(key: &'a [u8]) -> Self {
        let end = key.iter().skip(1).zip(key.iter().skip(2)).position(|(a, b)| (*a, *b) == (0, 0));
        // Every key has an end.
        let end = end.map_or(key.len(), |end| end + 1);
        let (head, path) = key.split_at((end + END.len()).min(key.len()));
        Self { home: &key[1.min(end)..end], path, head }
    }

    /// Number of names in the path.
    pub(super) fn depth(&self) -> usize {
        self.names().count()
    }

    fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        let path = Some(self.path).filter(|path| !path.is_empty());
        path.into_iter().flat_map(|path| path.split(|byte| *byte == 0))
    }

    /// Number of names at the beginning of the path that both have; `None` if their homes differ.
    pub(super) fn in_common(&self, other: &Place<'_>) -> Option<usize> {
        let alike = || self.names().zip(other.names()).take_while(|(one, other)| one == other);
        (self.head == other.head).then(|| alike().count())
    }

    /// Writes a path with slashes again.
    pub(super) fn unmapped(mapped: &[u8], to: &mut Vec<u8>) {
        to.clear();
        to.extend(mapped.iter().map(|byte| if *byte == 0 { b'/' } else { *byte }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_apart() {
        let places: [([&[u8]; 3], usize); 5] = [
            ([b"\0\0\0", b"", b""], 0),
            ([b"\0\0\0a\0b", b"", b"a\0b"], 2),
            ([b"\0alice\0\0", b"alice", b""], 0),
            ([b"\0team\0alice\0\0a", b"team\0alice", b"a"], 1),
            ([b"\x01\0\0team", b"", b"team"], 1),
        ];
        for ([key, home, path], depth) in places {
            let place = Place::of(key);
            assert_eq!((place.home, place.path, place.depth()), (home, path, depth), "{key:?}");
        }
        let common = |one: &[u8], other: &[u8]| Place::of(one).in_common(&Place::of(other));
        assert_eq!(common(b"\0a\0\0x\0y", b"\0a\0\0x\0yy"), Some(1));
        assert_eq!(common(b"\0a\0\0x\0y", b"\0a\0\0"), Some(0));
        assert_eq!(common(b"\0a\0\0x", b"\0b\0\0x"), None);
        assert_eq!(common(b"\0\0\0x", b"\x01\0\0x"), None);
    }
}
