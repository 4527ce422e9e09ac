//! S3, path style: objects, conditional writes, lists.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Crc;
use jiff::Timestamp;

use super::Stub;
use super::errors::{Failure, denied};
use super::http::{Answer, Incoming};
use super::route::Call;
use super::s3_oddities::Oddities;
use super::state::State;
use super::{s3_list, wire};

/// An object and its metadata.
pub struct Object {
    pub body: Vec<u8>,
    pub etag: String,
    pub modified: Timestamp,
    /// Headers that S3 stores and returns: type, cache control, user metadata, checksums.
    headers: BTreeMap<String, String>,
}

impl Object {
    fn new(body: Vec<u8>, headers: BTreeMap<String, String>) -> Object {
        // Has the form of MD5, and is the same for the same bytes. Clients must not compute it.
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &body).hash(&mut hasher);
            hasher.finish()
        };
        let etag = format!("\"{:016x}{:016x}\"", half(0), half(1));
        Object { body, etag, modified: Timestamp::now(), headers }
    }
}

/// The buckets.
#[derive(Default)]
pub struct Store {
    pub buckets: BTreeMap<String, BTreeMap<String, Object>>,
    /// True if the caller lacks `s3:ListBucket`, so S3 does not reveal if an object exists.
    pub deny_list: bool,
    pub oddities: Oddities,
}

impl Stub {
    pub fn create_bucket(&self, bucket: &str) {
        self.state().s3.buckets.entry(bucket.to_owned()).or_default();
    }

    /// Returns an object's content.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        Some(self.state().s3.buckets.get(bucket)?.get(key)?.body.clone())
    }

    /// Returns the headers that an object was stored with, names in lower case: `content-type`,
    /// `cache-control`, `x-amz-meta-...`.
    pub fn object_headers(&self, bucket: &str, key: &str) -> Option<BTreeMap<String, String>> {
        Some(self.state().s3.buckets.get(bucket)?.get(key)?.headers.clone())
    }

    /// Returns the keys of a bucket in S3's order; none if the bucket does not exist.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let state = self.state();
        state.s3.buckets.get(bucket).map_or_else(Vec::new, |keys| keys.keys().cloned().collect())
    }

    /// Stores an object, and makes its bucket if necessary.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = Object::new(bytes.into(), BTreeMap::new());
        let mut state = self.state();
        state.s3.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object);
    }

    /// Makes an object look as if it had been written so much earlier.
    pub fn age_object(&self, bucket: &str, key: &str, by: std::time::Duration) {
        let mut state = self.state();
        let object = state.s3.buckets.get_mut(bucket).and_then(|keys| keys.get_mut(key));
        if let Some(object) = object {
            object.modified -= by;
        }
    }

    pub fn delete_object(&self, bucket: &str, key: &str) {
        self.state().s3.buckets.get_mut(bucket).and_then(|keys| keys.remove(key));
    }

    /// Removes `s3:ListBucket`: listings are refused, and missing objects are 403 instead of 404.
    pub fn deny_list_bucket(&self, deny: bool) {
        self.state().s3.deny_list = deny;
    }
}

