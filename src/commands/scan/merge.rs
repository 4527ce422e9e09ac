//! `efs-scan merge`: makes a run of its shards, and delivers it as a scan does.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::file_system::Subject;
use super::gather::{Shards, Wait};
use super::shard::{UNCONDITIONAL, failed, rules_digest};
use super::walk::{self, Walked};
use super::{deliver, prepare};
use crate::commands::heed::Phase;
use crate::config::{Config, Loaded};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::Publisher;
use crate::report::{COMMAND_CHECKS, Coverage, FileSystemKey, Format};
use crate::shards::{self, Agreed, Head, Keys, Merged, RunName};
use crate::stop::Stop;
use crate::store::{Destination, Store};
use crate::text::printable;
use crate::usage::{AboveRoot, DirTable, Exclude, Ledger, LedgerSetup, Merge};

/// Merges the shards at `from`, or at the destination of the configuration. Waits so long for those that
/// are not there yet.
pub(in crate::commands) fn merge(
    loaded: Loaded,
    from: Option<&Destination>,
    wait: Duration,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let mut configs = super::checked(loaded.file_systems().map_err(Failure::usage)?)?;
    let (Some(mut config), true) = (configs.pop(), configs.is_empty()) else {
        let problem = "merge makes a run of one file system: choose it with --file-system";
        return Err(Failure::usage(problem));
    };
    let name = shards::run_id(config.settings.run_id.as_deref(), &shards::variable);
    let name = name.map_err(Failure::usage)?;
    let name = name.ok_or_else(|| Failure::usage("which run? Give --run-id, as to its shards"))?;
    let name = RunName::new(&name).map_err(Failure::usage)?;
    if config.settings.format == Format::Ncdu {
        let problem = "--format ncdu lists the entries of one scan: it cannot be made of shards";
        return Err(Failure::usage(problem));
    }
    let missing = "where are the shards? Give --from, or `to` under [publish]";
    let from = from.or(config.publishing.to.as_ref()).ok_or_else(|| Failure::usage(missing))?;
    let from = from.clone();

    phase.heeds_stop();
    phase.begin(format!("reading the plan of the run {name}"));
    let aws = Arc::new(super::aws(&config));
    let store = from.open(&aws).map_err(failed)?;
    if config.publishing.to.is_some() && !store.is_conditional() {
        return Err(Failure::usage(UNCONDITIONAL));
    }
    let wait = Wait::new(wait, stop);
    let Some(keys) = planned(&config, &*store, &name, &wait)? else {
        return match stop.is_set() {
            true => Ok(Exit::Interrupted),
            false => Err(nothing(&*store, &name)),
        };
    };
    if let Some(merged) = shards::merged(&*store, &keys).map_err(failed)? {
        if let Ok(Some(left)) = shards::read_plan(&*store, &keys) {
            discard(&*store, &keys, left.plan.request.shards);
        }
        return Ok(again(&name, &merged));
    }
    let agreed = shards::read_plan(&*store, &keys).map_err(failed)?;
    let Some(agreed) = agreed else {
        // The other merge that deleted it has written that it published.
        let merged = shards::merged(&*store, &keys).map_err(failed)?;
        return merged.map(|merged| again(&name, &merged)).ok_or_else(|| nothing(&*store, &name));
    };
    let subject = follow(&mut config, &agreed)?;
    let mut prepared = prepare::prepare_for(&config, subject, &aws)?;

    phase.begin(format!("waiting for the shards of the run {name}"));
    let mut shards = Shards::new(&*store, &keys, &agreed);
    if let Some(merged) = shards.wait(&wait)? {
        return Ok(again(&name, &merged));
    }
    if stop.is_set() {
        return Ok(Exit::Interrupted);
    }
    phase.begin(format!("merging the shards of the run {name}"));
    shards.check()?;
    if config.publishing.to.is_some() {
        shards.leave_out()?;
        // A merge that published meanwhile has deleted the shards, so the keys were free again. It says that it
        // published before it deletes them.
        if let Some(merged) = shards.merged().map_err(failed)? {
            return Ok(again(&name, &merged));
        }
    }
    let (walked, lacks) = match merged(&config, &mut prepared, &agreed, &shards) {
        Ok(merged) => merged,
        // Another merge may have been faster, and deletes what it has merged.
        Err(failure) => match shards.merged() {
            Ok(Some(merged)) => return Ok(again(&name, &merged)),
            _ => return Err(failure),
        },
    };
    drop(shards);
    let run = walked.run.id.clone();
    let exit = deliver::deliver(&config, prepared, walked, &aws, stop, phase)?;
    if is_published(exit) && config.publishing.to.is_some() {
        let count = agreed.plan.request.shards;
        let merged = Merged { run, at: Timestamp::now(), shards: count, lacks };
        match shards::write_merged(&*store, &keys, &merged) {
            Ok(()) => discard(&*store, &keys, count),
            Err(error) => log::warn!("{}; a shard that comes late is not told", error.text),
        }
    }
    Ok(exit)
}

