//! Several directories in one request: as many as the server lets it carry and as are worth it.

use super::{LEAST_REPLY, MOST_REPLY, Room, TINY_REPLY, Task, Waiting, Walk};
use crate::scan::nfs::compound::{ReadDirArgs, Request};

/// What a reply takes beside the results of READDIR: headers, SEQUENCE, a PUTFH for each; and what
/// servers were seen to send beyond `maxcount` (Linux: 36 bytes).
const HEADERS: u32 = 512;
const BESIDE: u32 = 64;

/// Operations of one directory, and bytes of its request, at most.
const PAIR: u32 = 2;
const REQUEST: u32 = 600;

impl Task {
    /// Whether it may share a request. What has more operations, or was trouble, goes alone.
    fn is_plain(&self) -> bool {
        match self {
            Self::List(reading) => reading.spoilt == 0 && reading.max_count.is_none(),
            Self::Root | Self::Ask(_) => false,
        }
    }
}

impl Walk {
    /// The most operations that one of its requests needs, SEQUENCE among them.
    pub(in super::super) fn operations(&self) -> u32 {
        // SEQUENCE, PUTROOTFH, LOOKUPs, GETFH, GETATTR; SEQUENCE, PUTFH, LOOKUP, READ.
        u32::try_from(self.root.len()).unwrap_or(u32::MAX).saturating_add(4)
    }

    /// The server must not get several directories in one request. Kernels up to at least Linux
    /// 6.1 lose count of a reply's pages where a second READDIR begins behind the first page, and
    /// overwrite memory of their own.
    pub(in super::super) fn one_at_a_time(&mut self) {
        if std::mem::replace(&mut self.batch, 1) > 1 {
            tracing::warn!(
                "the server may be Linux's, which several directories in one request can crash: \
                 --nfs-batch 1 it is"
            );
        }
    }

    /// How many directories a request is to carry, where so many requests may be in flight. One
    /// while no more wait, which is not for long: a batch is read one after the other by the server.
    /// Where more wait, so many that half of the requests take them all; the other half is for what
    /// these find.
    pub(in super::super) fn share(&self, requests: usize) -> usize {
        let waiting = self.ready.len() + self.deferred.len();
        match waiting <= requests {
            true => 1,
            false => waiting.div_ceil(requests.div_ceil(2).max(1)),
        }
    }

    /// What the next request carries, at most `share` directories, where `free` requests may be sent
    /// now.
    pub(in super::super) fn take(&mut self, free: usize, share: usize, room: &Room) -> Vec<Task> {
        let fits = [
            room.operations.saturating_sub(1) / PAIR,
            room.request.saturating_sub(HEADERS) / REQUEST,
            // Twice the usual, or many answers would end half-way.
            room.reply.saturating_sub(HEADERS) / (BESIDE + (2 * self.usual).max(LEAST_REPLY)),
        ];
        let fits = fits.into_iter().fold(self.batch, |least, each| least.min(each as usize));
        let mut tasks = Vec::new();
        while tasks.len() < share.min(fits).max(1) {
            let few = self.ready.len() < free;
            let deferred = if few { self.deferred.pop() } else { None };
            let task = deferred.or_else(|| self.ready.pop().map(Waiting::task));
            let Some(task) = task else { break };
            if !task.is_plain() && !tasks.is_empty() {
                self.push(task);
                break;
            }
            let plain = task.is_plain();
            tasks.push(task);
            if !plain {
                break;
            }
        }
        let each = room.reply.saturating_sub(HEADERS) / tasks.len().max(1) as u32;
        let each = each.saturating_sub(BESIDE).clamp(TINY_REPLY, MOST_REPLY);
        let most = room.reply.saturating_sub(TINY_REPLY).max(TINY_REPLY);
        for task in &mut tasks {
            if let Task::List(reading) = task {
                reading.asked = reading.max_count.map_or(each, |own| own.min(most));
            }
        }
        self.in_flight += tasks.len();
        tasks
    }

    /// Writes what the tasks ask for.
    pub(in super::super) fn write(&self, tasks: &[Task], request: &mut Request) {
        for task in tasks {
            match task {
                Task::Root => self.ask_root(request),
                Task::List(reading) => {
                    request.put_fh(&reading.handle);
                    request.read_dir(&ReadDirArgs {
                        cookie: reading.cookie,
                        verifier: reading.verifier,
                        dir_count: reading.asked,
                        max_count: reading.asked,
                        attributes: self.mask,
                    });
                }
                Task::Ask(reading) => {
                    request.put_fh(&reading.handle);
                    if let Some((name, bytes)) = reading.markers.question() {
                        request.lookup(name);
                        request.read(0, bytes);
                    }
                }
            }
        }
    }
}
