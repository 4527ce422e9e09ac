//! Calls of a build without AWS: each one fails and says so.

use super::{
    App, BucketOptions, Datum, Domain, EfsDescription, EfsLifecycle, EfsTraffic, Email, EmailError,
    Identity, Member, MountTarget,
};
use super::{EfsConnect, EfsSignature};
use super::{ObjectPart, S3Body, S3Object, TakeObject, WriteIf, Written};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::text::Shown;

/// Access to AWS, which this build does not have.
#[derive(Debug, Default)]
pub struct Aws(());

/// A bucket that cannot be opened.
#[derive(Debug)]
pub struct S3Bucket<'a>(&'a Never);

/// A mail service that cannot be reached.
#[derive(Debug)]
pub struct Mailer<'a>(&'a Never);

#[derive(Debug)]
enum Never {}

fn absent<T>() -> ServiceResult<T> {
    let text = "this efs-scan was built without the feature `aws`";
    Err(ServiceError::new(Trouble::Refused, text))
}

impl Aws {
    pub fn new(_patience: std::time::Duration, _buckets: BucketOptions) -> Self {
        Self(())
    }

    #[must_use]
    pub fn anew(&self) -> Self {
        Self(())
    }

    #[must_use]
    pub fn or_in_region(self, _region: Option<String>) -> Self {
        self
    }

    pub fn ready(&self) -> ServiceResult<()> {
        absent()
    }

    pub fn identity(&self) -> ServiceResult<Identity> {
        absent()
    }

    pub fn topic(&self, _topic: &str) -> ServiceResult<()> {
        absent()
    }

    pub fn bucket(&self, _bucket: &str, _prefix: &str) -> ServiceResult<S3Bucket<'_>> {
        absent()
    }

    pub fn put_metrics(&self, _namespace: &str, _data: &[Datum]) -> ServiceResult<()> {
        absent()
    }

    pub fn notify(&self, _topic: &str, _subject: &Shown, _text: &Shown) -> ServiceResult<()> {
        absent()
    }

    pub fn mailer(&self) -> ServiceResult<Mailer<'_>> {
        absent()
    }

    pub fn file_system(&self, _id: &str, _region: Option<&str>) -> ServiceResult<EfsDescription> {
        absent()
    }

    pub fn traffic(
        &self,
        _id: &str,
        _region: Option<&str>,
        _from: i64,
        _until: i64,
        _period: i32,
    ) -> ServiceResult<EfsTraffic> {
        absent()
    }

    pub fn lifecycle(&self, _id: &str, _region: Option<&str>) -> ServiceResult<EfsLifecycle> {
        absent()
    }

    pub fn file_system_name(&self, _id: &str, _region: Option<&str>) -> ServiceResult<String> {
        absent()
    }

    pub fn mount_target(&self, _id: &str, _region: Option<&str>) -> ServiceResult<MountTarget> {
        absent()
    }

    pub fn sign_efs_connect(&self, _connect: &EfsConnect<'_>) -> ServiceResult<EfsSignature> {
        absent()
    }

    pub fn domains(&self) -> ServiceResult<Vec<Domain>> {
        absent()
    }

    pub fn members(&self, _domain: &str, _known: &[Member]) -> ServiceResult<Vec<Member>> {
        absent()
    }

    pub fn tag_profiles(&self, _members: &mut [Member], _key: &str) -> ServiceResult<()> {
        absent()
    }

    pub fn profile_uid(&self, _domain: &str, _profile: &str) -> ServiceResult<Option<u32>> {
        absent()
    }

    pub fn apps(&self, _domain: &str) -> ServiceResult<Vec<App>> {
        absent()
    }
}

impl S3Bucket<'_> {
    pub fn name(&self, _key: &str) -> String {
        match *self.0 {}
    }

    pub fn check(&self, _key: &str) -> ServiceResult<()> {
        match *self.0 {}
    }

    pub fn check_kept(&self, _key: &str, _content_type: &str, _most: u64) -> ServiceResult<()> {
        match *self.0 {}
    }

    pub fn is_conditional(&self) -> bool {
        match *self.0 {}
    }

    pub fn copy(&self, _key: &str, _most: u64, _to: &mut std::fs::File) -> ServiceResult<bool> {
        match *self.0 {}
    }

    pub fn get(&self, _key: &str, _part: ObjectPart) -> ServiceResult<Option<S3Object>> {
        match *self.0 {}
    }

    pub fn get_aged(
        &self,
        _key: &str,
        _most: u64,
    ) -> ServiceResult<Option<(S3Object, Option<std::time::Duration>)>> {
        match *self.0 {}
    }

    pub fn get_each(
        &self,
        _keys: &[&str],
        _part: ObjectPart,
        _take: &mut TakeObject<'_>,
    ) -> ServiceResult<()> {
        match *self.0 {}
    }

    pub fn put(
        &self,
        _key: &str,
        _body: &S3Body,
        _content_type: &str,
        _only: WriteIf<'_>,
    ) -> ServiceResult<Written> {
        match *self.0 {}
    }

    pub fn list(&self, _prefix: &str, _after: &str) -> ServiceResult<Vec<String>> {
        match *self.0 {}
    }
}

impl Mailer<'_> {
    pub fn rate(&self) -> ServiceResult<Option<f64>> {
        match *self.0 {}
    }

    pub fn send(&self, _email: &Email) -> Result<(), EmailError> {
        match *self.0 {}
    }
}
