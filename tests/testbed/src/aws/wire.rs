//! Encodings: percent-encoding, XML, hexadecimal, times.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns seconds since the epoch, to the millisecond, as in AWS's JSON.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as f64 / 1000.0
}

/// Decodes `%41` to `A`. `+` is a space in a query or form, but not in a path.
pub fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        match (bytes[at], code.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) if plus => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes a key as S3 does in a listing with `encoding-type=url`.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
        out
    })
}

/// Decodes the pairs of a query or form, in order.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let words = text.split('&').filter(|word| !word.is_empty());
    let pairs = words.map(|word| word.split_once('=').unwrap_or((word, "")));
    pairs.map(|(name, value)| (decode(name, true), decode(value, true))).collect()
}

/// Escapes text inside an XML element.
pub fn xml(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // S3 writes these too, although they are not valid in XML 1.0.
            c if c.is_control() => write!(out, "&#x{:x};", u32::from(c)).unwrap(),
            c => out.push(c),
        }
        out
    })
}

/// Encodes a token so that it looks opaque.
pub fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// Reverses `hex`; `None` if `hex` cannot have made this.
pub fn unhex(token: &str) -> Option<String> {
    let two = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(two).collect();
    String::from_utf8(bytes?).ok()
}

/// Formats a time: `Tue, 24 Nov 2026 10:00:00 GMT`.
pub fn http_date(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
