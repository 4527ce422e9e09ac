//! The errors of stores and of AWS's services.

/// Kinds of errors. The kind decides if a call is retried, and what the user can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There are no credentials, or they have expired or are wrong.
    Credentials,
    /// A permission is missing.
    Denied,
    /// The bucket, topic, domain or the like does not exist.
    Missing,
    /// There were too many requests, still after all retries.
    Throttled,
    /// There was no answer, only part of one, or one that reports a fault of the service.
    Unreachable,
    /// Anything else: the request itself is at fault.
    Refused,
}

impl Trouble {
    /// True if the trouble may pass with time alone.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable)
    }
}

/// An error in one line that names the operation, the resource, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ServiceError {
    pub trouble: Trouble,
    pub text: String,
}

impl ServiceError {
    pub fn new(trouble: Trouble, text: impl Into<String>) -> Self {
        Self { trouble, text: text.into() }
    }
}

/// The result of a call to a store or a service.
pub type ServiceResult<T> = Result<T, ServiceError>;
