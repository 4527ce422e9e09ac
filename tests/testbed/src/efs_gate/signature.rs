//! Computes a key's signature for a connection from the description of SigV4.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use jiff::Timestamp;

/// The signed values.
pub(super) struct Connect<'a> {
    pub(super) key_hash: &'a str,
    pub(super) access_key_id: &'a str,
    pub(super) session_token: Option<&'a str>,
    pub(super) at: SystemTime,
    pub(super) region: &'a str,
    pub(super) file_system: &'a str,
}

impl Connect<'_> {
    pub(super) fn signature(&self, secret: &str) -> String {
        let time = Timestamp::try_from(self.at).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        let scope = [day, self.region, "elasticfilesystem", "aws4_request"];
        let mut query = String::from("Action=Connect");
        let mut add = |key: &str, value: &str| {
            query.push_str(&format!("&{key}={}", percent(value)));
        };
        add("PublicKeyHash", self.key_hash);
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", &format!("{}/{}", self.access_key_id, scope.join("/")));
        add("X-Amz-Date", &time);
        add("X-Amz-Expires", "86400");
        if let Some(token) = self.session_token {
            add("X-Amz-Security-Token", token);
        }
        add("X-Amz-SignedHeaders", "host");
        let empty = hex(digest(&SHA256, b"").as_ref());
        let lines = ["GET", "/", &query, &format!("host:{}", self.file_system), "host", &empty];
        let hash = hex(digest(&SHA256, lines.join("\n").as_bytes()).as_ref());
        let to_sign = ["AWS4-HMAC-SHA256", &time, &scope.join("/"), &hash].join("\n");
        let mac = |key: &[u8], text: &str| hmac::sign(&Key::new(HMAC_SHA256, key), text.as_bytes());
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in scope {
            key = mac(&key, part).as_ref().to_vec();
        }
        hex(mac(&key, &to_sign).as_ref())
    }
}

fn percent(value: &str) -> String {
    let one = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(one).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
