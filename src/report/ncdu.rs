//! ncdu's JSON export: every entry, nested as the directories are
//! (<https://dev.yorhel.nl/ncdu/jsonfmt>). gdu reads it, too.
//!
//! It is not a function of the report, which has no entries. [`Ncdu`] formats each entry as JSON
//! during the walk, [`Export`] keeps the pieces in temporary files, and [`ncdu`] joins them when
//! the walk is over. So a tree of any size takes little memory, and all workers share the
//! formatting.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::json;

use crate::text::RawText;
use crate::usage::{Attrs, Bare, EntryForm, Export, FileKind, ReadState};

/// Largest size in bytes that ncdu and gdu read. Both hold sizes in 63 bits, and refuse the whole
/// file over a larger one, which a hostile file system may claim.
const MOST_BYTES: u64 = i64::MAX as u64;

/// Largest link count that ncdu reads: 31 bits.
const MOST_LINKS: u32 = i32::MAX as u32;

/// The export's form: a directory is an array that begins with its own info object, any other entry
/// is an info object.
#[derive(Debug)]
pub struct Ncdu;

/// Facts about the scan at the start of the export.
#[derive(Clone, Copy, Debug)]
pub struct NcduHead<'a> {
    /// The root, bytes as they are.
    pub root: &'a [u8],
    /// End of the scan.
    pub finished: Timestamp,
    /// How much of the tree was read. ncdu and gdu do not show it, but other readers can.
    pub coverage: &'a str,
}

/// Writes the entries of a finished scan.
///
/// # Errors
/// A temporary file of the export could not be written or read, or writing to `to` failed.
pub fn ncdu(export: &Export, head: &NcduHead<'_>, to: &mut dyn Write) -> io::Result<()> {
    let entries = export.close()?;
    let about = json!({
        "progname": "efs-scan",
        "progver": env!("CARGO_PKG_VERSION"),
        "timestamp": head.finished.as_second(),
        "coverage": head.coverage,
    });
    write!(to, "[1,2,{about}")?;
    entries.write(head.root, to)?;
    to.write_all(b"]\n")
}

impl EntryForm for Ncdu {
    fn leaf(&self, to: &mut Vec<u8>, name: &[u8], attrs: &Attrs, dev: u64) {
        open(to, name);
        sizes(to, attrs, Some(dev));
        if attrs.nlink > 1 {
            number(to, b",\"ino\":", attrs.ino);
            number(to, b",\"hlnkc\":true,\"nlink\":", attrs.nlink.min(MOST_LINKS));
        }
        if attrs.kind != FileKind::File {
            to.extend_from_slice(b",\"notreg\":true");
        }
        to.push(b'}');
    }

    fn bare(&self, to: &mut Vec<u8>, name: &[u8], why: Bare) {
        open(to, name);
        to.extend_from_slice(match why {
            Bare::Unread => READ_ERROR,
            Bare::Excluded => b",\"excluded\":\"pattern\"",
            Bare::OtherFileSystem => b",\"excluded\":\"otherfs\"",
        });
        to.push(b'}');
    }

    fn name(&self, to: &mut Vec<u8>, name: &[u8]) {
        string(to, name);
    }

    fn attrs(&self, to: &mut Vec<u8>, attrs: &Attrs, above: Option<u64>) {
        sizes(to, attrs, above);
    }

    fn begin(
        &self,
        to: &mut dyn Write,
        name: &[u8],
        attrs: &[u8],
        read: ReadState,
    ) -> io::Result<()> {
        to.write_all(b",\n[{\"name\":")?;
        to.write_all(name)?;
        to.write_all(attrs)?;
        if read != ReadState::Whole {
            to.write_all(READ_ERROR)?;
        }
        to.write_all(b"}")
    }

    fn end(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(b"]")
    }
}

/// Marks an object that was not read completely.
const READ_ERROR: &[u8] = b",\"read_error\":true";

/// Appends the comma after the previous object, and the start of an object.
fn open(to: &mut Vec<u8>, name: &[u8]) {
    to.extend_from_slice(b",\n{\"name\":");
    string(to, name);
}

