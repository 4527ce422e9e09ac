//! Settings of buckets in `[publish]`: region, encryption, ACL and storage class.

use super::publishing::PublishSettings;
use crate::store::{BucketOptions, PutOptions, is_region};

/// Kinds of encryption (S3 API reference, PutObject).
const SSE: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

/// ACLs that grant access to this account and the bucket's owner. The others grant it to strangers.
const ACLS: [&str; 3] = ["bucket-owner-full-control", "bucket-owner-read", "private"];

/// Storage classes whose objects must be restored before they can be read.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

impl PublishSettings {
    /// Returns the settings of buckets, with the checks that need no service.
    pub(super) fn buckets(&self) -> Result<BucketOptions, String> {
        let Self { region, sse, kms_key_id, acl, storage_class, .. } = self;
        check("--publish-region", region, "is not a region like eu-west-1", is_region)?;
        let kinds = format!("is none of {}", SSE.join(", "));
        check("--publish-sse", sse, &kinds, |kind| SSE.contains(&kind))?;
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
        check("--publish-kms-key-id", kms_key_id, "is not the id, ARN or alias of a key", is_key)?;
        if kms_key_id.is_some() && !sse.as_ref().is_some_and(|kind| kind.starts_with("aws:kms")) {
            return Err("--publish-kms-key-id needs --publish-sse=aws:kms".to_owned());
        }
        let grants = format!("would let others read it; it can be {}", ACLS.join(", "));
        check("--publish-acl", acl, &grants, |acl| ACLS.contains(&acl))?;
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let is_class = |class: &str| !class.is_empty() && class.chars().all(plain);
        check("--publish-storage-class", storage_class, "is not like STANDARD_IA", is_class)?;
        let archived = "stores objects that cannot be read without a restore";
        let is_readable = |class: &str| !ARCHIVES.contains(&class);
        check("--publish-storage-class", storage_class, archived, is_readable)?;
        Ok(BucketOptions {
            region: region.clone(),
            put: PutOptions {
                sse: sse.clone(),
                kms_key_id: kms_key_id.clone(),
                acl: acl.clone(),
                storage_class: storage_class.clone(),
            },
            requester_pays: self.requester_pays.unwrap_or_default(),
            unconditional: self.unconditional.unwrap_or_default(),
        })
    }
}

fn check(
    flag: &str,
    value: &Option<String>,
    problem: &str,
    is_right: impl Fn(&str) -> bool,
) -> Result<(), String> {
    match value.as_deref() {
        Some(value) if !is_right(value) => Err(format!("{flag} `{value}` {problem}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_a_bucket_refuses_are_refused_before_the_scan() {
        let options = |text: &str| toml::from_str::<PublishSettings>(text).expect(text).buckets();
        let set = |key: &str, value: &str| {
            let sse = if key == "sse" { "" } else { "sse = 'aws:kms'" };
            options(&format!("{key} = '{value}'\n{sse}"))
        };
        for (key, right) in [
            ("region", "us-gov-west-1"),
            ("sse", "AES256"),
            ("kms_key_id", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"),
            ("kms_key_id", "alias/efs"),
            ("acl", "bucket-owner-full-control"),
            ("storage_class", "GLACIER_IR"),
        ] {
            assert!(set(key, right).is_ok(), "{key} {right}");
        }
        for (key, wrong) in [
            ("region", "eu-west-1.example.com"),
            ("region", ""),
            ("sse", "kms"),
            ("kms_key_id", "a b"),
            ("acl", "public-read"),
            ("storage_class", "DEEP_ARCHIVE"),
            ("storage_class", "standard"),
        ] {
            let problem = set(key, wrong).expect_err(wrong);
            assert!(problem.contains(&format!("`{wrong}`")), "{problem}");
        }
        let alone = options("kms_key_id = 'x'").expect_err("it needs a kind");
        assert!(alone.contains("--publish-sse"), "{alone}");
    }
}
