//! Reads an export strictly and byte for byte; no JSON crate accepts invalid UTF-8 and unlimited
//! depth.

use std::collections::{BTreeMap, BTreeSet};

/// An entry of an export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Below the root; empty for the root itself.
    pub(crate) path: Vec<u8>,
    /// True if it has an array of its own.
    pub(crate) is_dir: bool,
    /// Its keys other than the name.
    pub(crate) said: BTreeMap<String, Said>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    Number(u64),
    True,
    Text(Vec<u8>),
}

/// Sums over entries, as a report has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) dirs: u64,
    pub(crate) others: u64,
    pub(crate) apparent: u64,
    pub(crate) allocated: u64,
}

impl Entry {
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        match self.said.get(key) {
            Some(Said::Number(number)) => Some(*number),
            None => None,
            other => panic!("{key}: {other:?}"),
        }
    }

    pub(crate) fn is(&self, key: &str) -> bool {
        match self.said.get(key) {
            Some(said) => *said == Said::True || panic!("{key}: {said:?}"),
            None => false,
        }
    }

    pub(crate) fn text(&self, key: &str) -> Option<&[u8]> {
        self.said.get(key).map(|said| match said {
            Said::Text(text) => text.as_slice(),
            other => panic!("{key}: {other:?}"),
        })
    }

    /// True if its attributes are known: a counted entry has an owner.
    pub(crate) fn counts(&self) -> bool {
        self.said.contains_key("uid")
    }
}

/// The root's name and all entries, the root first.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) about: BTreeMap<String, Said>,
    pub(crate) root: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

impl Export {
    pub(crate) fn entry(&self, path: &str) -> &Entry {
        let found = self.entries.iter().find(|entry| entry.path == path.as_bytes());
        found.unwrap_or_else(|| panic!("no {path}"))
    }

    /// Sums everything at or below `path`, each inode once.
    pub(crate) fn sums(&self, path: &str) -> Sums {
        let mut sums = Sums::default();
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            let below = entry.path.strip_prefix(path.as_bytes());
            let below =
                below.is_some_and(|rest| path.is_empty() || matches!(rest, [] | [b'/', ..]));
            if !below || !entry.counts() {
                continue;
            }
            // The trees of these tests are on one file system.
            if entry.is("hlnkc") && !seen.insert(entry.number("ino").unwrap()) {
                continue;
            }
            *(if entry.is_dir { &mut sums.dirs } else { &mut sums.others }) += 1;
            sums.apparent += entry.number("asize").unwrap_or(0);
            sums.allocated += entry.number("dsize").unwrap_or(0);
        }
        sums
    }

    /// Returns the attributes that ncdu knows, comparable with its own export.
    pub(crate) fn to_ncdu(&self) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            for key in ["dev", "uid", "gid", "mode", "mtime"] {
                entry.said.remove(key);
            }
            // ncdu writes other mounts as directories, under a key that its manual does not
            // document.
            if let Some(Said::Text(why)) = entry.said.get_mut("excluded")
                && *why == b"othfs"
            {
                *why = b"otherfs".to_vec();
                entry.is_dir = false;
            }
        }
        entries.sort();
        entries
    }
}

/// Reads an export; anything wrong with it fails the test.
#[track_caller]
pub(crate) fn read(bytes: &[u8]) -> Export {
    let mut reader = Reader { bytes, at: 0 };
    reader.want(b'[');
    assert_eq!(reader.number(), 1);
    reader.want(b',');
    assert_eq!(reader.number(), 2);
    reader.want(b',');
    let about = reader.object();
    reader.want(b',');
    reader.want(b'[');
    let mut said = reader.object();
    let root = name(&mut said);
    let mut entries = vec![Entry { path: Vec::new(), is_dir: true, said }];
    let mut above = vec![Vec::new()];
    while let Some(directory) = above.last() {
        if reader.next() == b']' {
            reader.want(b']');
            above.pop();
            continue;
        }
        reader.want(b',');
        let is_dir = reader.next() == b'[';
        if is_dir {
            reader.want(b'[');
        }
        let mut said = reader.object();
        let name = name(&mut said);
        assert!(!name.is_empty() && !name.contains(&b'/'), "{name:?}");
        let path = match directory.is_empty() {
            true => name,
            false => [directory, &b"/"[..], &name].concat(),
        };
        if is_dir {
            above.push(path.clone());
        }
        entries.push(Entry { path, is_dir, said });
    }
    reader.want(b']');
    assert!(reader.bytes[reader.at..].iter().all(u8::is_ascii_whitespace), "something follows");
    Export { about, root, entries }
}

fn name(said: &mut BTreeMap<String, Said>) -> Vec<u8> {
    match said.remove("name") {
        Some(Said::Text(name)) => name,
        other => panic!("a name: {other:?}"),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    #[track_caller]
    fn next(&mut self) -> u8 {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        *self.bytes.get(self.at).expect("it ends too early")
    }

    #[track_caller]
    fn want(&mut self, byte: u8) {
        let next = self.next();
        let around = &self.bytes[self.at.saturating_sub(60)..self.bytes.len().min(self.at + 20)];
        let around = String::from_utf8_lossy(around);
        assert_eq!(char::from(next), char::from(byte), "at {}: {around}", self.at);
        self.at += 1;
    }

    #[track_caller]
    fn number(&mut self) -> u64 {
        self.next();
        let digits = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + digits]).unwrap();
        self.at += digits;
        text.parse().unwrap()
    }

    #[track_caller]
    fn object(&mut self) -> BTreeMap<String, Said> {
        let mut said = BTreeMap::new();
        self.want(b'{');
        loop {
            let key = String::from_utf8(self.text()).unwrap();
            self.want(b':');
            let value = match self.next() {
                b'"' => Said::Text(self.text()),
                b't' => {
                    b"true".iter().for_each(|byte| self.want(*byte));
                    Said::True
                }
                _ => Said::Number(self.number()),
            };
            assert_eq!(said.insert(key, value), None, "said twice");
            if self.next() == b'}' {
                self.want(b'}');
                return said;
            }
            self.want(b',');
        }
    }

    #[track_caller]
    fn text(&mut self) -> Vec<u8> {
        self.want(b'"');
        let mut text = Vec::new();
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            match byte {
                b'"' => return text,
                b'\\' => {
                    let mark = self.bytes[self.at];
                    self.at += 1;
                    match mark {
                        b'"' | b'\\' | b'/' => text.push(mark),
                        b'b' => text.push(8),
                        b'f' => text.push(12),
                        b'n' => text.push(b'\n'),
                        b'r' => text.push(b'\r'),
                        b't' => text.push(b'\t'),
                        b'u' => {
                            let digits = &self.bytes[self.at..self.at + 4];
                            self.at += 4;
                            let digits = std::str::from_utf8(digits).unwrap();
                            let code = u32::from_str_radix(digits, 16).unwrap();
                            let c = char::from_u32(code).expect("no half of a pair");
                            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                        other => panic!("escape {other}"),
                    }
                }
                // As ncdu accepts it.
                control => {
                    assert!(control > 0x1f && control != 0x7f, "a bare {control:#x}");
                    text.push(control);
                }
            }
        }
    }
}
