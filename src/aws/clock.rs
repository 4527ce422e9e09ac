//! Compares this machine's clock with the Date header of a server's answer. AWS refuses signatures
//! whose time is more than 5 minutes off, S3 more than 15.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::{SignedDuration, Timestamp};

use crate::sync::lock;
use crate::units::human_seconds;

/// Smallest difference that counts as a wrong clock. Smaller ones may be the answer's transit time.
const NOTABLE: SignedDuration = SignedDuration::from_mins(2);

/// Notes the time of the server's clock when it answered a call. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct AnsweredAt(Arc<Mutex<Option<Timestamp>>>);

impl AnsweredAt {
    /// Returns the time of the last answer, if that has a date.
    pub(super) fn last(&self) -> Option<Timestamp> {
        *lock(&self.0)
    }
}

impl Intercept for AnsweredAt {
    fn name(&self) -> &'static str {
        "AnsweredAt"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *lock(&self.0) = answered_at(context.response());
        Ok(())
    }
}

/// Returns the time of the server's clock when it answered, if the answer has a date.
pub(super) fn answered_at(answer: &HttpResponse) -> Option<Timestamp> {
    let date = DateTime::from_str(answer.headers().get("date")?, Format::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}

/// Returns the time by which the server's clock is ahead of this machine's, if the answer has a
/// date.
pub(super) fn server_ahead(answer: &HttpResponse) -> Option<SignedDuration> {
    Some(answered_at(answer)?.duration_since(Timestamp::now()))
}

/// Returns advice for an answer that says that the clock is wrong.
pub(super) fn wrong(ahead: Option<SignedDuration>) -> String {
    match ahead {
        Some(ahead) if ahead.abs() >= NOTABLE => {
            let by = human_seconds(ahead.abs().as_secs());
            let side = if ahead.is_positive() { "behind" } else { "ahead of" };
            format!("; the clock of this machine is {by} {side} the server's: set it")
        }
        Some(ahead) => {
            let seconds = ahead.abs().as_secs();
            format!(
                "; the clock of this machine is wrong, or the request was long on its way (the date \
                 of the answer differs by {seconds} s)"
            )
        }
        None => "; the clock of this machine is wrong: set it".to_owned(),
    }
}

/// Returns advice for a signature that the server does not accept: the clock or the key is wrong.
pub(super) fn or_secret(ahead: Option<SignedDuration>, message: &str) -> String {
    let of_time = ["Signature expired", "Signature not yet current"];
    if ahead.is_some_and(|ahead| ahead.abs() >= NOTABLE)
        || of_time.iter().any(|words| message.contains(words))
    {
        return wrong(ahead);
    }
    let secret = "; the secret access key is wrong, or a proxy changed the request";
    match ahead {
        Some(_) => format!("{secret} (the clock of this machine agrees with the server's)"),
        None => format!("{secret}, or the clock of this machine is wrong"),
    }
}
