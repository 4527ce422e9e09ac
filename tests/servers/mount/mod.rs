//! What a scan costs a real NFSv4.1 server, counted by the kernel's own client in user-mode Linux
//! (`tests/testbed/uml`). Counts, not times: they are the same on every machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use efs_scan_testbed::*;
use jiff::Timestamp;
use serde_json::Value;

/// `tests/testbed/uml/run` exits with it where it cannot run.
const CANNOT: i32 = 77;

/// For opening the mount's root and looking at it before and after the scan.
const AROUND: u64 = 10;

/// What `tests/servers/mount/job` printed.
struct Bed {
    facts: BTreeMap<String, String>,
}

/// How the one boot went. A failure is kept, so that it is not tried again for each test.
enum Booted {
    Bed(Bed),
    Cannot(String),
    Failed(String),
}

/// What one scan cost, by mountstats and by its own report.
struct Cost<'a> {
    name: &'static str,
    bed: &'a Bed,
    report: Value,
}

/// Boots once for all tests. `None` where it cannot be, which is said for each of them.
fn bed(what: &str) -> Option<&'static Bed> {
    static BED: OnceLock<Booted> = OnceLock::new();
    let booted = BED.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut command = Command::new(tests.join("testbed/uml/run"));
        command.arg(tests.join("nfs/job")).arg(env!("CARGO_BIN_EXE_efs-scan"));
        command.env("UML_TIMEOUT", "1200").stdin(std::process::Stdio::null());
        // Longer than the guest may take and the root tree may be made in: no guest stays behind.
        let output = watched(&mut command, Duration::from_secs(3600));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(CANNOT) {
            return Booted::Cannot(stderr.lines().last().unwrap_or_default().to_owned());
        }
        let fact = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        match (output.status.success(), stdout.lines().map(fact).collect()) {
            (true, Some(facts)) => Booted::Bed(Bed { facts }),
            _ => Booted::Failed(format!("{}\n{stdout}\n{stderr}", output.status)),
        }
    });
    match booted {
        Booted::Bed(bed) => Some(bed),
        Booted::Failed(said) => panic!("{said}"),
        Booted::Cannot(why) => {
            skip_unless(false, what, why);
            None
        }
    }
}

impl Bed {
    fn number(&self, name: &str) -> u64 {
        let fact = self.facts.get(name).unwrap_or_else(|| panic!("the job said no {name}"));
        fact.parse().unwrap_or_else(|_| panic!("{name}={fact}"))
    }

    fn scan(&self, name: &'static str) -> Cost<'_> {
        let report =
            self.facts.get(&format!("{name}.report")).map(|text| serde_json::from_str(text));
        let report = report.unwrap_or_else(|| panic!("the job said no {name}.report")).unwrap();
        let cost = Cost { name, bed: self, report };
        assert_eq!(self.number(&format!("{name}.code")), 0, "{cost}");
        cost
    }
}

impl Cost<'_> {
    /// Requests of that kind, by mountstats.
    fn count(&self, operation: &str) -> u64 {
        let name = format!("{}.{operation}", self.name);
        if self.bed.facts.contains_key(&name) { self.bed.number(&name) } else { 0 }
    }

    /// What a walk consists of.
    fn walk(&self) -> u64 {
        ["READDIR", "GETATTR", "ACCESS", "LOOKUP"].iter().map(|kind| self.count(kind)).sum()
    }

    /// How long the scan took, by its own report.
    fn seconds(&self) -> f64 {
        let time = |what: &str| self.report["run"][what].as_str().unwrap().parse::<Timestamp>();
        let (started, finished) = (time("started").unwrap(), time("finished").unwrap());
        finished.duration_since(started).as_secs_f64()
    }

    /// Round trips a second.
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
        let facts = self.bed.facts.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(&prefix)?;
            (name != "report").then_some((name, value))
        });
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
    let Some(bed) = bed("round trips per directory on NFS") else { return };
    bed.scan("default").assert_per_directory(3);
    bed.scan("nocto").assert_per_directory(2);
}

