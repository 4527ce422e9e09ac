//! A store that is opened as often as it is needed, on any thread.

use std::fmt;
use std::sync::Arc;

use super::{Destination, Store};
use crate::aws::Aws;
use crate::service_error::ServiceResult;

/// Opens one store, as often as it is needed, on any thread.
pub trait Opener: fmt::Debug + Send + Sync {
    /// Opens the store. Nothing is written or requested yet.
    ///
    /// # Errors
    /// If AWS cannot be accessed at all.
    fn open(&self) -> ServiceResult<Box<dyn Store + Sync + '_>>;

    /// Returns another access to the same store, whose patience with it is unused.
    fn anew(&self) -> Arc<dyn Opener>;
}

/// A destination, with the access to AWS.
#[derive(Clone, Debug)]
pub struct OpenDestination {
    pub destination: Destination,
    pub aws: Arc<Aws>,
}

impl Opener for OpenDestination {
    fn open(&self) -> ServiceResult<Box<dyn Store + Sync + '_>> {
        self.destination.open(&self.aws)
    }

    fn anew(&self) -> Arc<dyn Opener> {
        let aws = Arc::new(self.aws.anew());
        Arc::new(Self { destination: self.destination.clone(), aws })
    }
}