/// Deletes what the run does not need any more. What cannot be deleted takes space and does no harm.
fn discard(store: &dyn Store, keys: &Keys, count: u32) {
    if let Err(error) = shards::discard(store, keys, count) {
        log::warn!("{}; the objects of the shards are left", error.text);
    }
}

fn is_published(exit: Exit) -> bool {
    matches!(exit, Exit::Complete | Exit::Partial | Exit::OverQuota | Exit::Unkept)
}

/// Waits for a plan of this name, and returns the keys of its objects; `None` if there is none. The first
/// shard writes it, and may start later than the merge.
fn planned(
    config: &Config,
    store: &dyn Store,
    name: &RunName,
    wait: &Wait<'_>,
) -> Result<Option<Keys>, Failure> {
    loop {
        let found = file_system(config, store, name)?;
        if found.is_some() || !wait.rest() {
            return Ok(found.map(|key| Keys::of(name, &key)));
        }
        log::debug!("waiting for the plan");
    }
}

/// Finds the file system that has a run of this name. One that the configuration names by its id, and not a
/// mount that happens to be here, is not mistaken for another.
fn file_system(
    config: &Config,
    store: &dyn Store,
    name: &RunName,
) -> Result<Option<FileSystemKey>, Failure> {
    let all = shards::file_systems(store, name).map_err(failed)?;
    let own = super::identity(config).key;
    let is_told = config.settings.file_system_id.is_some() || config.is_url();
    match &all[..] {
        _ if all.contains(&own) => Ok(Some(own)),
        _ if all.is_empty() || (is_told && own.is_efs()) => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            let several = several.join(", ");
            let problem = format!(
                "the run {name} has shards of {several}: name one with --name or --file-system-id"
            );
            Err(Failure::usage(problem))
        }
    }
}

fn nothing(store: &dyn Store, name: &RunName) -> Failure {
    Failure::fatal(format!("there is no plan of a run {name} at {}", store.name("shards/")))
}

/// A merge that was done before is not done again: what is published does not change. Returns what the first
/// one did.
fn again(name: &RunName, merged: &Merged) -> Exit {
    let run = printable(merged.run.as_bytes());
    match &merged.lacks[..] {
        [] => {
            log::info!("the run {name} is merged already, as {run}");
            Exit::Complete
        }
        lacks => {
            let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
            let lacks = lacks.join(", ");
            log::error!(
                "the run {name} was merged without the shards {lacks}, as {run}: begin another"
            );
            Exit::Partial
        }
    }
}

