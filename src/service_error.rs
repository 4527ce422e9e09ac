//! What a store or a service of AWS answers instead of doing what it was asked.

/// Why it was not done: decides whether to try again, and what the user can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No credentials, or expired or wrong ones.
    Credentials,
    /// A permission is missing.
    Denied,
    /// What was named is not there: a bucket, a topic, a domain.
    Missing,
    /// Too many requests, still after all retries.
    Throttled,
    /// No answer, half of one, or one that says the service is at fault.
    Unreachable,
    /// Anything else: the request itself is at fault.
    Refused,
}

impl Trouble {
    /// Whether time alone may mend it.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable)
    }
}

/// One line that names the operation, the thing, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ServiceError {
    /// Why.
    pub trouble: Trouble,
    /// The line.
    pub text: String,
}

impl ServiceError {
    /// An error of this kind.
    pub fn new(trouble: Trouble, text: impl Into<String>) -> Self {
        Self { trouble, text: text.into() }
    }
}

/// What a service answers.
pub type ServiceResult<T> = Result<T, ServiceError>;
