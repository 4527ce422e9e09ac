//! Reads a client's certificate and checks it like EFS. This module shares no code with the client.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::der::{
    BIT_STRING, Der, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, UTC_TIME, UTF8_STRING, Wrong,
    context, oid,
};

/// Validity of a certificate, and the part of it before the certificate was made.
const VALID: Duration = Duration::from_secs(3 * 3600 + 15 * 60);
const BEFORE: Duration = Duration::from_secs(15 * 60);

/// Contents of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The whole certificate.
    pub der: Vec<u8>,
    pub serial: u64,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    /// SHA-1 of the public key, in hexadecimal digits.
    pub key_hash: String,
    pub common_name: String,
    pub access_point: Option<String>,
    pub file_system: String,
    pub iam: Option<Signature>,
}

/// The extension with a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub access_key_id: String,
    pub signature: String,
    pub at: SystemTime,
    pub session_token: Option<String>,
}

/// Reads a certificate. Any deviation from EFS's own client is an error.
pub(super) fn read(bytes: &[u8]) -> Result<Presented, Wrong> {
    let mut all = Der(bytes);
    let mut certificate = all.enter(SEQUENCE, "the certificate")?;
    all.end("the certificate")?;
    let (signed, inner) = certificate.take_whole(SEQUENCE, "what is signed")?;
    algorithm(&mut certificate, &[1, 2, 840, 113_549, 1, 1, 11])?;
    let signature = bits(&mut certificate, "the signature")?;
    certificate.end("the certificate")?;

    let mut inner = Der(inner);
    let mut version = inner.enter(context(0), "the version")?;
    if version.take(INTEGER, "the version")? != [2] {
        return Err("not X.509 version 3".to_owned());
    }
    let serial = inner.take(INTEGER, "the serial number")?;
    algorithm(&mut inner, &[1, 2, 840, 113_549, 1, 1, 11])?;
    let issuer = inner.take(SEQUENCE, "the issuer")?;
    let mut times = inner.enter(SEQUENCE, "the validity")?;
    let not_before = time(&mut times)?;
    let not_after = time(&mut times)?;
    let subject = inner.take(SEQUENCE, "the subject")?;
    if issuer != subject {
        return Err("the issuer is not the subject".to_owned());
    }
    let mut public = inner.enter(SEQUENCE, "the public key")?;
    algorithm(&mut public, &[1, 2, 840, 113_549, 1, 1, 1])?;
    let key = bits(&mut public, "the public key")?;
    let mut rsa = Der(key).enter(SEQUENCE, "the RSA key")?;
    let modulus = rsa.take(INTEGER, "the modulus")?;
    if modulus.len() != 3072 / 8 + 1 {
        return Err(format!("the modulus has {} bytes", modulus.len()));
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed, signature)
        .map_err(|_| "not signed with its own key".to_owned())?;
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut wrapped = inner.enter(context(3), "the extensions")?;
    inner.end("what is signed")?;
    let mut extensions = wrapped.enter(SEQUENCE, "the extensions")?;
    let presented = Presented {
        der: bytes.to_owned(),
        serial: number(serial)?,
        not_before,
        not_after,
        key_hash: hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        common_name: common_name(subject)?,
        access_point: None,
        file_system: String::new(),
        iam: None,
    };
    with_extensions(presented, hash.as_ref(), &mut extensions)
}

fn number(bytes: &[u8]) -> Result<u64, Wrong> {
    match bytes {
        [] | [0x80..=0xff, ..] => Err("the serial number is negative".to_owned()),
        bytes if bytes.len() > 8 => Err("the serial number is no count".to_owned()),
        bytes => Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
    }
}

fn algorithm(der: &mut Der<'_>, wanted: &[u32]) -> Result<(), Wrong> {
    let mut found = der.enter(SEQUENCE, "an algorithm")?;
    if found.take(OID, "an algorithm")? != oid(wanted) {
        return Err(format!("another algorithm than {wanted:?}"));
    }
    found.take(NULL, "an algorithm's parameter").map(drop)
}

fn bits<'a>(der: &mut Der<'a>, what: &str) -> Result<&'a [u8], Wrong> {
    match der.take(BIT_STRING, what)? {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(format!("{what} is no whole number of bytes")),
    }
}

