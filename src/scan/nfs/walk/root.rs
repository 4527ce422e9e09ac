//! The root: found at first, and looked for once more where something was gone.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;

use super::{Task, Waiting, Walk};
use crate::scan::nfs::answers::{Answers, Fault};
use crate::scan::nfs::attrs::Mask;
use crate::scan::nfs::compound::{Operation, Request};
use crate::scan::nfs::inode;
use crate::scan::nfs::retry::Again;
use crate::scan::nfs::status::Status;
use crate::usage::{FileKind, Op};

impl Walk {
    pub(super) fn ask_root(&self, request: &mut Request) {
        if let Some((_, handle)) = &self.found {
            request.put_fh(handle);
            return request.get_attr(Mask::ENTRY);
        }
        request.put_root_fh();
        self.root.iter().for_each(|name| request.lookup(name));
        request.get_fh();
        let more = Mask::SUPPORTED_ATTRS.or(Mask::LEASE_TIME);
        request.get_attr(Mask::ENTRY.or(more));
    }

    pub(super) fn root_answer(&mut self, answers: &mut Answers<'_>) -> Result<(), Fault> {
        if self.found.is_some() {
            answers.done(Operation::PutFh)?;
            answers.get_attr()?;
            return Ok(());
        }
        answers.done(Operation::PutRootFh)?;
        for _ in &self.root {
            answers.done(Operation::Lookup)?;
        }
        let handle: Box<[u8]> = answers.get_fh()?.into();
        let told = answers.get_attr()?;
        self.lease = told.lease_time;
        if let Some(supported) = told.supported {
            self.mask = Mask::ENTRY.and(supported);
            let lacking: Vec<_> = Mask::ENTRY.without(supported).names().collect();
            tracing::debug!(?lacking, "attributes that the server does not have");
        }
        match self.inodes.attrs(&told, None) {
            Ok(attrs) if attrs.kind != FileKind::Dir => {
                self.fatal = Some(("list", Errno::NOTDIR.into()));
            }
            Ok(attrs) => {
                let dir = self.ledger.root(attrs);
                self.found = Some((Arc::clone(&dir), handle.clone()));
                self.ready.push(Waiting::New(dir, handle));
            }
            Err(error) => self.fatal = Some(("stat", error)),
        }
        Ok(())
    }

    pub(super) fn root_failed(&mut self, operation: Operation, status: Status, now: Instant) {
        match self.retries.after(status, &mut self.root_tries, now) {
            // A server that has just started lets nobody in for up to two lease times.
            Again::At(at) => self.later(Task::Root, at),
            _ => {
                let what = match operation {
                    Operation::PutRootFh | Operation::PutFh | Operation::Lookup => "open",
                    _ => "stat",
                };
                self.rootless(what, inode::advice(status));
            }
        }
    }

    /// The root cannot be read: there is no result, or, where it was read before, one that may lack
    /// something.
    pub(super) fn rootless(&mut self, what: &'static str, error: io::Error) {
        match &self.found {
            Some((root, _)) => self.ledger.failed(root, Op::Open, &error),
            None => self.fatal = Some((what, error)),
        }
    }
}
