//! The directory to scan, as a URL `nfs://HOST[:PORT]/path` or in the form of EFS's mount helper.

use std::fmt;
use std::str::FromStr;

/// The port of NFSv4 (RFC 8881, section 2.9.3).
const PORT: u16 = 2049;

/// A directory on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name or address; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path components from the server's root.
    pub(super) path: Vec<Vec<u8>>,
}

impl Target {
    /// Returns the root of a file system whose address is resolved later.
    pub fn root_of(name: &str) -> Self {
        Self { host: name.to_owned(), port: PORT, path: Vec::new() }
    }

    /// Returns the server's name or address; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Replaces the host.
    pub fn at(self, host: String) -> Self {
        Self { host, ..self }
    }

    /// True if the target is the server's root.
    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns the path from the server's root, if it is UTF-8.
    pub fn path(&self) -> Option<String> {
        let path = self.path.join(&b'/');
        Some(format!("/{}", String::from_utf8(path).ok()?))
    }

    /// Replaces the path by one without percent-encoding.
    ///
    /// # Errors
    /// If the path contains `..` or a NUL.
    pub fn with_path(self, path: &[u8]) -> Result<Self, &'static str> {
        let names = path.split(|byte| *byte == b'/');
        let names = names.filter(|name| !name.is_empty() && *name != b".");
        let path = names.map(|name| match name {
            b".." => Err("`..` is not allowed"),
            name if name.contains(&0) => Err("a name has a NUL"),
            name => Ok(name.to_vec()),
        });
        Ok(Self { path: path.collect::<Result<_, _>>()?, ..self })
    }
}

impl FromStr for Target {
    type Err = String;

    /// Parses an NFS URL (RFC 2224) with percent-encoded bytes.
    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = |problem: &str| format!("`{url}`: {problem}; write nfs://HOST[:PORT]/path");
        let rest = url.strip_prefix("nfs://").ok_or_else(|| wrong("not an NFS URL"))?;
        let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Not repeated: it may be a password.
        if server.contains('@') {
            return Err("a URL of NFS has no user; write nfs://HOST[:PORT]/path".to_owned());
        }
        let (host, port) = match server.strip_prefix('[') {
            Some(server) => {
                let (host, port) = server.split_once(']').ok_or_else(|| wrong("no closing `]`"))?;
                (host, port.strip_prefix(':').or((port.is_empty()).then_some("")))
            }
            None => match server.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (server, Some("")),
            },
        };
        let port = match port.ok_or_else(|| wrong("no port after `]`"))? {
            "" => PORT,
            port => port.parse().map_err(|_| wrong("the port is not a number up to 65535"))?,
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "@?#".contains(c)) {
            return Err(wrong("the host name is invalid"));
        }
        let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
        let path = names.map(|name| decoded(name).map_err(&wrong));
        Ok(Self { host: host.to_owned(), port, path: path.collect::<Result<_, _>>()? })
    }
}

fn decoded(name: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
            let byte = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(byte.ok_or("`%` is not followed by two hexadecimal digits")?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    match &bytes[..] {
        b".." => Err("`..` is not allowed"),
        name if name.contains(&b'/') || name.contains(&0) => Err("a name has a slash or a NUL"),
        _ => Ok(bytes),
    }
}

impl fmt::Display for Target {
    /// Writes an equivalent URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "nfs://[{}]", self.host)?,
            false => write!(f, "nfs://{}", self.host)?,
        }
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        for name in &self.path {
            f.write_str("/")?;
            for byte in name {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        write!(f, "{}", char::from(*byte))?;
                    }
                    other => write!(f, "%{other:02X}")?,
                }
            }
        }
        if self.path.is_empty() { f.write_str("/") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_round_trip() {
        for (url, host, port, path, again) in [
            ("nfs://efs", "efs", 2049, &[][..], "nfs://efs/"),
            ("nfs://efs:20490/", "efs", 20490, &[], "nfs://efs:20490/"),
            ("nfs://10.0.0.1/a//b/.", "10.0.0.1", 2049, &[&b"a"[..], b"b"], "nfs://10.0.0.1/a/b"),
            ("nfs://[::1]:1/x", "::1", 1, &[b"x"], "nfs://[::1]:1/x"),
            ("nfs://[fe80::1]/a%20%ff", "fe80::1", 2049, &[b"a \xff"], "nfs://[fe80::1]/a%20%FF"),
        ] {
            let target: Target = url.parse().unwrap_or_else(|problem| panic!("{problem}"));
            let path: Vec<Vec<u8>> = path.iter().map(|name| name.to_vec()).collect();
            assert_eq!(target, Target { host: host.to_owned(), port, path });
            assert_eq!(target.to_string(), again);
            assert_eq!(again.parse(), Ok(target));
        }
    }

    #[test]
    fn an_invalid_url_is_refused_with_the_expected_form() {
        for wrong in [
            "",
            "efs:/a",
            "nfs:/efs",
            "nfs://",
            "nfs:///a",
            "nfs://h:x/",
            "nfs://h:70000/",
            "nfs://[::1/",
            "nfs://[::1]x/",
            "nfs://u@h/",
            "nfs://h/%",
            "nfs://h/%+1",
            "nfs://h/a%2fb",
            "nfs://h/a/../b",
            "nfs://h/%2e%2e",
            "nfs://h/%00",
            "nfs://a b/",
            "nfs://h?x/",
        ] {
            let problem = wrong.parse::<Target>().expect_err(wrong);
            assert!(problem.contains("nfs://HOST[:PORT]/path"), "{problem}");
        }
    }
}
