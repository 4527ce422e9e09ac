//! The walk: lists the file system and shows progress.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::engine::engine;
use super::file_system::Subject;
use super::prepare::Prepared;
use super::users;
use crate::aws::Aws;
use crate::config::Config;
use crate::exit::Failure;
use crate::log;
use crate::names::Names;
use crate::outbox::Publisher;
use crate::output::temporary_directory;
use crate::progress::Display;
use crate::published::{ID as RUN_ID, expected_inodes};
use crate::report::{COMMAND_CHECKS, ClockFault, Coverage, Run};
use crate::scan::{Ended, Plan, Traffic, may_have_acl};
use crate::stop::Stop;
use crate::text;
use crate::usage::{
    AboveRoot, Ages, DirTable, Export, Ledger, LedgerSetup, LinkMemory, Mounts, Rules, Scope,
    Selection, UidNames,
};

/// Results of a walk.
pub(super) struct Walked {
    /// The run, before errors make its coverage partial.
    pub(super) run: Run,
    /// The root as in commands; empty if no path leads to it any more.
    pub(super) real_root: PathBuf,
    pub(super) ledger: Arc<Ledger>,
    /// Requests of the walk, if the root is an NFS mount.
    pub(super) traffic: Option<Traffic>,
}

pub(super) fn walk(
    config: &Config,
    prepared: &mut Prepared,
    aws: &Aws,
    show_progress: bool,
    stop: &Arc<Stop>,
) -> Result<Walked, Failure> {
    let (started, clock) = (Timestamp::now(), Instant::now());
    let plan = Plan::of(&config.root, &config.pacing);
    log::debug!("{plan:?}");
    let mount = plan.nfs.clone();
    let engine = engine(config, plan, aws)?;
    let root = prepared.subject.root.clone();
    let paths = RootPaths::of(&root);
    let mut run = run(config, &prepared.subject, engine.name(), started);
    let names = Arc::clone(&prepared.names);
    let ledger = |homes, export, dirs| {
        let setup = setup(config, &names, paths.above(config), homes, export, started);
        Arc::new(Ledger::new(LedgerSetup { dirs, ..setup }))
    };
    log::info!(
        engine = engine.name(),
        "scanning {}",
        text::printable(config.root.as_os_str().as_bytes())
    );
    let asked = match &*config.settings.users {
        [] => None,
        users => {
            let survey = ledger(Some(Selection::Survey), None, None);
            Some(users::find(users, &names, (&*engine, &root), &survey, stop)?)
        }
    };
    let may_lack = asked.as_ref().is_some_and(|asked| asked.may_lack);
    let asked = asked.map(|asked| asked.paths);
    let only = asked.clone().map(Selection::Only);
    let ledger = ledger(only, prepared.export.take(), dirs(config));
    let display = show_progress.then(|| progress(config, asked, &run, &ledger));
    let ended = engine.walk(&ledger, stop);
    drop(display);
    run.coverage = match ended.map_err(Failure::fatal)? {
        Ended::Complete if may_lack => Coverage::Partial,
        Ended::Complete => Coverage::Complete,
        Ended::Interrupted => Coverage::Interrupted,
    };
    let traffic = mount.and_then(|mount| mount.since());
    // The duration is from the monotonic clock, because the wall clock may be set during the walk.
    let took = SignedDuration::try_from(clock.elapsed()).unwrap_or(SignedDuration::MAX);
    run.finished = started.saturating_add(took).unwrap_or(started);
    let newest = prepared.publisher.as_ref().and_then(Publisher::newest);
    run.clock = clock_fault((run.started, run.finished), newest, Timestamp::now());
    if let Some(clock) = &run.clock {
        log::warn!("{}", clock.line());
    }
    let real_root = match config.is_url() {
        true => root,
        false => paths.leading_to(ledger.root_inode()).unwrap_or_default(),
    };
    Ok(Walked { run, real_root, ledger, traffic })
}

/// Clock loss that is not reported, because clocks are slewed and clocks of servers differ.
/// `SLEWED` is for this machine's clock during a run, `APART` for the clocks of two runs.
const SLEWED: SignedDuration = SignedDuration::from_secs(5);
const APART: SignedDuration = SignedDuration::from_mins(5);