fn time(der: &mut Der<'_>) -> Result<SystemTime, Wrong> {
    let text = der.text(UTC_TIME, "a time")?;
    let wrong = || format!("the time {text}");
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", format!("20{text}")).map_err(|_| wrong())?;
    let time = TimeZone::UTC.to_timestamp(time).map_err(|_| wrong())?;
    let since = time.as_second().try_into().map_err(|_| wrong())?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(since))
}

fn common_name(subject: &[u8]) -> Result<String, Wrong> {
    let mut names = Der(subject);
    let mut set = names.enter(SET, "the name")?;
    names.end("the name")?;
    let mut name = set.enter(SEQUENCE, "the name")?;
    if name.take(OID, "the name")? != oid(&[2, 5, 4, 3]) {
        return Err("another name than a common name".to_owned());
    }
    name.text(UTF8_STRING, "the common name").map(str::to_owned)
}

/// Reads the extensions in their order: key identifier, access point, signature, file system.
fn with_extensions(
    mut presented: Presented,
    key: &[u8],
    extensions: &mut Der<'_>,
) -> Result<Presented, Wrong> {
    let mut last = 0;
    while extensions.peek().is_some() {
        let mut extension = extensions.enter(SEQUENCE, "an extension")?;
        let id = extension.take(OID, "an extension")?;
        // A critical extension has a boolean here.
        let mut value = extension.enter(OCTET_STRING, "an extension's value")?;
        extension.end("an extension")?;
        let of_efs = |number| oid(&[1, 3, 6, 1, 4, 1, 4843, 7, number]);
        let place = match id {
            id if id == oid(&[2, 5, 29, 14]) => {
                if value.take(OCTET_STRING, "the key identifier")? != key {
                    return Err("the key identifier is of another key".to_owned());
                }
                1
            }
            id if id == of_efs(1) => {
                let text = value.text(UTF8_STRING, "the access point")?;
                presented.access_point = Some(text.to_owned());
                2
            }
            id if id == of_efs(2) => {
                presented.iam = Some(signature(value.enter(SEQUENCE, "the signature")?)?);
                3
            }
            id if id == of_efs(3) => {
                value.text(UTF8_STRING, "the file system")?.clone_into(&mut presented.file_system);
                4
            }
            other => return Err(format!("an extension {other:02x?}")),
        };
        value.end("an extension's value")?;
        if place <= last {
            return Err("extensions in another order".to_owned());
        }
        last = place;
    }
    if last != 4 || presented.file_system.is_empty() {
        return Err("no file system".to_owned());
    }
    Ok(presented)
}

fn signature(mut der: Der<'_>) -> Result<Signature, Wrong> {
    let access_key_id = der.text(UTF8_STRING, "the access key id")?.to_owned();
    let signature = der.text(OCTET_STRING, "the signature")?.to_owned();
    let at = time(&mut der)?;
    let session_token = match der.peek() {
        None => None,
        Some(_) => {
            let mut tagged = der.enter(context(0), "the session token")?;
            let token = tagged.text(UTF8_STRING, "the session token")?;
            tagged.end("the session token")?;
            Some(token.to_owned())
        }
    };
    der.end("the signature")?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if signature.len() != 64 || !signature.bytes().all(is_hex) {
        return Err("the signature is not 64 hexadecimal digits".to_owned());
    }
    Ok(Signature { access_key_id, signature, at, session_token })
}

impl Presented {
    /// Checks the validity period.
    pub(super) fn is_in_time(&self, now: SystemTime) -> Result<(), Wrong> {
        if now < self.not_before {
            return Err("the certificate is not valid yet".to_owned());
        }
        if now > self.not_after {
            return Err("the certificate has expired".to_owned());
        }
        if self.not_after != self.not_before + VALID {
            return Err("the certificate is not valid for three hours and a quarter".to_owned());
        }
        match &self.iam {
            Some(iam) if iam.at != self.not_before + BEFORE => {
                Err("the signature and the certificate are of different times".to_owned())
            }
            _ => Ok(()),
        }
    }
}
