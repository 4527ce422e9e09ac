//! Makes text that strangers chose safe to show.
//!
//! Homes belong to users, and the scanner runs as root: a file name may hold terminal escapes,
//! newlines or right-to-left overrides.

mod raw;
mod shown;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(crate) use raw::{RawText, is_raw};
pub use shown::Shown;
pub(crate) use shown::ShownLines;

/// Formats `bytes` for a terminal. Characters that `RawText` rejects become `\n`, `\x1b`,
/// `\u{202e}` or `\xff`, and a backslash becomes `\\`, so texts that look alike stay distinct.
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut raw = RawText::default();
        for c in chunk.valid().chars() {
            match (c, raw.shows(c)) {
                ('\\', _) => out.push_str("\\\\"),
                (c, true) => out.push(c),
                (c, false) => push_escaped(&mut out, c),
            }
        }
        chunk.invalid().iter().for_each(|byte| push_byte(&mut out, *byte));
    }
    out
}

/// Returns the bytes that [`printable`] was given, or `None` for text that it cannot have returned.
pub fn unprintable(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let mark = rest.chars().next()?;
        rest = &rest[mark.len_utf8()..];
        match mark {
            '\\' => out.push(b'\\'),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'x' => {
                out.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = &rest[2..];
            }
            'u' => {
                let (code, after) = rest.strip_prefix('{')?.split_once('}')?;
                let c = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            _ => return None,
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii_control() => push_byte(out, c as u8),
        c => out.extend(c.escape_unicode()),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// Returns equivalent JSON that is safe on a terminal: its strings hold no character that
/// [`printable`] would escape.
pub fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut raw = RawText::default();
    for c in json.chars() {
        // A newline here separates tokens and is not part of a string.
        if !raw.shows(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Encodes `bytes` in base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Returns the bytes that [`base64`] was given, or `None` for other text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Returns `bytes` as text, and also in base64 if the text loses something.
pub fn lossy(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            (text, Some(base64(bytes)))
        }
    }
}

/// Returns the bytes that [`lossy`] was given. If the base64 is invalid, the text's bytes are
/// returned.
pub fn bytes_of(text: &str, base64: Option<&str>) -> Vec<u8> {
    base64.and_then(from_base64).unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Returns `one` or `many`, whichever agrees with `number`.
pub fn plural<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// Quotes `bytes` as one printable word of a command for any POSIX shell. `$'...'` is not used,
/// because dash reads it differently. A name that ends in a newline gets a slash, which makes it a
/// directory's name, because command substitution drops trailing newlines.
pub fn shell_word(bytes: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+,:@%".contains(b);
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.is_empty() && bytes.iter().all(plain) => return text.to_owned(),
        Ok(text) if is_raw(text) => {
            return format!("'{}'", text.replace('\'', r"'\''"));
        }
        _ => {}
    }
    let mut out = String::from("\"$(printf %b '");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str(r"\\"),
            // An interactive bash expands `!` as history even between double quotes.
            0x20..=0x7e if !b"'!".contains(byte) => out.push(char::from(*byte)),
            _ => out.push_str(&format!(r"\0{byte:03o}")),
        }
    }
    if bytes.ends_with(b"\n") {
        out.push('/');
    }
    out.push_str("')\"");
    out
}

/// Parses a name as a uid: a canonical decimal number below 2^32-1, which is `(uid_t)-1` and
/// belongs to no user (POSIX `chown`). `007` is a name.
pub fn uid_of_name(name: &[u8]) -> Option<u32> {
    if !name.iter().all(u8::is_ascii_digit) || name.len() > 1 && name.starts_with(b"0") {
        return None;
    }
    let uid = std::str::from_utf8(name).ok()?.parse().ok()?;
    (uid != u32::MAX).then_some(uid)
}

/// True if a name is a uid.
pub(crate) fn is_uid(name: &str) -> bool {
    uid_of_name(name.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn uids_are_canonical_decimals() {
        for (name, uid) in [("0", 0), ("7", 7), ("200005", 200_005), ("4294967294", u32::MAX - 1)] {
            assert_eq!(uid_of_name(name.as_bytes()), Some(uid), "{name}");
        }
        for name in
            ["", "00", "007", "0200005", "4294967295", "4294967296", "+7", "-1", "7a", "7\n"]
        {
            assert_eq!(uid_of_name(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn hostile_names_are_shown_and_do_nothing() {
        assert_eq!(printable(b"a\xff\n,<b>\""), "a\\xff\\n,<b>\"");
        assert_eq!(printable(b"\x1b[2J"), "\\x1b[2J");
        assert_eq!(printable("\u{202e}gnp.exe".as_bytes()), "\\u{202e}gnp.exe");
        assert_eq!(printable("\u{9b}31m".as_bytes()), "\\u{9b}31m");
        assert_eq!(printable("näme 目录".as_bytes()), "näme 目录");
        // Two names that would look alike stay distinct.
        for unseen in [
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{a0}',
            '\u{2800}',
        ] {
            let shown = printable(format!("a{unseen}b").as_bytes());
            assert_eq!(shown, format!("a{}b", unseen.escape_unicode()));
        }
    }

    #[test]
    fn words_are_quoted_only_where_needed() {
        let word = shell_word;
        assert_eq!(word(b"/mnt/efs/200005/.cache"), "/mnt/efs/200005/.cache");
        assert_eq!(word(b"a b"), "'a b'");
        assert_eq!(word(b""), "''");
        assert_eq!(word(b"a'b"), r"'a'\''b'");
        assert_eq!(word(b"a'b\nc"), r#""$(printf %b 'a\0047b\0012c')""#);
        assert_eq!(word(b"a\n"), r#""$(printf %b 'a\0012/')""#);
        assert_eq!(word(b"a!"), "'a!'");
        assert_eq!(word(b"!a\nb"), r#""$(printf %b '\0041a\0012b')""#);
    }

    proptest! {
        #[test]
        fn nothing_printable_holds_a_control(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(is_raw(&printable(&bytes)));
            prop_assert!(is_raw(&shell_word(&bytes)));
        }

        #[test]
        fn printable_text_converts_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(unprintable(&printable(&bytes)), Some(bytes));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in r"[\\xunrt{}0-9a-fé]{0,12}") {
            if let Some(bytes) = unprintable(&text) {
                prop_assert!(bytes.len() <= text.len());
            }
        }

        #[test]
        fn nothing_printable_hides(text in any::<String>()) {
            prop_assert!(is_raw(&printable(text.as_bytes())));
            prop_assert!(is_raw(&shell_word(text.as_bytes())));
            prop_assert_eq!(unprintable(&printable(text.as_bytes())), Some(text.into_bytes()));
        }

        #[test]
        fn harmless_json_means_the_same(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("a string is JSON");
            let harmless = harmless_json(&json);
            prop_assert!(is_raw(&harmless));
            let back: String = serde_json::from_str(&harmless).expect("it is JSON still");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn lossy_text_converts_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let (text, raw) = lossy(&bytes);
            prop_assert_eq!(bytes_of(&text, raw.as_deref()), bytes);
        }
    }

    #[test]
    fn every_shell_reads_the_word_back() {
        let names: [&[u8]; 14] = [
            b"a b",
            b"it's",
            b"a\xff\n,<b>\"",
            b"$(id)`id`\\",
            b"-rf *",
            b"\x1b[2J",
            b"x\n'; touch x; '",
            b"-n %s \\n \\012 \x01",
            "\u{202e}gnp'%b".as_bytes(),
            "na\u{308}me".as_bytes(),
            "\u{308}mark".as_bytes(),
            "z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}algo".as_bytes(),
            "\u{3164}\u{2800}\u{378}\u{e000}$(id)".as_bytes(),
            "a\u{34f}b\u{fe0f}c\u{1d173}'d".as_bytes(),
        ];
        for name in names {
            for shell in ["sh", "bash"] {
                let script = format!("printf %s {}", shell_word(name));
                let out = std::process::Command::new(shell).args(["-c", &script]).output();
                let got = out.expect("a shell runs").stdout;
                let (want, got) = (OsString::from_vec(name.to_vec()), OsString::from_vec(got));
                assert_eq!(want, got, "{shell}: {script}");
            }
        }
    }
}