/// Detects that the wall clock went backwards during the run, or since the newest published run.
pub(super) fn clock_fault(
    (started, finished): (Timestamp, Timestamp),
    newest: Option<Timestamp>,
    now: Timestamp,
) -> Option<ClockFault> {
    let back = |from: Timestamp, to: Timestamp, unnoticed| {
        let lost = from.duration_since(to);
        // It exceeds `unnoticed`, so it is not negative.
        if lost > unnoticed { lost.as_secs().unsigned_abs() } else { 0 }
    };
    let fault = ClockFault {
        went_back_seconds: back(finished, now, SLEWED),
        behind_newest_seconds: newest.map_or(0, |newest| back(newest, started, APART)),
    };
    (fault != ClockFault::default()).then_some(fault)
}

/// Makes the run in its state at the start.
pub(super) fn run(config: &Config, subject: &Subject, engine: &str, started: Timestamp) -> Run {
    let settings = &config.settings;
    let Subject { root, identity, .. } = subject;
    let (root, root_base64) = text::lossy(root.as_os_str().as_encoded_bytes());
    Run {
        id: started.strftime(RUN_ID).to_string(),
        started,
        finished: started,
        root,
        root_base64,
        engine: engine.to_owned(),
        coverage: Coverage::Interrupted,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command_checks: COMMAND_CHECKS,
        home_depth: settings.home_depth,
        users: settings.users.clone(),
        names: config.names.iter().map(ToString::to_string).collect(),
        exclude: config.exclude.globs().to_vec(),
        cross_mounts: settings.cross_mounts,
        identity: Some(identity.clone()),
        clock: None,
    }
}

/// Makes the accounts of a walk over the configured root.
pub(in crate::commands) fn setup(
    config: &Config,
    names: &Arc<Names>,
    above: AboveRoot,
    homes: Option<Selection>,
    export: Option<Export>,
    started: Timestamp,
) -> LedgerSetup {
    let settings = &config.settings;
    // Of a server, only its own directories: a host may be called `exp-1-2`.
    let root = match config.is_url() {
        true => config.path_on_server().unwrap_or_default().into(),
        false => config.root.canonicalize().unwrap_or_else(|_| config.root.clone()),
    };
    let names = Arc::clone(names);
    let uids = UidNames::accepted_by(move |uid, directory| names.may_be_uid(uid, directory));
    let scope = Scope {
        home_depth: settings.home_depth,
        homes,
        mounts: match settings.cross_mounts {
            true => Mounts::Cross,
            false => Mounts::Skip,
        },
        exclude: config.exclude.clone(),
    };
    LedgerSetup {
        rules: config.rules.clone().below(&root),
        scope,
        above,
        uids,
        ages: Ages::at(started.as_second()),
        top: config.top,
        links: LinkMemory {
            bound: config.link_memory,
            directory: temporary_directory(&config.root),
        },
        export,
        dirs: None,
        shard: None,
    }
}

/// The table of directories, if this run is to have one.
pub(super) fn dirs(config: &Config) -> Option<DirTable> {
    let wanted = config.publishing.dirs || config.settings.dirs.is_some();
    wanted.then(|| DirTable::new(config.dirs_min, temporary_directory(&config.root)))
}

/// Shows the progress of the walk. An earlier run of the same root gives the expected number of
/// inodes.
fn progress(
    config: &Config,
    homes: Option<BTreeSet<Vec<u8>>>,
    run: &Run,
    ledger: &Arc<Ledger>,
) -> Display {
    let (earlier, run) = (config.earlier.clone(), run.clone());
    let aws = super::aws(config);
    let expected = move || {
        let store = earlier?.open(&aws);
        let expected = store.and_then(|store| expected_inodes(&*store, &run, homes.as_ref()));
        // Only the progress bar depends on it.
        expected.inspect_err(|error| log::debug!("{}", error.text)).ok()?
    };
    Display::start(ledger, expected)
}

