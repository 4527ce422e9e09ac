//! Region of a bucket, from S3's answer to a request in another region.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::is_region;
use super::s3::{S3Bucket, status};
use crate::log;

/// Returns the region that an answer names: S3 names it in a header, other servers in the error's
/// body.
pub(super) fn of_answer(answer: &HttpResponse) -> Option<String> {
    let header = answer.headers().get("x-amz-bucket-region");
    let body = answer.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let between = |from: &str, to: &str| {
        let (_, rest) = body?.split_once(from)?;
        rest.split_once(to).map(|(found, _)| found)
    };
    let named = header
        .or_else(|| between("<Region>", "</Region>"))
        .or_else(|| between("expecting '", "'"))
        .or_else(|| between("expecting &apos;", "&apos;"));
    named.map(str::trim).filter(|name| is_region(name)).map(str::to_owned)
}

/// True for the ARN of an access point, false for a bucket's name.
pub(super) fn is_arn(bucket: &str) -> bool {
    bucket.starts_with("arn:")
}

/// Returns the region of an access point.
pub(super) fn of_arn(bucket: &str) -> Option<&str> {
    is_arn(bucket).then(|| bucket.split(':').nth(3)).flatten()
}

/// Returns the partition in the ARNs of a region (AWS's partitions.json).
pub(super) fn partition(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    let found = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

impl S3Bucket<'_> {
    /// Makes a call, and repeats it in the bucket's own region if the answer says that it is in
    /// another one. The region is remembered for all calls of this process.
    pub(super) async fn follow<T, E>(
        &self,
        call: impl AsyncFn(Client) -> Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, SdkError<E, HttpResponse>> {
        let client = self.client();
        let asked = client.config().region().map(ToString::to_string).unwrap_or_default();
        let error = match call(client).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match self.home(&asked, &error).await {
            Some(home) => {
                self.move_to(&home);
                call(self.client()).await
            }
            None => Err(error),
        }
    }

    /// Returns the bucket's region if `error` is the answer of another region and no earlier call
    /// for this bucket was redirected: servers may redirect clients in circles.
    async fn home<E>(&self, asked: &str, error: &SdkError<E, HttpResponse>) -> Option<String> {
        let answer = error.raw_response()?;
        if is_arn(&self.bucket) || !matches!(status(error), 301 | 307 | 400) {
            return None;
        }
        // Another call that ran at the same time may have found the region already.
        if let Some(home) = self.sdk.moved(&self.bucket) {
            return Some(home).filter(|home| home != asked);
        }
        let named = match of_answer(answer) {
            None if status(error) == 301 => self.ask_home().await,
            named => named,
        };
        let home = named.filter(|home| home != asked)?;
        log::debug!("s3://{} lies in {home}, not in {asked}: trying there", self.bucket);
        self.sdk.note_moved(&self.bucket, &home);
        Some(home)
    }

    /// Asks for the region with HeadBucket, which answers anybody from any region.
    async fn ask_home(&self) -> Option<String> {
        match self.client().head_bucket().bucket(&self.bucket).send().await {
            Ok(answer) => answer.bucket_region().filter(|name| is_region(name)).map(str::to_owned),
            Err(error) => of_answer(error.raw_response()?),
        }
    }
}

/// Returns advice for an answer that says that the bucket is elsewhere.
pub(super) fn elsewhere(region: Option<&str>) -> String {
    match region {
        Some(region) => {
            format!("; it is in {region}, but the endpoint in use leads elsewhere")
        }
        None => "; it is in another region: set `region` under [publish]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn named(header: Option<&str>, body: &str) -> Option<String> {
        let mut answer = HttpResponse::new(400.try_into().expect("a status"), SdkBody::from(body));
        if let Some(header) = header {
            answer.headers_mut().insert("x-amz-bucket-region", header.to_owned());
        }
        of_answer(&answer)
    }

    #[test]
    fn answers_name_the_region_in_several_ways() {
        assert_eq!(named(Some("eu-west-1"), "").as_deref(), Some("eu-west-1"));
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' \
                    is wrong; expecting 'eu-west-2'</Message>";
        assert_eq!(named(None, body).as_deref(), Some("eu-west-2"));
        let body = format!("{body}<Region>eu-west-3</Region></Error>");
        assert_eq!(named(None, &body).as_deref(), Some("eu-west-3"));
        for wrong in ["", "evil.example.com/", "EU", "-x", "a b"] {
            assert_eq!(named(Some(wrong), ""), None, "{wrong}: it becomes a part of a host name");
        }
    }

    #[test]
    fn arns_have_the_partition_of_the_region() {
        for (region, partition_of_it) in
            [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("us-isob-east-1", "aws-iso-b")]
        {
            assert_eq!(partition(region), partition_of_it);
        }
        assert_eq!(of_arn("arn:aws:s3:eu-west-1:123456789012:accesspoint/x"), Some("eu-west-1"));
        assert_eq!(of_arn("arnold"), None);
    }
}
