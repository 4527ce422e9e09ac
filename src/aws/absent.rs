//! What is said where AWS is not built in.

use super::{App, Datum, Domain, Member, MountTarget};
use crate::remind::Mail;
use crate::report::EfsSize;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::Store;

/// No access to AWS.
#[derive(Debug, Default)]
pub struct Aws(());

impl Aws {
    fn absent<T>(&self) -> ServiceResult<T> {
        let text = "this efs-scan was built without the feature `aws`";
        Err(ServiceError::new(Trouble::Refused, text))
    }

    /// Not here.
    pub fn bucket(&self, _bucket: &str, _prefix: &str) -> ServiceResult<Box<dyn Store + '_>> {
        self.absent()
    }

    /// Not here.
    pub fn ready(&self) -> ServiceResult<()> {
        self.absent()
    }

    /// Not here.
    pub fn put_metrics(&self, _namespace: &str, _data: &[Datum]) -> ServiceResult<()> {
        self.absent()
    }

    /// Not here.
    pub fn notify(&self, _topic: &str, _subject: &str, _text: &str) -> ServiceResult<()> {
        self.absent()
    }

    /// Not here.
    pub fn mailer(&self) -> ServiceResult<Box<dyn Mail + '_>> {
        self.absent()
    }

    /// Not here.
    pub fn file_system_size(&self, _id: &str) -> ServiceResult<EfsSize> {
        self.absent()
    }

    /// Not here.
    pub fn mount_target(&self, _id: &str) -> ServiceResult<MountTarget> {
        self.absent()
    }

    /// Not here.
    pub fn domains(&self) -> ServiceResult<Vec<Domain>> {
        self.absent()
    }

    /// Not here.
    pub fn members(&self, _domain: &str, _known: &[Member]) -> ServiceResult<Vec<Member>> {
        self.absent()
    }

    /// Not here.
    pub fn apps(&self, _domain: &str) -> ServiceResult<Vec<App>> {
        self.absent()
    }
}
