//! Parses /proc/self/mountstats: the requests that the kernel's NFS client sent for a mount.
//!
//! The counters are shared by all mounts with the same superblock, so requests of other programs
//! during the scan are counted as well.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::mount::{mount_of, read_proc, unescape};

/// Seconds of attribute caching below which the attributes that arrive with names may expire before
/// they are read, which costs a round trip each. The defaults are 3 s for files and 30 s for
/// directories. (On Linux 6.1 `actimeo=1` cost nothing in directories of 10 files.)
const SHORT_FILE_CACHE: u64 = 3;
const SHORT_DIR_CACHE: u64 = 5;

/// An NFS mount and its counters at the time of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NfsMount {
    point: Vec<u8>,
    options: String,
    connections: usize,
    counters: Counters,
}

/// Requests that the client sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counters {
    by_operation: BTreeMap<String, OpCounters>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct OpCounters {
    requests: u64,
    /// Sum of the times between request and answer, without the client's own queue.
    round_trips: Duration,
}

/// The requests of a scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    pub connections: usize,
    /// Requests by operation.
    pub requests: BTreeMap<String, u64>,
    /// Mean time between request and answer.
    pub mean_round_trip: Option<Duration>,
    /// Mount options that cost round trips.
    pub costly: Vec<Costly>,
}

/// A mount option that costs round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costly {
    /// `noac`: attributes are not cached.
    NoAc,
    /// `actimeo`, `acregmin` or `acdirmin` of a few seconds: attributes do not arrive with names.
    ShortCache,
    /// `nordirplus`: attributes do not arrive with names.
    NoReadDirPlus,
    /// `nocto` is not set, so each open asks the server if the directory changed.
    CloseToOpen,
}

impl NfsMount {
    /// Reads the NFS mount that `path` is on, with its current counters. Returns `None` if `path`
    /// is not on NFS.
    pub fn of(path: &Path) -> Option<Self> {
        let mount = mount_of(path).filter(|mount| mount.is_nfs())?;
        Self::read(mount.point)
    }

    fn read(point: Vec<u8>) -> Option<Self> {
        let stats = read_proc("/proc/self/mountstats")?;
        Self::in_stats(&stats, point)
    }

    /// Finds the mount at `point` in the text of mountstats. Its part begins with
    /// `device SOURCE mounted on POINT with fstype nfs4 statvers=1.1`.
    fn in_stats(stats: &[u8], point: Vec<u8>) -> Option<Self> {
        let mut mount = None;
        let mut operations = false;
        for line in stats.split(|byte| *byte == b'\n') {
            if line.starts_with(b"device ") {
                let mut words = line.split(|byte| *byte == b' ');
                let ours = words.nth(4).map(unescape).as_deref() == Some(&*point);
                // If several mounts are on one directory, the last one is visible.
                let nfs = ours
                    && line
                        .windows(11)
                        .any(|part| part == b"fstype nfs4" || part == b"fstype nfs ");
                if nfs {
                    let (options, counters) = (String::new(), Counters::default());
                    mount = Some((
                        true,
                        Self { point: point.clone(), options, connections: 0, counters },
                    ));
                } else if let Some((inside, _)) = &mut mount {
                    *inside = false;
                }
                operations = false;
                continue;
            }
            let Some((true, mount)) = &mut mount else { continue };
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if let Some(options) = line.strip_prefix("opts:") {
                options.trim().clone_into(&mut mount.options);
            } else if line.starts_with("xprt:") {
                mount.connections += 1;
            } else if line == "per-op statistics" {
                operations = true;
            } else if operations && let Some((name, operation)) = operation(line) {
                mount.counters.by_operation.insert(name, operation);
            }
        }
        mount.map(|(_, mount)| mount)
    }

    /// Returns the number of connections to the server, which is above 1 with `nconnect`.
    pub fn connections(&self) -> usize {
        self.connections.max(1)
    }

