//! Batches several directories into one request, within the server's limits and as far as it pays.

use super::{MAX_REPLY, MIN_REPLY, NfsWalk, QueuedTask, ReadTask, RequestLimits, SMALLEST_REPLY};
use crate::log;
use crate::scan::nfs::compound::{ReadDirArgs, Request};

/// Bytes of a reply besides the READDIR results: the headers and SEQUENCE; then, per listing, PUTFH
/// and what servers send beyond `maxcount` (Linux: 36 bytes).
const REPLY_OVERHEAD: u32 = 512;
const LISTING_OVERHEAD: u32 = 64;

/// Operations per listing, and bytes of its request at most.
const LISTING_OPERATIONS: u32 = 2;
const LISTING_REQUEST: u32 = 600;

impl ReadTask {
    /// True if the task may share a request. Tasks with other operations or earlier trouble go
    /// alone.
    fn is_batchable(&self) -> bool {
        match self {
            Self::List(reading) => reading.unusable_replies == 0 && reading.max_count.is_none(),
            Self::Root | Self::ReadMarker(_) => false,
        }
    }
}

impl NfsWalk {
    /// Returns the largest number of operations in a request of this walk, including SEQUENCE.
    pub(in super::super) fn operations_needed(&self) -> u32 {
        // SEQUENCE, PUTROOTFH, LOOKUPs, GETFH, GETATTR; or SEQUENCE, PUTFH, LOOKUP, READ.
        u32::try_from(self.root_path.len()).unwrap_or(u32::MAX).saturating_add(4)
    }

    /// Stops sending several directories in one request. Kernels up to at least Linux 6.1 miscount
    /// a reply's pages if a second READDIR begins after the first page, and overwrite their own
    /// memory.
    pub(in super::super) fn disable_batching(&mut self) {
        if std::mem::replace(&mut self.batch, 1) > 1 {
            log::warn!(
                "the server may be Linux, which several directories in one request can crash; \
                 using --nfs-batch 1"
            );
        }
    }

    /// Returns the number of directories per request, if this many requests may be in flight: one
    /// while no more are queued, because a server executes a batch sequentially. With a longer
    /// queue, half of the requests carry it, and the other half is for directories that these find.
    pub(in super::super) fn batch_size(&self, requests: usize) -> usize {
        let waiting = self.queued();
        match waiting <= requests {
            true => 1,
            false => waiting.div_ceil(requests.div_ceil(2).max(1)),
        }
    }

    /// Takes the tasks of the next request to the partition `here`, at most `share` directories; it
    /// may have none. `free` is the number of requests that may be sent now.
    pub(in super::super) fn next_tasks(
        &mut self,
        here: Option<usize>,
        free: usize,
        share: usize,
        limits: &RequestLimits,
    ) -> Vec<ReadTask> {
        let fits = [
            limits.operations.saturating_sub(1) / LISTING_OPERATIONS,
            limits.request.saturating_sub(REPLY_OVERHEAD) / LISTING_REQUEST,
            // Twice the typical size, or many listings would end half-way.
            limits.reply.saturating_sub(REPLY_OVERHEAD)
                / (LISTING_OVERHEAD + (2 * self.typical_reply).max(MIN_REPLY)),
        ];
        let fits = fits.into_iter().fold(self.batch, |least, each| least.min(each as usize));
        let mut tasks = Vec::new();
        while tasks.len() < share.min(fits).max(1) {
            let few = self.ready.len() < free;
            let deferred = if few { self.deferred.pop() } else { None };
            let task = deferred.or_else(|| self.bound.pop(here));
            let task = task.or_else(|| self.ready.pop().map(QueuedTask::task));
            let Some(task) = task else { break };
            let Some(task) = self.bound.keep(task, here) else { continue };
            if !task.is_batchable() && !tasks.is_empty() {
                self.push(task);
                break;
            }
            let plain = task.is_batchable();
            tasks.push(task);
            if !plain {
                break;
            }
        }
        let each = limits.reply.saturating_sub(REPLY_OVERHEAD) / tasks.len().max(1) as u32;
        let each = each.saturating_sub(LISTING_OVERHEAD).clamp(SMALLEST_REPLY, MAX_REPLY);
        let most = limits.reply.saturating_sub(SMALLEST_REPLY).max(SMALLEST_REPLY);
        for task in &mut tasks {
            if let ReadTask::List(reading) = task {
                reading.partition = here;
                reading.asked = reading.max_count.map_or(each, |own| own.min(most));
            }
        }
        self.in_flight += tasks.len();
        tasks
    }

    /// Writes the operations of the tasks.
    pub(in super::super) fn write_tasks(&self, tasks: &[ReadTask], request: &mut Request) {
        for task in tasks {
            match task {
                ReadTask::Root => self.write_root(request),
                ReadTask::List(reading) => {
                    request.put_fh(&reading.handle);
                    request.read_dir(&ReadDirArgs {
                        cookie: reading.cookie,
                        verifier: reading.verifier,
                        dir_count: reading.asked,
                        max_count: reading.asked,
                        attributes: self.mask,
                    });
                }
                ReadTask::ReadMarker(reading) => {
                    request.put_fh(&reading.handle);
                    if let Some((name, bytes)) = reading.markers.next() {
                        request.lookup(name);
                        request.read(0, bytes);
                    }
                }
            }
        }
    }
}