#[test]
fn a_second_scan_of_the_same_mount_costs_no_more() {
    let Some(bed) = bed("a second scan of the same NFS mount") else { return };
    bed.scan("again").assert_per_directory(3);
    bed.scan("again_nocto").assert_per_directory(2);
}

#[test]
fn files_of_a_large_directory_are_free() {
    let Some(bed) = bed("round trips of large directories on NFS") else { return };
    for (name, files) in [("middle", 2_000), ("large", 30_000), ("million", 1_000_000)] {
        let cost = bed.scan(name);
        assert_eq!((cost.total("files"), cost.total("dirs")), (files, 1), "{cost}");
        let others = cost.count("GETATTR") + cost.count("LOOKUP") + cost.count("ACCESS");
        assert!(others <= AROUND, "{cost}");
        assert!(cost.count("READDIR") <= files / 1000 + 1, "{cost}");
    }
}

#[test]
fn totals_are_those_of_du_and_find_on_the_server() {
    let Some(bed) = bed("totals on NFS beside the server's own") else { return };
    for name in ["default", "nocto", "noac", "actimeo", "nordirplus", "paced"] {
        let cost = bed.scan(name);
        assert_eq!(cost.total("allocated_bytes"), bed.number("tree.allocated"), "{cost}");
        assert_eq!(cost.total("dirs"), bed.number("tree.dirs"), "{cost}");
        assert_eq!(cost.total("files"), bed.number("tree.files"), "{cost}");
    }
}

#[test]
fn the_report_says_what_mountstats_says() {
    let Some(bed) = bed("NFS requests in the report beside mountstats") else { return };
    for name in ["default", "nocto", "noac", "nordirplus", "paced", "large", "million"] {
        let cost = bed.scan(name);
        let nfs = &cost.report["nfs"];
        assert_eq!(nfs["connections"].as_u64(), Some(cost.count("connections")), "{cost}");
        let requests = nfs["requests"].as_object().unwrap_or_else(|| panic!("{cost}"));
        let mut sum = 0;
        for (kind, count) in requests {
            let (said, counted) = (count.as_u64().unwrap(), cost.count(kind));
            // The job counts from before the program starts until after it ended.
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
    let Some(bed) = bed("hints for NFS mount options") else { return };
    assert_eq!(bed.scan("default").hints(), ["nocto"]);
    assert_eq!(bed.scan("nocto").hints(), [""; 0]);
    assert_eq!(bed.scan("actimeo").hints(), ["actimeo", "nocto"]);
    for (name, hints) in [("noac", ["noac", "nocto"]), ("nordirplus", ["nordirplus", "nocto"])] {
        let cost = bed.scan(name);
        assert_eq!(cost.hints(), hints, "{cost}");
        // The hint tells the truth.
        let files = cost.total("files");
        assert!(cost.count("GETATTR") + cost.count("LOOKUP") >= files, "{cost}");
    }
}

#[test]
fn max_ops_is_kept_by_the_servers_count() {
    let Some(bed) = bed("--max-ops on NFS") else { return };
    // Where attributes do not come with names, what was not foreseen is made up for.
    let paced = [("paced", "default", 300.0), ("paced_noac", "noac", 1_000.0)];
    for (name, unpaced, wanted) in paced {
        let cost = bed.scan(name);
        let (seconds, rate) = (cost.seconds(), cost.rate());
        assert!(seconds > 8.0, "too short to tell: {seconds} s, {cost}");
        let off = (rate - wanted) / wanted;
        assert!(off <= 0.05, "{rate} round trips a second, not {wanted}: {cost}");
        // A guest that is hardly as fast by itself cannot show that it is held to no less.
        let able = bed.scan(unpaced).rate() >= 1.5 * wanted;
        if skip_unless(able, "--max-ops from below on NFS", "the guest is too slow by itself") {
            assert!(off >= -0.05, "{rate} round trips a second, not {wanted}: {cost}");
        }
    }
}
