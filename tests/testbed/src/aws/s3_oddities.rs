//! Buckets in another region, policies that demand headers, and servers that differ from S3.

use std::collections::BTreeMap;

use super::Stub;
use super::errors::{Failure, denied};
use super::http::Answer;
use super::route::Call;

/// Form in which a bucket says that it is in another region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// 301 with the region in a header, as S3 does.
    Redirect,
    /// 400 with the region in the body, as S3 answers if a signature names another region.
    Malformed,
    /// 301 that only HeadBucket explains.
    Bare,
    /// 301 that names another region for any region in the signature.
    Circle,
}

#[derive(Default)]
pub struct Oddities {
    regions: BTreeMap<String, (&'static str, Elsewhere)>,
    demands: Vec<(&'static str, &'static str, &'static str)>,
    /// Ignored conditions of writes, by their header.
    pub ignored: Vec<&'static str>,
}

impl Stub {
    /// Moves a bucket to another region.
    pub fn bucket_in(&self, bucket: &str, region: &'static str, how: Elsewhere) {
        self.state().s3.oddities.regions.insert(bucket.to_owned(), (region, how));
    }

    /// Refuses requests for that operation, or for `*`, without this value of a header.
    pub fn demand(&self, operation: &'static str, header: &'static str, value: &'static str) {
        self.state().s3.oddities.demands.push((operation, header, value));
    }

    /// Ignores a condition of writes: `if-match`, `if-match of what exists` or `if-none-match`.
    pub fn ignore(&self, condition: &'static str) {
        self.state().s3.oddities.ignored.push(condition);
    }
}

impl Oddities {
    /// Returns the refusal of a request, if it is refused.
    pub fn refuse(&self, call: &Call) -> Option<Result<Answer, Failure>> {
        self.elsewhere(call).or_else(|| {
            let misses = |(operation, header, value): &&(&str, &str, &str)| {
                (*operation == "*" || *operation == call.operation)
                    && call.http.header(header) != Some(value)
            };
            self.demands.iter().find(misses)?;
            let message = format!("{} with an explicit deny in a resource-based policy", {
                let all = denied(call);
                all.split(" because").next().unwrap_or_default().to_owned()
            });
            Some(Err(Failure::new(403, "AccessDenied", message)))
        })
    }

    fn elsewhere(&self, call: &Call) -> Option<Result<Answer, Failure>> {
        let (region, how) = *self.regions.get(&call.parent)?;
        let scope = call.http.header("authorization").unwrap_or_default();
        let signed_for = scope.split('/').nth(2).unwrap_or_default();
        if signed_for == region && how != Elsewhere::Circle {
            return None;
        }
        let error = |status: u16, code: &str, message: &str| {
            let failure = Failure::new(status, code, message);
            failure.answer(call)
        };
        let moved = "Please send all future requests to this endpoint.";
        Some(Ok(match how {
            Elsewhere::Bare if call.operation == "HeadBucket" => {
                Answer::empty(301).with("x-amz-bucket-region", region)
            }
            Elsewhere::Bare => error(301, "PermanentRedirect", moved),
            Elsewhere::Redirect => {
                error(301, "PermanentRedirect", moved).with("x-amz-bucket-region", region)
            }
            Elsewhere::Circle => {
                let other = if signed_for == region { super::REGION } else { region };
                error(301, "PermanentRedirect", moved).with("x-amz-bucket-region", other)
            }
            Elsewhere::Malformed => {
                let body = format!(
                    "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization \
                     header is malformed; the region &apos;{signed_for}&apos; is wrong; expecting \
                     &apos;{region}&apos;</Message><Region>{region}</Region></Error>"
                );
                Answer::new(400, "application/xml", body)
            }
        }))
    }
}