/// Paths of the root: without symbolic links, which may change before a command is run, and as
/// given, because `/proc/PID/root` leads into another namespace. Each has the device and inode that
/// it led to before the walk: after it, the server of a mount may not answer.
pub(super) struct RootPaths {
    paths: Vec<(PathBuf, (u64, u64))>,
    /// The directories above the first path, before the walk.
    above: AboveRoot,
}

impl RootPaths {
    pub(super) fn of(root: &Path) -> Self {
        let real = root.canonicalize().ok();
        let inode = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
        // Nothing is known of the directories of another namespace.
        let known = real.as_deref().filter(|real| inode(real) == inode(root));
        let above = known.and_then(|real| above(real).ok()).unwrap_or(AboveRoot::UNKNOWN);
        let paths = real.into_iter().chain([root.to_owned()]);
        let paths = paths.filter_map(|path| inode(&path).map(|inode| (path, inode))).collect();
        Self { paths, above }
    }

    /// Returns what is known of the directories above the root. Above a server's export, no path of this
    /// machine leads to it.
    pub(super) fn above(&self, config: &Config) -> AboveRoot {
        if config.is_url() { AboveRoot::NOTHING } else { self.above }
    }

    /// Returns the first path that led to the scanned root.
    pub(super) fn leading_to(self, scanned: Option<(u64, u64)>) -> Option<PathBuf> {
        self.paths.into_iter().find(|(_, inode)| Some(*inode) == scanned).map(|(path, _)| path)
    }
}

/// True if an automounter would take a name that is looked up in the directory for one to mount.
#[cfg(target_os = "linux")]
fn is_automounter(directory: &Path) -> bool {
    // `AUTOFS_SUPER_MAGIC` (linux/magic.h).
    rustix::fs::statfs(directory).is_ok_and(|system| system.f_type == 0x0187)
}

/// Other systems than Linux are not asked.
#[cfg(not(target_os = "linux"))]
fn is_automounter(_directory: &Path) -> bool {
    false
}

/// Examines the directories above a canonical path.
///
/// # Errors
/// If one of them cannot be examined.
fn above(path: &Path) -> std::io::Result<AboveRoot> {
    let mut below = path.symlink_metadata()?.uid();
    let mut found_above = AboveRoot::NOTHING;
    found_above.in_data =
        path.components().any(|name| Rules::is_repository(name.as_os_str().as_bytes()));
    for directory in path.ancestors().skip(1) {
        let found = directory.symlink_metadata()?;
        let mode = (found.mode() & 0o7777) as u16;
        let below = std::mem::replace(&mut below, found.uid());
        let has_acl = || may_have_acl(directory);
        found_above.path = found_above.path.and((found.uid(), found.gid(), mode), below, has_acl);
        // A name that cannot be looked up counts as present, as below the root.
        let has = |name: &str| match directory.join(name).symlink_metadata() {
            Err(error) => error.kind() != ErrorKind::NotFound,
            Ok(_) => true,
        };
        found_above.in_data |= !is_automounter(directory) && Rules::is_all_data(has);
    }
    Ok(found_above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_went_backwards_is_noticed_and_one_that_is_slewed_is_not() {
        let at = |text: &str| -> Timestamp { text.parse().expect(text) };
        let fault = |finished: &str, now: &str, newest: Option<&str>| {
            let started = at("2026-11-24T12:00:00Z");
            clock_fault((started, at(finished)), newest.map(at), at(now))
                .map(|fault| (fault.went_back_seconds, fault.behind_newest_seconds))
        };
        let (end, day_before) = ("2026-11-24T13:00:00Z", Some("2026-11-23T12:00:00Z"));
        assert_eq!(fault(end, "2026-11-24T13:00:00.1Z", day_before), None);
        assert_eq!(fault(end, "2026-11-24T12:59:56Z", None), None, "slewed");
        assert_eq!(fault(end, "2026-11-24T15:00:00Z", day_before), None, "forwards");
        assert_eq!(fault(end, "2026-11-24T11:00:00Z", day_before), Some((7200, 0)));
        assert_eq!(fault(end, end, Some("2026-11-24T12:04:00Z")), None, "another machine's");
        assert_eq!(fault(end, end, Some("2026-11-25T12:00:00Z")), Some((0, 86_400)));
    }
}
