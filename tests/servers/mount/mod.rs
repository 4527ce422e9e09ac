//! Cost of a scan of a mount at a real NFSv4.1 server, counted by the kernel's own client in
//! user-mode Linux (`tests/testbed/uml`). Counts, not times: they are the same on every machine.

use std::path::Path;
use std::time::Duration;

use efs_scan_testbed::skip_unless;
use efs_scan_testbed::uml::{Facts, Guest};
use jiff::Timestamp;
use serde_json::Value;

/// Requests to open the mount's root, to identify the file system, and to examine it before and
/// after the scan.
const AROUND: u64 = 16;

/// Cost of one scan, by mountstats and by its own report.
struct Cost<'a> {
    name: &'static str,
    facts: &'a Facts,
    report: Value,
}

/// Returns what `job` printed. `None` if there can be no guest; `what` is then reported as skipped.
fn facts(what: &str) -> Option<&'static Facts> {
    static GUEST: Guest = Guest::new();
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/mount/job");
    GUEST.facts(what, &job, &[], Duration::from_secs(1200))
}

fn cost_of<'a>(facts: &'a Facts, name: &'static str) -> Cost<'a> {
    Cost { name, facts, report: facts.report(name) }
}

impl Cost<'_> {
    /// Returns the requests of that kind, by mountstats.
    fn count(&self, operation: &str) -> u64 {
        let name = format!("{}.{operation}", self.name);
        if self.facts.get(&name).is_some() { self.facts.number(&name) } else { 0 }
    }

    /// Returns the requests of the walk itself.
    fn walk(&self) -> u64 {
        ["READDIR", "GETATTR", "ACCESS", "LOOKUP"].iter().map(|kind| self.count(kind)).sum()
    }

    /// Returns the duration of the scan, by its own report.
    fn seconds(&self) -> f64 {
        let time = |what: &str| self.report["run"][what].as_str().unwrap().parse::<Timestamp>();
        let (started, finished) = (time("started").unwrap(), time("finished").unwrap());
        finished.duration_since(started).as_secs_f64()
    }

    /// Returns the round trips per second.
    fn rate(&self) -> f64 {
        self.walk() as f64 / self.seconds()
    }

    fn total(&self, what: &str) -> u64 {
        self.report["totals"][what].as_u64().unwrap()
    }

    fn hints(&self) -> Vec<&str> {
        let hints = self.report["nfs"]["hints"].as_array().unwrap_or_else(|| panic!("{self}"));
        hints.iter().map(|hint| hint["option"].as_str().unwrap()).collect()
    }

    fn assert_per_directory(&self, most: u64) {
        let dirs = self.total("dirs");
        assert!(self.walk() <= most * dirs + AROUND, "more than {most} per directory: {self}");
    }
}

impl std::fmt::Display for Cost<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.name)?;
        let prefix = format!("{}.", self.name);
        let facts = self.facts.with_prefix(&prefix).filter(|(name, _)| *name != "report");
        for (name, value) in facts {
            write!(f, " {name}={value}")?;
        }
        write!(f, "; totals {}", self.report["totals"]["dirs"])?;
        write!(f, " directories, {} files; ", self.report["totals"]["files"])?;
        write!(f, "nfs {}", self.report["nfs"])
    }
}

#[test]
fn three_round_trips_per_directory_and_two_with_nocto() {
    let Some(facts) = facts("round trips per directory on NFS") else { return };
    cost_of(facts, "default").assert_per_directory(3);
    cost_of(facts, "nocto").assert_per_directory(2);
}

#[test]
fn a_second_scan_of_the_same_mount_costs_no_more() {
    let Some(facts) = facts("a second scan of the same NFS mount") else { return };
    cost_of(facts, "again").assert_per_directory(3);
    cost_of(facts, "again_nocto").assert_per_directory(2);
}

#[test]
fn files_of_a_large_directory_are_free() {
    let Some(facts) = facts("round trips of large directories on NFS") else { return };
    for (name, files) in [("middle", 2_000), ("large", 30_000), ("million", 1_000_000)] {
        let cost = cost_of(facts, name);
        assert_eq!((cost.total("files"), cost.total("dirs")), (files, 1), "{cost}");
        let others = cost.count("GETATTR") + cost.count("LOOKUP") + cost.count("ACCESS");
        assert!(others <= AROUND, "{cost}");
        assert!(cost.count("READDIR") <= files / 1000 + 1, "{cost}");
    }
}

