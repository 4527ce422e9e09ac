//! Limits of answers. A server that is not AWS, or that is faulty, may send a body without end, or
//! one byte every few seconds.

use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body::{Body, Frame, SizeHint};

use super::ObjectPart;
use super::session::{ANSWER, SLOWEST};

/// Size limit of an answer other than an object: a page of a thousand keys has 2 MiB.
const MAX_ANSWER: usize = 8 << 20;

/// The call whose answer is an object, which [`read`] reads.
const OBJECT: &str = "GetObject";

/// Fails an answer that is longer than [`MAX_ANSWER`].
#[derive(Debug)]
pub(super) struct MaxAnswer;

impl Intercept for MaxAnswer {
    fn name(&self) -> &'static str {
        "MaxAnswer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let is_object = config.load::<Metadata>().is_some_and(|call| call.name() == OBJECT);
        if !(is_object && response.status().is_success()) {
            let body = response.take_body();
            *response.body_mut() = SdkBody::from_body_1_x(AtMost { body, left: MAX_ANSWER });
        }
        Ok(())
    }
}

/// A body that fails after a number of bytes.
struct AtMost {
    body: SdkBody,
    left: usize,
}

impl Body for AtMost {
    type Data = <SdkBody as Body>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            match self.left.checked_sub(data.len()) {
                Some(left) => self.left = left,
                None => {
                    let most = MAX_ANSWER >> 20;
                    let problem = format!("it is longer than {most} MiB: is this AWS?");
                    return Poll::Ready(Some(Err(problem.into())));
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

/// Reason that the body of an object was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It has more bytes than this.
    TooLarge(u64),
    /// Only this many bytes arrived in this time.
    TooSlow(usize, Duration),
    /// There is no memory for it.
    NoMemory,
    /// It could not be written to a file.
    Unwritten(io::Error),
    /// The connection broke.
    Broken(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(most) => {
                write!(f, "it is larger than {} MiB, and not from efs-scan", most >> 20)
            }
            Self::TooSlow(bytes, time) => {
                write!(f, "the body comes too slowly: {bytes} bytes in {} s", time.as_secs())
            }
            Self::NoMemory => f.write_str("there is no memory for it"),
            Self::Unwritten(error) => write!(f, "a temporary file: {error}"),
            Self::Broken(problem) => write!(f, "the body: {problem}"),
        }
    }
}

/// Reads an object that arrives at [`SLOWEST`] or faster. `claims` is the size in the answer's
/// header.
pub(super) async fn read(
    body: ByteStream,
    claims: Option<i64>,
    part: ObjectPart,
) -> Result<Vec<u8>, Unread> {
    let mut body = Pieces::new(body);
    if let ObjectPart::Whole { most } = part {
        refuse_large(claims, most)?;
    }
    // The size in the header may be false, so memory grows with the bytes that arrive.
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(data) = body.next().await? {
        bytes.try_reserve(data.len()).map_err(|_| Unread::NoMemory)?;
        bytes.extend_from_slice(&data);
        match part {
            ObjectPart::Whole { most } if bytes.len() as u64 > most => {
                return Err(Unread::TooLarge(most));
            }
            // A server without support for ranges sends the whole object.
            ObjectPart::First(wanted) if bytes.len() >= wanted => {
                bytes.truncate(wanted);
                return Ok(bytes);
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// Writes an object of at most `most` bytes to a file as it arrives.
pub(super) async fn copy(
    body: ByteStream,
    claims: Option<i64>,
    most: u64,
    to: &mut dyn Write,
) -> Result<(), Unread> {
    refuse_large(claims, most)?;
    let mut body = Pieces::new(body);
    while let Some(data) = body.next().await? {
        if body.bytes as u64 > most {
            return Err(Unread::TooLarge(most));
        }
        to.write_all(&data).map_err(Unread::Unwritten)?;
    }
    Ok(())
}

fn refuse_large(claims: Option<i64>, most: u64) -> Result<(), Unread> {
    match claims.is_some_and(|bytes| u64::try_from(bytes).is_ok_and(|bytes| bytes > most)) {
        true => Err(Unread::TooLarge(most)),
        false => Ok(()),
    }
}

/// The body of an object, which has to arrive at [`SLOWEST`] or faster.
struct Pieces {
    body: ByteStream,
    begun: Instant,
    /// Bytes that have arrived.
    bytes: usize,
}

impl Pieces {
    fn new(body: ByteStream) -> Self {
        Self { body, begun: Instant::now(), bytes: 0 }
    }

    async fn next(&mut self) -> Result<Option<<SdkBody as Body>::Data>, Unread> {
        let allowed = ANSWER + Duration::from_secs(self.bytes as u64 / SLOWEST);
        let left = allowed.saturating_sub(self.begun.elapsed());
        let too_slow = |_| Unread::TooSlow(self.bytes, self.begun.elapsed());
        let next = tokio::time::timeout(left, self.body.next()).await.map_err(too_slow)?;
        let data = next.transpose().map_err(|error| Unread::Broken(error.to_string()))?;
        self.bytes += data.as_ref().map_or(0, |data| data.len());
        Ok(data)
    }
}
