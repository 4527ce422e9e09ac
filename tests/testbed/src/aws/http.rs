//! HTTP/1.1 on a socket, as far as the SDKs use it, with S3's own chunks (`aws-chunked`).

use std::io::{self, BufRead, Read, Write};

use super::wire;

/// The largest body, more than any test sends. A wrong length must not exhaust memory.
const MOST: usize = 256 << 20;

/// Reason for a missing request.
pub enum Bad {
    /// The client has gone, perhaps killed by a test.
    Gone,
    /// The request is malformed.
    Wrong(String),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Bad {
        Bad::Gone
    }
}

fn wrong(what: impl Into<String>) -> Bad {
    Bad::Wrong(what.into())
}

/// A request as it arrived.
pub struct Incoming {
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case. Trailers are appended after the body was read.
    pub headers: Vec<(String, String)>,
    /// Decoded from `Transfer-Encoding` and `aws-chunked`, but not from other codings.
    pub body: Vec<u8>,
    /// Bytes of the body as AWS counts them: as sent, without `Transfer-Encoding`.
    pub wire_bytes: usize,
}

impl Incoming {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(have, _)| have == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(have, _)| have == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// True if a header with a list of words contains `word`.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        let value = self.header(name).unwrap_or_default();
        value.split(',').any(|have| have.trim().eq_ignore_ascii_case(word))
    }
}

/// A response.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into() }.with("Content-Type", kind)
    }

    pub fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the status line and headers. They announce the whole body, even for HEAD.
    pub fn head(&self, close: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !matches!(self.status, 204 | 304) {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        if close {
            text += "Connection: close\r\n";
        }
        text += "\r\n";
        text.into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Other",
    }
}

/// Reads a line, without its end; `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> Result<Option<String>, Bad> {
    let mut bytes = Vec::new();
    let read = reader.take(1 << 16).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(Bad::Gone);
    }
    bytes.pop_if(|last| *last == b'\r');
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn fields(reader: &mut impl BufRead) -> Result<Vec<(String, String)>, Bad> {
    let mut fields = Vec::new();
    while let Some(line) = line(reader)?.filter(|line| !line.is_empty()) {
        let (name, value) =
            line.split_once(':').ok_or_else(|| wrong(format!("no header: {line}")))?;
        fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(fields)
}

/// Reads the head of the next request; `None` if the client has closed the connection.
pub fn read_head(reader: &mut impl BufRead) -> Result<Option<Incoming>, Bad> {
    let Some(first) = line(reader)? else { return Ok(None) };
    let words: Vec<&str> = first.split(' ').collect();
    let &[method, target, "HTTP/1.1"] = words.as_slice() else {
        return Err(wrong(format!("no request line: {first}")));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // The absolute form, as sent to a proxy. The first label of the host is the bucket, as in S3's
    // own host names.
    let path = match path.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
        Some((host, path)) => format!("/{}/{path}", host.split('.').next().unwrap_or_default()),
        None => path.to_owned(),
    };
    Ok(Some(Incoming {
        method: method.to_owned(),
        path,
        query: wire::pairs(query),
        headers: fields(reader)?,
        body: Vec::new(),
        wire_bytes: 0,
    }))
}

/// Reads the body of a request whose head was read.
pub fn read_body(
    request: &mut Incoming,
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> Result<(), Bad> {
    if request.lists("expect", "100-continue") {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.lists("transfer-encoding", "chunked") {
        let (body, trailers) = chunks(reader)?;
        request.body = body;
        request.headers.extend(trailers);
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(|_| wrong(format!("Content-Length: {length}")))?;
        request.body = exactly(reader, length)?;
    }
    request.wire_bytes = request.body.len();
    if request.header("x-amz-content-sha256").is_some_and(|sum| sum.starts_with("STREAMING-")) {
        let (body, trailers) = match chunks(&mut request.body.as_slice()) {
            Err(Bad::Gone) => return Err(wrong("the aws-chunked body breaks off")),
            other => other?,
        };
        request.body = body;
        request.headers.extend(trailers);
        let announced = request.header("x-amz-decoded-content-length");
        if announced.and_then(|length| length.parse().ok()) != Some(request.body.len()) {
            return Err(wrong(format!("x-amz-decoded-content-length: {announced:?}")));
        }
    } else if request.lists("content-encoding", "aws-chunked") {
        return Err(wrong("aws-chunked, but x-amz-content-sha256 does not say so"));
    }
    Ok(())
}

fn exactly(reader: &mut impl BufRead, length: usize) -> Result<Vec<u8>, Bad> {
    if length > MOST {
        return Err(wrong(format!("a body of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads chunks and trailers. AWS's chunks differ from HTTP's in the extension after `;`, and they
/// end with the body where HTTP's end with an empty line.
type Chunks = (Vec<u8>, Vec<(String, String)>);

fn chunks(reader: &mut impl BufRead) -> Result<Chunks, Bad> {
    let mut body = Vec::new();
    loop {
        let line = line(reader)?.ok_or(Bad::Gone)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size =
            usize::from_str_radix(size, 16).map_err(|_| wrong(format!("chunk size: {line}")))?;
        if size == 0 {
            return Ok((body, fields(reader)?));
        }
        if body.len() + size > MOST {
            return Err(wrong("too large"));
        }
        body.extend(exactly(reader, size)?);
        if exactly(reader, 2)? != b"\r\n" {
            return Err(wrong("a chunk is longer than it says"));
        }
    }
}