#[test]
fn totals_match_du_and_find_on_the_server() {
    let Some(facts) = facts("totals on NFS beside the server's own") else { return };
    for name in ["default", "nocto", "noac", "actimeo", "nordirplus", "paced"] {
        let cost = cost_of(facts, name);
        assert_eq!(cost.total("allocated_bytes"), facts.number("tree.allocated"), "{cost}");
        assert_eq!(cost.total("dirs"), facts.number("tree.dirs"), "{cost}");
        assert_eq!(cost.total("files"), facts.number("tree.files"), "{cost}");
    }
}

#[test]
fn the_report_matches_mountstats() {
    let Some(facts) = facts("NFS requests in the report beside mountstats") else { return };
    for name in ["default", "nocto", "noac", "nordirplus", "paced", "large", "million"] {
        let cost = cost_of(facts, name);
        let nfs = &cost.report["nfs"];
        assert_eq!(nfs["connections"].as_u64(), Some(cost.count("connections")), "{cost}");
        let requests = nfs["requests"].as_object().unwrap_or_else(|| panic!("{cost}"));
        let mut sum = 0;
        for (kind, count) in requests {
            let (said, counted) = (count.as_u64().unwrap(), cost.count(kind));
            // The job counts from before the program's start until after its end.
            assert!(said <= counted && counted <= said + AROUND, "{kind}: {cost}");
            sum += said;
        }
        assert_eq!(requests["READDIR"].as_u64(), Some(cost.count("READDIR")), "{cost}");
        assert_eq!(nfs["round_trips"].as_u64(), Some(sum), "{cost}");
        assert!(cost.count("requests") <= sum + AROUND, "{cost}");
        let mean = nfs["mean_round_trip_ms"].as_f64().unwrap_or_else(|| panic!("{cost}"));
        if name != "million" {
            assert!(mean >= 2.0, "netem delays by 1 ms each way: {cost}");
        }
    }
}

#[test]
fn mount_options_that_cost_round_trips_are_named() {
    let Some(facts) = facts("hints for NFS mount options") else { return };
    assert_eq!(cost_of(facts, "default").hints(), ["nocto"]);
    assert_eq!(cost_of(facts, "nocto").hints(), [""; 0]);
    assert_eq!(cost_of(facts, "actimeo").hints(), ["actimeo", "nocto"]);
    for (name, hints) in [("noac", ["noac", "nocto"]), ("nordirplus", ["nordirplus", "nocto"])] {
        let cost = cost_of(facts, name);
        assert_eq!(cost.hints(), hints, "{cost}");
        // The hint is true.
        let files = cost.total("files");
        assert!(cost.count("GETATTR") + cost.count("LOOKUP") >= files, "{cost}");
    }
}

#[test]
fn max_ops_is_kept_by_the_servers_count() {
    let Some(facts) = facts("--max-ops on NFS") else { return };
    // If attributes do not arrive with names, the program compensates for unforeseen requests.
    let paced = [("paced", "default", 300.0), ("paced_noac", "noac", 1_000.0)];
    for (name, unpaced, wanted) in paced {
        let cost = cost_of(facts, name);
        let (seconds, rate) = (cost.seconds(), cost.rate());
        assert!(seconds > 8.0, "too short to tell: {seconds} s, {cost}");
        let off = (rate - wanted) / wanted;
        assert!(off <= 0.05, "{rate} round trips a second, not {wanted}: {cost}");
        // A guest that is hardly faster by itself cannot show that the limit is kept.
        let able = cost_of(facts, unpaced).rate() >= 1.5 * wanted;
        if skip_unless(able, "--max-ops from below on NFS", "the guest is too slow by itself") {
            // This machine may have had less time for the guest than when it measured that.
            assert!(off >= -0.5, "{rate} round trips a second, not {wanted}: {cost}");
        }
    }
}
