//! The root directory: looked up at the start, and checked again at the end if something vanished.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;

use super::{NfsWalk, QueuedTask, ReadTask};
use crate::log;
use crate::scan::nfs::attrs::AttrMask;
use crate::scan::nfs::compound::{NfsOp, Request};
use crate::scan::nfs::errors;
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::retry::RetryDecision;
use crate::scan::nfs::status::Status;
use crate::usage::{FileKind, Op};

impl NfsWalk {
    pub(super) fn write_root(&self, request: &mut Request) {
        if let Some((_, handle)) = &self.root_dir {
            request.put_fh(handle);
            return request.get_attr(AttrMask::ENTRY);
        }
        request.put_root_fh();
        self.root_path.iter().for_each(|name| request.lookup(name));
        request.get_fh();
        let more = AttrMask::SUPPORTED_ATTRS.or(AttrMask::LEASE_TIME);
        request.get_attr(AttrMask::ENTRY.or(more));
    }

    pub(super) fn apply_root(&mut self, results: &mut CompoundResults<'_>) -> Result<(), OpError> {
        if self.root_dir.is_some() {
            results.check(NfsOp::PutFh)?;
            results.get_attr()?;
            return Ok(());
        }
        results.check(NfsOp::PutRootFh)?;
        for _ in &self.root_path {
            results.check(NfsOp::Lookup)?;
        }
        let handle: Box<[u8]> = results.get_fh()?.into();
        let told = results.get_attr()?;
        self.lease = told.lease_time;
        if let Some(supported) = told.supported {
            self.mask = AttrMask::ENTRY.and(supported);
            let lacking: Vec<_> = AttrMask::ENTRY.without(supported).names().collect();
            log::debug!("attributes that the server does not have: {lacking:?}");
        }
        match self.inodes.attrs(&told, None) {
            Ok(attrs) if attrs.kind != FileKind::Dir => {
                self.fatal = Some(("list", Errno::NOTDIR.into()));
            }
            Ok(attrs) => {
                let dir = self.ledger.root(attrs);
                self.root_dir = Some((Arc::clone(&dir), handle.clone()));
                self.ready.push(QueuedTask::New(dir, handle));
            }
            Err(error) => self.fatal = Some(("stat", error)),
        }
        Ok(())
    }

    pub(super) fn root_failed(&mut self, operation: NfsOp, status: Status, now: Instant) {
        match self.retries.decide(status, &mut self.root_tries, now) {
            // After a restart, a server may refuse everybody for up to two lease times (grace
            // period).
            RetryDecision::At(at) => self.delay(ReadTask::Root, at),
            _ => {
                let what = match operation {
                    NfsOp::PutRootFh | NfsOp::PutFh | NfsOp::Lookup => "open",
                    _ => "stat",
                };
                self.root_unreadable(what, errors::with_advice(status));
            }
        }
    }

    /// Records that the root cannot be read: there is no result, or, if the root was read before,
    /// possibly an incomplete one.
    pub(super) fn root_unreadable(&mut self, what: &'static str, error: io::Error) {
        match &self.root_dir {
            Some((root, _)) => self.ledger.failed(root, Op::Open, &error),
            None => self.fatal = Some((what, error)),
        }
    }
}