/// Appends sizes, owner and time, and the device if it differs from the parent directory's.
fn sizes(to: &mut Vec<u8>, attrs: &Attrs, above: Option<u64>) {
    let bytes: [(&[u8], u64); 2] =
        [(b",\"asize\":", attrs.apparent), (b",\"dsize\":", attrs.allocated)];
    for (key, bytes) in bytes.into_iter().filter(|(_, bytes)| *bytes > 0) {
        number(to, key, bytes.min(MOST_BYTES));
    }
    if above != Some(attrs.dev) {
        number(to, b",\"dev\":", attrs.dev);
    }
    number(to, b",\"uid\":", attrs.uid);
    // ncdu refuses the whole file over a time before 1970.
    if attrs.mtime >= 0 {
        number(to, b",\"mtime\":", attrs.mtime);
    }
}

/// Appends a key, with the comma before it and the colon after it, and a number.
fn number(to: &mut Vec<u8>, key: &[u8], number: impl itoa::Integer) {
    to.extend_from_slice(key);
    to.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a name as a JSON string.
///
/// ncdu takes any bytes but control characters, so a name that is not UTF-8 keeps its bytes; gdu
/// shows such a byte as U+FFFD. Characters that a terminal acts on are escaped if they are in the
/// basic plane: ncdu reads no surrogate pairs.
fn string(to: &mut Vec<u8>, name: &[u8]) {
    to.push(b'"');
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if name.iter().all(plain) {
        to.extend_from_slice(name);
    } else {
        escaped(to, name);
    }
    to.push(b'"');
}

fn escaped(to: &mut Vec<u8>, name: &[u8]) {
    for chunk in name.utf8_chunks() {
        let mut raw = RawText::default();
        for c in chunk.valid().chars() {
            match (c, raw.shows(c)) {
                ('"' | '\\', _) => to.extend([b'\\', c as u8]),
                (c, false) if u32::from(c) <= 0xffff => {
                    // Writing to a vector cannot fail.
                    let _ = write!(to, "\\u{:04x}", u32::from(c));
                }
                (c, _) => to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        to.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Mount;

    fn attrs() -> Attrs {
        Attrs {
            kind: FileKind::File,
            dev: 7,
            ino: 42,
            nlink: 1,
            uid: 200_005,
            gid: 0,
            mode: 0o700,
            apparent: 3,
            allocated: 4096,
            mtime: 1_700_000_000,
            mount: Mount::Inside,
        }
    }

    fn said(name: &[u8], attrs: &Attrs) -> String {
        let mut to = Vec::new();
        Ncdu.leaf(&mut to, name, attrs, 7);
        String::from_utf8_lossy(&to).into_owned()
    }

    #[test]
    fn a_file_has_what_ncdu_writes() {
        let rest = r#""asize":3,"dsize":4096,"uid":200005,"mtime":1700000000"#;
        assert_eq!(said(b"f", &attrs()), format!(",\n{{\"name\":\"f\",{rest}}}"));
        let linked = Attrs { nlink: 2, ..attrs() };
        let links = r#""ino":42,"hlnkc":true,"nlink":2"#;
        assert_eq!(said(b"f", &linked), format!(",\n{{\"name\":\"f\",{rest},{links}}}"));
        let link = Attrs { kind: FileKind::Symlink, allocated: 0, dev: 8, ..attrs() };
        let rest = r#""asize":3,"dev":8,"uid":200005,"mtime":1700000000,"notreg":true"#;
        assert_eq!(said(b"f", &link), format!(",\n{{\"name\":\"f\",{rest}}}"));
    }

    #[test]
    fn numbers_stay_within_what_ncdu_and_gdu_read() {
        let claims = Attrs {
            nlink: u32::MAX,
            apparent: u64::MAX,
            allocated: 1 << 63,
            mtime: -1,
            ino: u64::MAX,
            ..attrs()
        };
        let want = r#","asize":9223372036854775807,"dsize":9223372036854775807,"uid":200005,"#;
        let want = format!(
            ",\n{{\"name\":\"f\"{want}\"ino\":18446744073709551615,\"hlnkc\":true,\"nlink\":2147483647}}"
        );
        assert_eq!(said(b"f", &claims), want);
    }

    #[test]
    fn names_are_bytes() {
        let json = |name: &[u8]| {
            let mut to = Vec::new();
            string(&mut to, name);
            to
        };
        assert_eq!(json(b"a b~"), b"\"a b~\"");
        assert_eq!(json(b"a\xff\n,<b>\"\\\x7f"), b"\"a\xff\\u000a,<b>\\\"\\\\\\u007f\"");
        assert_eq!(json("näme 目录 🦀".as_bytes()), "\"näme 目录 🦀\"".as_bytes());
        assert_eq!(json("\u{202e}\u{9b}31m".as_bytes()), br#""\u202e\u009b31m""#);
    }
}