    /// Returns the round trips to open a directory: ACCESS, and GETATTR for close-to-open
    /// consistency.
    pub(super) fn per_open(&self) -> u32 {
        if self.has("nocto") { 1 } else { 2 }
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|given| given == option)
    }

    fn seconds(&self, option: &str) -> Option<u64> {
        let value = |given: &str| given.strip_prefix(option)?.strip_prefix('=')?.parse().ok();
        self.options.split(',').find_map(value)
    }

    fn costly(&self) -> Vec<Costly> {
        let short = |option, least| self.seconds(option).is_some_and(|seconds| seconds < least);
        let mut costly = Vec::new();
        if self.has("noac") {
            costly.push(Costly::NoAc);
        } else if short("acregmin", SHORT_FILE_CACHE) || short("acdirmin", SHORT_DIR_CACHE) {
            costly.push(Costly::ShortCache);
        }
        if self.has("nordirplus") {
            costly.push(Costly::NoReadDirPlus);
        }
        if !self.has("nocto") {
            costly.push(Costly::CloseToOpen);
        }
        costly
    }

    /// Returns the requests since this mount was read. `None` if the mount is gone.
    pub fn since(&self) -> Option<Traffic> {
        Some(self.until(&Self::read(self.point.clone())?))
    }

    fn until(&self, now: &Self) -> Traffic {
        let mut requests = BTreeMap::new();
        let mut time = Duration::ZERO;
        for (name, operation) in &now.counters.by_operation {
            let before = self.counters.by_operation.get(name).copied().unwrap_or_default();
            let count = operation.requests.saturating_sub(before.requests);
            if count > 0 {
                requests.insert(name.clone(), count);
                time += operation.round_trips.saturating_sub(before.round_trips);
            }
        }
        let total: u64 = requests.values().sum();
        Traffic {
            connections: now.connections(),
            mean_round_trip: (total > 0).then(|| time.div_f64(total as f64)),
            requests,
            costly: now.costly(),
        }
    }
}

/// Parses `READDIR: operations transmissions timeouts sent received queued_ms round_trip_ms …`.
fn operation(line: &str) -> Option<(String, OpCounters)> {
    let (name, numbers) = line.split_once(':')?;
    let mut numbers = numbers.split_whitespace().map(str::parse::<u64>);
    let requests = numbers.next()?.ok()?;
    let millis = numbers.nth(5)?.ok()?;
    let name = name.trim().to_owned();
    Some((name, OpCounters { requests, round_trips: Duration::from_millis(millis) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "device proc mounted on /proc with fstype proc\n\
        device 127.0.0.1:/ mounted on /mnt/efs with fstype nfs4 statvers=1.1\n\
        \topts:\trw,vers=4.1,rsize=1048576,acregmin=3,acregmax=60,acdirmin=30,acdirmax=60,hard\n\
        \tage:\t5\n\
        \tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n\
        \txprt:\ttcp 768 0 1 0 0 40 40 0 39 0 2 0 0\n\
        \tper-op statistics\n\
        \t        NULL: 1 1 0 44 24 0 1 1 0\n\
        \t     GETATTR: 4 4 0 800 960 0 2 2 0\n\
        \t     READDIR: 10 10 0 2000 9600 5 20 26 0\n\
        \n\
        device 127.0.0.1:/ mounted on /mnt/efs2 with fstype nfs4 statvers=1.1\n\
        \topts:\trw,noac\n\
        \tper-op statistics\n\
        \t     READDIR: 999 999 0 0 0 0 0 0 0\n";

    fn mount(stats: &str) -> NfsMount {
        NfsMount::in_stats(stats.as_bytes(), b"/mnt/efs".to_vec()).expect("it is there")
    }

    #[test]
    fn requests_are_the_difference_of_the_mounts_counters() {
        let before = mount(BEFORE);
        let after = BEFORE.replace("READDIR: 10 10 0 2000 9600 5 20", "READDIR: 14 14 0 1 1 9 50");
        let traffic = before.until(&mount(&after));
        assert_eq!(traffic.requests, BTreeMap::from([("READDIR".to_owned(), 4)]));
        assert_eq!(traffic.mean_round_trip, Some(Duration::from_micros(7_500)));
        assert_eq!(traffic.connections, 1);
        assert_eq!(before.until(&before).mean_round_trip, None);
    }

    #[test]
    fn costly_options_are_named() {
        let with =
            |options: &str| mount(&BEFORE.replace("hard", &format!("hard,{options}"))).costly();
        let short = BEFORE.replace("acregmin=3", "acregmin=1").replace("acdirmin=30", "acdirmin=1");
        assert_eq!(mount(BEFORE).costly(), [Costly::CloseToOpen]);
        assert_eq!(with("nocto"), []);
        assert_eq!(with("nocto,noac"), [Costly::NoAc]);
        assert_eq!(with("nordirplus,nocto"), [Costly::NoReadDirPlus]);
        assert_eq!(mount(&short).costly(), [Costly::ShortCache, Costly::CloseToOpen]);
        assert_eq!((mount(BEFORE).per_open(), with("nocto").len()), (2, 0));
    }

    #[test]
    fn each_connection_counts_and_other_mounts_do_not() {
        let line = "\txprt:\ttcp 768 0 1 0 0 40 40 0 39 0 2 0 0\n";
        assert_eq!(mount(&BEFORE.replace(line, &line.repeat(4))).connections(), 4);
        assert_eq!(NfsMount::in_stats(BEFORE.as_bytes(), b"/proc".to_vec()), None);
        assert_eq!(NfsMount::in_stats(b"device", b"/mnt/efs".to_vec()), None);
    }
}
