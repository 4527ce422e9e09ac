//! One entry as ncdu's JSON export has it ("info object", <https://dev.yorhel.nl/ncdu/jsonfmt>).

use std::io::Write;

use crate::text;
use crate::usage::{Attrs, FileKind};

/// The most that ncdu and gdu read as a size, bytes: both hold sizes in 63 bits, and refuse the
/// whole file over one that a hostile file system claims to be larger.
const MOST_BYTES: u64 = i64::MAX as u64;

/// The most links that ncdu reads: 31 bits.
const MOST_LINKS: u32 = i32::MAX as u32;

/// Appends `,` and the object of an entry that is no directory; `dev` is its directory's.
pub(super) fn leaf(to: &mut Vec<u8>, name: &[u8], attrs: &Attrs, dev: u64) {
    open(to, name);
    sizes(to, attrs, Some(dev));
    if attrs.nlink > 1 {
        let links = attrs.nlink.min(MOST_LINKS);
        put(to, format_args!(",\"ino\":{},\"hlnkc\":true,\"nlink\":{links}", attrs.ino));
    }
    if attrs.kind != FileKind::File {
        to.extend_from_slice(b",\"notreg\":true");
    }
    to.push(b'}');
}

/// Why nothing is known of an entry but its name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bare {
    /// Its attributes could not be read.
    Unread,
    /// A glob leaves it out.
    Excluded,
    /// Another file system is mounted there.
    OtherFileSystem,
}

/// Appends `,` and the object of an entry of which only the name is known.
pub(super) fn bare(to: &mut Vec<u8>, name: &[u8], why: Bare) {
    open(to, name);
    to.extend_from_slice(match why {
        Bare::Unread => READ_ERROR,
        Bare::Excluded => b",\"excluded\":\"pattern\"",
        Bare::OtherFileSystem => b",\"excluded\":\"otherfs\"",
    });
    to.push(b'}');
}

/// Says of an object that is open that not everything in it could be read.
pub(super) const READ_ERROR: &[u8] = b",\"read_error\":true";

/// Appends `,` and the start of an object.
fn open(to: &mut Vec<u8>, name: &[u8]) {
    to.extend_from_slice(b",\n{\"name\":");
    string(to, name);
}

/// Appends sizes, owner and time; the device where it is not the one of the directory above.
pub(super) fn sizes(to: &mut Vec<u8>, attrs: &Attrs, above: Option<u64>) {
    let bytes = [("asize", attrs.apparent), ("dsize", attrs.allocated)];
    for (key, bytes) in bytes.into_iter().filter(|(_, bytes)| *bytes > 0) {
        put(to, format_args!(",\"{key}\":{}", bytes.min(MOST_BYTES)));
    }
    if above != Some(attrs.dev) {
        put(to, format_args!(",\"dev\":{}", attrs.dev));
    }
    put(to, format_args!(",\"uid\":{}", attrs.uid));
    // ncdu reads no time before 1970, and refuses the whole file over one.
    if attrs.mtime >= 0 {
        put(to, format_args!(",\"mtime\":{}", attrs.mtime));
    }
}

/// Appends a name as a JSON string, byte for byte: ncdu takes any bytes but control characters,
/// and so names that are no UTF-8 keep theirs; gdu shows such a byte as U+FFFD. What would act on
/// a terminal is escaped, as far as ncdu knows the escape: it reads no surrogate pairs.
pub(super) fn string(to: &mut Vec<u8>, name: &[u8]) {
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
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => to.extend([b'\\', c as u8]),
                c if text::is_hostile(c) && u32::from(c) <= 0xffff => {
                    put(to, format_args!("\\u{:04x}", u32::from(c)));
                }
                c => to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        to.extend_from_slice(chunk.invalid());
    }
}

fn put(to: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = to.write_fmt(text);
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
            apparent: 3,
            allocated: 4096,
            mtime: 1_700_000_000,
            mount: Mount::Inside,
        }
    }

    fn said(name: &[u8], attrs: &Attrs) -> String {
        let mut to = Vec::new();
        leaf(&mut to, name, attrs, 7);
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