/// Returns operation, bucket, and key or prefix.
pub fn route(http: &Incoming) -> (String, String, String) {
    let path = http.path.strip_prefix('/').unwrap_or(&http.path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let (bucket, mut key) = (wire::decode(bucket, false), wire::decode(key, false));
    // Any other parameter is a subresource and would be another operation.
    let known = |name: &str| name == "x-id" || (key.is_empty() && LIST.contains(&name));
    let plain = http.query.iter().all(|(name, _)| known(name));
    let copy = http.header("x-amz-copy-source").is_some();
    let operation = match (http.method.as_str(), bucket.is_empty(), key.is_empty()) {
        _ if !plain || copy => "Unknown",
        ("GET", false, true) if http.query("list-type") == Some("2") => "ListObjectsV2",
        ("HEAD", false, true) => "HeadBucket",
        ("PUT", false, true) => "CreateBucket",
        ("GET", false, false) => "GetObject",
        ("HEAD", false, false) => "HeadObject",
        ("PUT", false, false) => "PutObject",
        ("DELETE", false, false) => "DeleteObject",
        _ => "Unknown",
    };
    if operation == "ListObjectsV2" {
        key = http.query("prefix").unwrap_or_default().to_owned();
    }
    (operation.to_owned(), bucket, key)
}

const LIST: [&str; 8] = [
    "list-type",
    "prefix",
    "start-after",
    "continuation-token",
    "max-keys",
    "delimiter",
    "encoding-type",
    "fetch-owner",
];

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    if call.operation == "CreateBucket" {
        state.s3.buckets.entry(call.parent.clone()).or_default();
        return Ok(Answer::empty(200).with("Location", format!("/{}", call.parent)));
    }
    if call.operation == "Unknown" {
        state
            .violation(call, format!("{} {} is not in the stub", call.http.method, call.http.path));
        let message =
            "A header or query you provided implies functionality that is not implemented";
        return Err(Failure::new(501, "NotImplemented", message));
    }
    if !state.s3.buckets.contains_key(&call.parent) {
        let message = "The specified bucket does not exist";
        return Err(Failure::new(404, "NoSuchBucket", message));
    }
    if let Some(refused) = state.s3.oddities.refuse(call) {
        return refused;
    }
    match &*call.operation {
        "HeadBucket" => Ok(Answer::empty(200).with("x-amz-bucket-region", super::REGION)),
        "ListObjectsV2" if state.s3.deny_list => {
            Err(Failure::new(403, "AccessDenied", denied(call)))
        }
        "ListObjectsV2" => s3_list::list(state, call),
        "PutObject" => put(state, call),
        "DeleteObject" => {
            // Succeeds for a missing key as well.
            state.s3.buckets.get_mut(&call.parent).and_then(|keys| keys.remove(&call.target));
            Ok(Answer::empty(204))
        }
        _ => get(state, call),
    }
}

fn no_such_key() -> Failure {
    Failure::new(404, "NoSuchKey", "The specified key does not exist.")
}

fn get(state: &State, call: &Call) -> Result<Answer, Failure> {
    let Some(object) = state.s3.buckets[&call.parent].get(&call.target) else {
        return Err(match state.s3.deny_list {
            true => Failure::new(403, "AccessDenied", "Access Denied"),
            false => no_such_key(),
        });
    };
    if call.http.header("if-match").is_some_and(|etag| !same(etag, &object.etag)) {
        return Err(Failure::precondition());
    }
    if call.http.header("if-none-match").is_some_and(|etag| same(etag, &object.etag)) {
        return Ok(Answer::empty(304).with("ETag", &object.etag));
    }
    // For a range of the first bytes, S3 leaves out the checksum of the whole object.
    let first = call.http.header("range").and_then(|range| range.strip_prefix("bytes=0-"));
    let first =
        first.map(|last| last.parse::<usize>().unwrap() + 1).filter(|_| !object.body.is_empty());
    let mut answer = Answer::empty(if first.is_some() { 206 } else { 200 })
        .with("ETag", &object.etag)
        .with("Last-Modified", wire::http_date(object.modified))
        .with("Accept-Ranges", "bytes");
    let checksums = first.is_none() && call.http.header("x-amz-checksum-mode") == Some("ENABLED");
    for (name, value) in &object.headers {
        if checksums || !name.starts_with("x-amz-checksum-") {
            answer = answer.with(name, value);
        }
    }
    if !object.headers.contains_key("content-type") {
        answer = answer.with("Content-Type", "binary/octet-stream");
    }
    answer.body.clone_from(&object.body);
    if let Some(bytes) = first {
        answer.body.truncate(bytes);
        let (last, all) = (answer.body.len() - 1, object.body.len());
        answer = answer.with("Content-Range", format!("bytes 0-{last}/{all}"));
    }
    Ok(answer)
}

