//! Reports about invented people, built from the program's own types: for tests of the pages, and
//! for the picture in the README.

use efs_scan::aws::EfsSize;
use efs_scan::report::*;
use efs_scan::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use efs_scan::usage::Class;
use jiff::{SignedDuration, Timestamp};

pub(crate) const GIB: u64 = 1 << 30;

const NAMES: [&str; 40] = [
    "ada", "bela", "chiara", "dmitri", "elif", "farid", "greta", "hiro", "ines", "jonas", "kaya",
    "lena", "mateo", "nadia", "oskar", "priya", "quentin", "rosa", "samir", "tove", "ugo", "vera",
    "wanda", "xenia", "yusuf", "zoe", "anton", "bruna", "cleo", "dario", "edda", "fynn", "gala",
    "hanna", "igor", "jana", "kofi", "lior", "mira", "noor",
];

/// Groups of the people, assigned in turn.
const GROUPS: [Option<&str>; 4] = [Some("physics"), Some("R&D, east"), None, Some("physics")];

/// Remedy for a finding.
enum How {
    Command(&'static str),
    Advice(&'static str),
}
use How::{Advice, Command};

/// (rule, class, path below the home, how, note, maximum size in GiB).
type Rule = (&'static str, Class, &'static str, How, Option<&'static str>, f64);
const FINDINGS: [Rule; 8] = [
    (
        "huggingface-hub",
        Class::Cache,
        ".cache/huggingface/hub",
        Advice("run `hf cache ls`, then `hf cache rm` for what is not needed"),
        Some("EFS records no reads, so do not choose by last access."),
        40.0,
    ),
    (
        "trash",
        Class::Trash,
        ".local/share/Trash",
        Command("rm -rf {path}"),
        Some(
            "Jupyter puts deleted files here unless c.FileContentsManager.delete_to_trash = False is set.",
        ),
        18.0,
    ),
    ("pip-cache", Class::Cache, ".cache/pip", Command("pip cache purge"), None, 9.0),
    (
        "virtualenv",
        Class::Environment,
        "work/forecast/.venv",
        Command("rm -rf {path}"),
        Some("Ask its owner first."),
        8.0,
    ),
    ("conda-pkgs", Class::Cache, "miniconda3/pkgs", Command("conda clean --all"), None, 12.0),
    (
        "checkpoints",
        Class::Output,
        "work/forecast/checkpoints",
        Advice("keep the best, remove the others"),
        None,
        60.0,
    ),
    ("wandb", Class::Log, "work/forecast/wandb", Command("wandb sync --clean"), None, 6.0),
    ("node-modules", Class::Cache, "apps/board/node_modules", Command("rm -rf {path}"), None, 3.0),
];

/// A small pseudo-random generator with the same output everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number from 0 to 1.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Makes a report on `homes` homes at `started`; `day` counts the days over which they grow.
pub(crate) fn report(homes: usize, started: Timestamp, day: f64) -> Report {
    let uid = |at: usize| 200_001 + 7 * at as u32;
    let mut all: Vec<HomeReport> = (0..homes)
        .map(|at| {
            let known = at % 13 != 9;
            let name = match at / NAMES.len() {
                0 => NAMES[at].to_owned(),
                round => format!("{}-{}", NAMES[at % NAMES.len()], round + 1),
            };
            let mut home = home(&uid(at).to_string(), size(at, day), started, at as u64);
            home.uid = Some(uid(at));
            home.owner = Owner {
                name: known.then_some(name),
                source: known.then(|| "sagemaker:d-invented".to_owned()),
                aliases: Vec::new(),
                member: None,
                status: if known { OwnerStatus::Known } else { OwnerStatus::Orphan },
                group: GROUPS[at % GROUPS.len()].filter(|_| known).map(str::to_owned),
                has_namesake: false,
            };
            home.quota = Some(quota(home.usage.allocated_bytes.0, 120 * GIB));
            home
        })
        .collect();
    let mut outside = home(OUTSIDE_HOMES, 0, started, 0);
    outside.kind = HomeKind::Outside;
    outside.usage = usage([0; 6], 0, 12);
    outside.findings.clear();
    outside.largest_dirs.clear();
    outside.largest_files.clear();
    all.push(outside);
    of_homes(all, started)
}

/// Makes the report of these homes.
pub(crate) fn of_homes(homes: Vec<HomeReport>, started: Timestamp) -> Report {
    let mut classes = [0; 6];
    let (mut files, mut dirs) = (0, 0);
    for home in &homes {
        for (sum, share) in classes.iter_mut().zip(home.usage.by_class.shares()) {
            *sum += share.allocated_bytes.0;
        }
        files += home.usage.files;
        dirs += home.usage.dirs;
    }
    let orphans = homes.iter().filter(|home| home.owner.status == OwnerStatus::Orphan);
    let orphan_bytes: u64 = orphans.clone().map(|home| home.usage.allocated_bytes.0).sum();
    let orphans =
        Orphans { homes: orphans.count() as u64, usage: share(orphan_bytes), cost_month: None };
    let mut rules: Vec<RuleReport> = Vec::new();
    for found in homes.iter().flat_map(|home| &home.rules) {
        match rules.iter_mut().find(|rule| rule.rule == found.rule) {
            Some(rule) => {
                rule.places += 1;
                rule.usage = share(rule.usage.allocated_bytes.0 + found.usage.allocated_bytes.0);
                rule.frees = share(rule.frees.allocated_bytes.0 + found.frees.allocated_bytes.0);
            }
            None => rules.push(found.clone()),
        }
    }
    let groups = groups(&homes);
    let finished = started + SignedDuration::from_secs(412);
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        run: Run {
            identity: None,
            id: started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string(),
            started,
            finished,
            root: "/mnt/efs".to_owned(),
            root_base64: None,
            engine: "posix".to_owned(),
            coverage: Coverage::Complete,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command_checks: efs_scan::report::COMMAND_CHECKS,
            home_depth: 1,
            users: Vec::new(),
            names: vec!["sagemaker:d-invented".to_owned()],
            exclude: Vec::new(),
            cross_mounts: false,
            clock: None,
        },
        totals: usage(classes, files, dirs),
        file_system: None,
        nfs: None,
        money: None,
        newest_mtime: Some(started),
        groups,
        homes: homes.into_iter().collect(),
        rules,
        largest_files: Vec::new(),
        largest_dirs: Vec::new(),
        orphans: Some(orphans),
        hard_links: HardLinks::default(),
        top_level: Default::default(),
        errors: ErrorReport { vanished: 3, ..ErrorReport::default() },
        left_out: LeftOut::default(),
        members: Vec::new(),
        dirs_problem: None,
        growth: None,
    };
    let metered = report.totals.metered_bytes;
    let part = |percent: u64| Some(MeteredBytes(metered.0 / 100 * percent));
    let efs = EfsSize {
        value: metered,
        standard: part(38),
        infrequent_access: part(62),
        archive: Some(MeteredBytes(0)),
        at: Some(started - SignedDuration::from_hours(3)),
    };
    let id = "fs-0123456789abcdef0".to_owned();
    report.reconcile((id, ScannedPart::Whole), Some(efs), &Prices::default());
    report
}

/// Sums the homes of each group; the first is over its quota.
fn groups(homes: &[HomeReport]) -> Vec<GroupReport> {
    let group = |name: &Option<String>| {
        let of = homes.iter().filter(|home| home.kind != HomeKind::Outside);
        let of: Vec<&HomeReport> = of.filter(|home| home.owner.group == *name).collect();
        let bytes = of.iter().map(|home| home.usage.allocated_bytes.0).sum();
        GroupReport {
            name: name.clone(),
            homes: of.len() as u64,
            coverage: Coverage::Complete,
            usage: share(bytes),
            frees: share(bytes / 10),
            quota: name.as_ref().map(|_| quota(bytes, 300 * GIB)),
            cost_month: None,
        }
    };
    let mut names: Vec<Option<String>> = GROUPS.map(|name| name.map(str::to_owned)).into();
    names.sort_by_key(|name| (name.is_none(), name.clone()));
    names.dedup();
    names.iter().map(group).filter(|group| group.homes > 0).collect()
}

/// Returns the size in bytes of a home on a day: a few are large, some grow fast, some were cleaned
/// up.
fn size(at: usize, day: f64) -> u64 {
    let mut dice = Dice::new(at as u64 + 11);
    let base = 160.0 * (-3.2 * dice.roll()).exp() + 1.0;
    let a_day = match at % 6 {
        0 => 1.4 * dice.roll(),
        1 | 2 => 0.12 * dice.roll(),
        _ => 0.0,
    };
    let tidied = if at % 9 == 4 && day > 21.0 { 0.55 } else { 1.0 };
    let noise = 1.0 + 0.002 * (day * 1.7 + at as f64).sin();
    (((base + a_day * day) * tidied * noise) * GIB as f64) as u64
}

/// Makes a home of that size, with findings and directories that fit into it.
#[allow(clippy::too_many_lines)] // One literal.
pub(crate) fn home(name: &str, bytes: u64, started: Timestamp, seed: u64) -> HomeReport {
    let mut dice = Dice::new(seed + 5);
    let mut left = bytes;
    let mut classes = [0u64; 6];
    let (mut findings, mut rules) = (Vec::new(), Vec::new());
    for (rule, class, path, how, note, most) in FINDINGS {
        let part = (most * GIB as f64 * dice.roll().powi(2)) as u64;
        let part = part.min(left / 3);
        if dice.roll() < 0.35 || part < GIB / 16 {
            continue;
        }
        left -= part;
        classes[class as usize] += part;
        let path = format!("{name}/{path}");
        let is_linked = rule == "virtualenv";
        let frees = share(part - part / 7 * u64::from(is_linked));
        let together = is_linked.then(|| Together {
            with: vec!["uv-cache".to_owned()],
            places: vec![format!("{name}/.cache/uv")],
            frees: share(part / 7),
        });
        let (command, advice) = match how {
            Command(command) => (Some(command.to_owned()), None),
            Advice(advice) => (None, Some(advice.to_owned())),
        };
        rules.push(RuleReport {
            rule: rule.to_owned(),
            class,
            hint: false,
            places: 1,
            usage: share(part),
            frees,
            command: command.clone(),
            advice: advice.clone(),
            note: note.map(str::to_owned),
            cost_month: None,
        });
        findings.push(Finding {
            rule: rule.to_owned(),
            class,
            hint: false,
            path: path.clone(),
            path_base64: None,
            usage: share(part),
            frees,
            together,
            across: None,
            command: command.map(|text| text.replace("{path}", &format!("/mnt/efs/{path}"))),
            advice,
            cost_month: None,
        });
    }
    classes[5] = left;
    let dir = |path: &str, part: u64| LargeDir {
        path: format!("{name}/{path}"),
        path_base64: None,
        allocated_bytes: AllocatedBytes(part),
    };
    let data = ["work/data/2026", "work/images", "work/forecast", "notebooks", "models"];
    let mut largest_dirs: Vec<LargeDir> = findings
        .iter()
        .map(|finding| dir(&finding.path[name.len() + 1..], finding.usage.allocated_bytes.0))
        .collect();
    for path in data {
        let inside: u64 = findings
            .iter()
            .filter(|finding| finding.path.starts_with(&format!("{name}/{path}/")))
            .map(|finding| finding.usage.allocated_bytes.0)
            .sum();
        let part = (left as f64 * dice.roll() * 0.5) as u64;
        left -= part;
        largest_dirs.push(dir(path, part + inside));
    }
    largest_dirs.sort_by_key(|dir| std::cmp::Reverse(dir.allocated_bytes));
    largest_dirs.truncate(10);
    let file = |at: u64| LargeFile {
        path: format!("{name}/work/data/2026/part-{at:03}.parquet"),
        path_base64: None,
        allocated_bytes: AllocatedBytes(bytes / (20 + at)),
        apparent_bytes: ApparentBytes(bytes / (20 + at)),
        mtime: started,
        links: 1,
    };
    let files = bytes / (900 << 10);
    let age = (dice.roll().powi(3) * 400.0 * 24.0) as i64;
    HomeReport {
        name: name.to_owned(),
        name_base64: None,
        kind: HomeKind::Uid,
        uid: None,
        owner: Owner::default(),
        directory_owner: None,
        coverage: Coverage::Complete,
        errors: 0,
        vanished: 0,
        newest_mtime: Some(started - SignedDuration::from_hours(age)),
        usage: usage(classes, files, files / 12),
        foreign: Share::default(),
        shared: Share::default(),
        charged_elsewhere: Share::default(),
        rules,
        freed_across_rules: Share::default(),
        findings,
        largest_files: (0..5).map(file).collect(),
        largest_dirs,
        quota: None,
        cost_month: None,
        reclaimable: None,
    }
}

pub(crate) fn quota(bytes: u64, limit: u64) -> Quota {
    let used_percent = (bytes as f64 / limit as f64 * 1000.0).round() / 10.0;
    Quota { limit_bytes: AllocatedBytes(limit), used_percent, over: bytes > limit }
}

fn share(bytes: u64) -> Share {
    let inodes = bytes / (900 << 10);
    let allocated_bytes = AllocatedBytes(bytes);
    Share { inodes, allocated_bytes, metered_bytes: MeteredBytes::of(allocated_bytes, inodes) }
}

fn usage(classes: [u64; 6], files: u64, dirs: u64) -> Usage {
    let bytes: u64 = classes.iter().sum();
    let [trash, cache, environment, output, log, rest] = classes.map(share);
    let part = |percent: u64| share(bytes / 100 * percent);
    Usage {
        files,
        dirs,
        symlinks: 0,
        other: 0,
        apparent_bytes: ApparentBytes(bytes),
        allocated_bytes: AllocatedBytes(bytes),
        metered_bytes: MeteredBytes::of(AllocatedBytes(bytes), files + dirs),
        by_class: ByClass { trash, cache, environment, output, log, rest },
        by_age: ByAge {
            days_7: part(9),
            days_30: part(14),
            days_90: part(23),
            year_1: part(31),
            older: part(23),
            future: Share::default(),
        },
    }
}
