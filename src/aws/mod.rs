//! The parts of AWS that this program needs: one file a service, and blocking calls.
//!
//! With the Cargo feature `aws` these are the SDK on one thread. Without it the same calls fail and
//! say so, so callers need no distinction.

#[cfg(not(feature = "aws"))]
mod absent;
#[cfg(feature = "aws")]
mod answer;
#[cfg(feature = "aws")]
mod check;
#[cfg(feature = "aws")]
mod clock;
#[cfg(feature = "aws")]
mod cloudwatch;
#[cfg(feature = "aws")]
mod credentials;
#[cfg(feature = "aws")]
mod efs;
#[cfg(feature = "aws")]
mod efs_iam;
#[cfg(feature = "aws")]
mod endpoint;
#[cfg(feature = "aws")]
mod error;
#[cfg(feature = "aws")]
mod http;
#[cfg(feature = "aws")]
mod identity;
#[cfg(feature = "aws")]
mod json;
mod model;
#[cfg(feature = "aws")]
mod region;
#[cfg(feature = "aws")]
mod s3;
#[cfg(feature = "aws")]
mod s3_read;
#[cfg(feature = "aws")]
mod sagemaker;
#[cfg(feature = "aws")]
mod ses;
#[cfg(feature = "aws")]
mod session;
#[cfg(feature = "aws")]
mod sns;

#[cfg(not(feature = "aws"))]
pub use absent::{Aws, Mailer, S3Bucket};
pub use model::{
    App, BucketOptions, Datum, Domain, EfsDescription, EfsLifecycle, EfsSize, EfsThroughput,
    EfsTraffic, Email, EmailError, EmailOutcome, Identity, Member, MemberKind, MountTarget,
    ObjectPart, PutOptions, S3Body, S3Object, Tag, ThroughputMode, Unit, WriteIf, Written,
    is_region,
};
pub use model::{EfsConnect, EfsSignature};
#[cfg(feature = "aws")]
pub use s3::S3Bucket;
#[cfg(feature = "aws")]
pub use ses::Mailer;
#[cfg(feature = "aws")]
pub use session::Aws;

/// Receives the object of the key at this index, or the reason that it could not be read.
pub type TakeObject<'a> = dyn FnMut(
        usize,
        crate::service_error::ServiceResult<Option<S3Object>>,
    ) -> crate::service_error::ServiceResult<()>
    + 'a;
