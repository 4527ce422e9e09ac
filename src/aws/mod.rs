//! AWS, as far as this program asks it: all that is asynchronous stays in here.
//!
//! With the Cargo feature `aws` it is the SDK on one thread; without, the same calls say that
//! they are not in this build, so that no caller has to know.

#[cfg(not(feature = "aws"))]
mod absent;
#[cfg(feature = "aws")]
mod error;
#[cfg(feature = "aws")]
mod json;
mod model;
#[cfg(feature = "aws")]
mod mount_target;
#[cfg(feature = "aws")]
mod s3;
#[cfg(feature = "aws")]
mod sagemaker;
#[cfg(feature = "aws")]
mod ses;
#[cfg(feature = "aws")]
mod session;

#[cfg(not(feature = "aws"))]
pub use absent::Aws;
pub use model::{App, Datum, Domain, Member, MemberKind, MountTarget, Unit};
#[cfg(feature = "aws")]
pub use session::Aws;