/// True if a condition names this ETag; quotes are optional.
fn same(condition: &str, etag: &str) -> bool {
    condition == "*" || condition.trim_matches('"') == etag.trim_matches('"')
}

fn put(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    if call.target.len() > 1024 {
        state.violation(call, format!("a key of {} bytes", call.target.len()));
        return Err(Failure::new(400, "KeyTooLongError", "Your key is too long"));
    }
    if let Some(wrong) = wrong_checksum(call) {
        state.violation(call, &wrong);
        return Err(Failure::new(400, "BadDigest", wrong));
    }
    let old = state.s3.buckets[&call.parent].get(&call.target).map(|object| object.etag.as_str());
    let condition = |name: &str| {
        let ignored = &state.s3.oddities.ignored;
        let is_ignored = ignored.contains(&name)
            || (old.is_some()
                && name == "if-match"
                && ignored.contains(&"if-match of what exists"));
        call.http.header(name).filter(|_| !is_ignored)
    };
    match (condition("if-none-match"), condition("if-match"), old) {
        (None, None, _) | (Some("*"), None, None) => {}
        (Some("*"), None, Some(_)) => return Err(Failure::precondition()),
        (None, Some(_), None) => return Err(no_such_key()),
        (None, Some(etag), Some(old)) if same(etag, old) => {}
        (None, Some(_), Some(_)) => return Err(Failure::precondition()),
        (Some(_), ..) => {
            state.violation(call, "If-None-Match other than *, or with If-Match");
            let message = "A header you provided implies functionality that is not implemented";
            return Err(Failure::new(501, "NotImplemented", message));
        }
    }
    let object = Object::new(call.http.body.clone(), kept(&call.http));
    let mut answer = Answer::empty(200).with("ETag", &object.etag);
    for (name, value) in object.headers.iter().filter(|(name, _)| name.starts_with("x-amz-check")) {
        answer = answer.with(name, value);
    }
    state.s3.buckets.entry(call.parent.clone()).or_default().insert(call.target.clone(), object);
    Ok(answer)
}

fn kept(http: &Incoming) -> BTreeMap<String, String> {
    const KEPT: [&str; 10] = [
        "content-type",
        "content-encoding",
        "content-disposition",
        "content-language",
        "cache-control",
        "expires",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-acl",
        "x-amz-storage-class",
    ];
    let mut kept = BTreeMap::new();
    for (name, value) in &http.headers {
        let sum = name.starts_with("x-amz-checksum-") && !name.ends_with("-algorithm");
        if sum || name.starts_with("x-amz-meta-") || KEPT.contains(&name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    // `aws-chunked` belongs to the transfer, not to the object.
    if let Some(codings) = kept.remove("content-encoding") {
        let words = codings.split(',').map(str::trim);
        let rest: Vec<&str> =
            words.filter(|word| *word != "aws-chunked" && !word.is_empty()).collect();
        if !rest.is_empty() {
            kept.insert("content-encoding".to_owned(), rest.join(","));
        }
    }
    kept
}

/// Checks CRC32, the SDKs' default checksum. Unlike S3, the stub accepts wrong checksums of other
/// kinds.
fn wrong_checksum(call: &Call) -> Option<String> {
    let announced = call.http.header("x-amz-trailer").unwrap_or("x-amz-checksum-crc32");
    let Some(sum) = call.http.header("x-amz-checksum-crc32") else {
        let missing =
            call.http.header(announced).is_none() && call.http.header("x-amz-trailer").is_some();
        return missing.then(|| format!("the trailer {announced} is missing"));
    };
    let mut crc = Crc::new();
    crc.update(&call.http.body);
    let is = BASE64_STANDARD.encode(crc.sum().to_be_bytes());
    (is != sum).then(|| format!("The CRC32 you specified is {sum}, but that of the body is {is}."))
}
