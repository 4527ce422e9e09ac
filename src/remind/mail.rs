//! A message, and what takes it.

use crate::service_error::{ServiceError, ServiceResult};

/// A message in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// Who sends it: an address, or a name and an address in angle brackets.
    pub from: String,
    /// The one address that it goes to.
    pub to: String,
    /// Where answers and bounces go.
    pub admin: String,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Takes messages.
pub trait Mail {
    /// Makes sure that messages can be sent at all. How many it takes in a second, if that is
    /// known.
    ///
    /// # Errors
    /// If there is no answer, or sending is switched off.
    fn rate(&self) -> ServiceResult<Option<f64>>;

    /// Sends one message, perhaps after some attempts of which it is known that they failed.
    ///
    /// # Errors
    /// Why it was not sent, or why that is not known.
    fn send(&self, email: &Email) -> Result<(), MailError>;
}

/// Why a message was not sent, if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailError {
    /// What became of it.
    pub fate: Fate,
    /// Why.
    pub error: ServiceError,
}

/// What became of a message that was not simply taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This message was refused; another one may be taken.
    Rejected,
    /// Nothing is taken now, and this was not.
    Closed,
    /// It may have been taken, or not: the answer was lost.
    Unknown,
}