/// Takes from the plan what the shards had, and returns what they scanned.
fn follow(config: &mut Config, agreed: &Agreed) -> Result<Subject, Failure> {
    let request = &agreed.plan.request;
    let run = &request.run;
    if run.version != env!("CARGO_PKG_VERSION") {
        let version = printable(run.version.as_bytes());
        let own = env!("CARGO_PKG_VERSION");
        let problem = format!("the shards are of version {version} of efs-scan, and this is {own}");
        return Err(Failure::usage(problem));
    }
    if run.command_checks != COMMAND_CHECKS {
        let problem = "the shards are of another build of efs-scan, which checks other things before it gives a \
                       command: merge them with that one";
        return Err(Failure::usage(problem));
    }
    if request.rules != rules_digest(config) {
        let problem = "the shards had other [rules]: merge them with the same configuration";
        return Err(Failure::usage(problem));
    }
    let broken = || Failure::fatal("the plan is not from efs-scan: its run has no identity");
    let identity = run.identity.clone().ok_or_else(broken)?;
    let root = PathBuf::from(OsString::from_vec(run.root_bytes().to_vec()));
    config.root.clone_from(&root);
    config.top = request.top;
    config.exclude = Exclude::new(&run.exclude).map_err(Failure::fatal)?;
    config.settings.home_depth = run.home_depth;
    config.settings.cross_mounts = run.cross_mounts;
    config.settings.users.clear();
    if let Some(min) = request.dirs_min {
        config.dirs_min = min;
    }
    let has_dirs = request.dirs_min.is_some();
    if config.settings.dirs.is_some() && !has_dirs {
        return Err(Failure::usage("--dirs: the shards have no table of directories"));
    }
    config.publishing.dirs &= has_dirs;
    Ok(Subject { root, identity, efs: request.efs.clone() })
}

/// Merges the shards that can be. Also returns the numbers of those that are not.
fn merged(
    config: &Config,
    prepared: &mut prepare::Prepared,
    agreed: &Agreed,
    shards: &Shards<'_>,
) -> Result<(Walked, Vec<u32>), Failure> {
    let plan = &agreed.plan;
    let count = plan.request.shards;
    let mut run = plan.request.run.clone();
    run.names = config.names.iter().map(ToString::to_string).collect();
    // Each shard has looked above its own root.
    let above = AboveRoot::NOTHING;
    let setup = walk::setup(config, &prepared.names, above, None, None, run.started);
    let wanted = config.publishing.dirs || config.settings.dirs.is_some();
    let directory = setup.links.directory.clone();
    let dirs = wanted.then(|| DirTable::new(config.dirs_min, directory));
    let ledger = Arc::new(Ledger::new(LedgerSetup { dirs, ..setup }));
    let mut merge = Merge::new(&ledger, count);
    let (mut lacks, mut first): (Vec<(u32, String)>, Option<&Head>) = (Vec::new(), None);
    for (shard, head) in shards.all() {
        let head = match head {
            Ok(head) => head,
            Err(problem) => {
                lacks.push((shard, problem.to_owned()));
                continue;
            }
        };
        if first.is_some_and(|first| first.root_inode != head.root_inode) {
            let problem = "it read another directory as ROOT than the shards before it: is the file \
                system mounted there?";
            lacks.push((shard, problem.to_owned()));
            continue;
        }
        shards.read(shard, |from| merge.add(shard - 1, from))?;
        run.finished = run.finished.max(head.finished);
        first.get_or_insert(head);
    }
    let first = first.ok_or_else(|| Failure::fatal("no shard can be merged"))?;
    for (shard, problem) in &lacks {
        let reads = plan.describe(*shard);
        let problem =
            format!("shard {shard}/{count} is not in this run: {problem}. It reads {reads}");
        log::error!("{problem}");
        merge.lacks(&problem);
    }
    merge.end();
    run.engine.clone_from(&first.engine);
    run.coverage = Coverage::Complete;
    let newest = prepared.publisher.as_ref().and_then(Publisher::newest);
    run.clock = walk::clock_fault((run.started, run.finished), newest, Timestamp::now());
    let real_root = STANDARD.decode(&first.real_root).unwrap_or_default();
    let real_root = PathBuf::from(OsString::from_vec(real_root));
    let walked = Walked { run, real_root, ledger, traffic: None };
    Ok((walked, lacks.into_iter().map(|(shard, _)| shard).collect()))
}
