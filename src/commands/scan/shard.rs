//! A shard of a run: reads its part of the tree, and leaves its accounts at the destination.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::engine::engine;
use super::file_system::Subject;
use super::prepare::require_mount;
use super::slot::{self, NoShard};
use super::walk::{self, RootPaths};

use crate::commands::grown::{Bounds, NotKnown, reader};
use crate::commands::heed::Phase;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::names::Names;
use crate::output::{refuse_inside, temporary_directory};
use crate::progress::Display;
use crate::published::newest;
use crate::report::{FileSystemKey, Format, Run};
use crate::scan::{Ended, Plan as WalkPlan, raise_descriptor_limit};
use crate::service_error::{ServiceError, ServiceResult};
use crate::shards::{
    self, Agreed, Head, Keys, Place, Plan, PlanRequest, RunName, Weights, write_object,
};
use crate::stop::Stop;
use crate::store::{Condition, Destination, Put, Store};
use crate::text::printable;
use crate::usage::{Cuts, Ledger, LedgerSetup, Shard};

/// The largest table of directories that is read for the plan.
const MOST_TABLE: u64 = 4 << 30;

/// The largest object of a shard.
pub(super) const MOST_SHARD: u64 = 64 << 30;

pub(super) fn run(
    config: &Config,
    show_progress: bool,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let (place, name) = asked(config)?;
    let aws = super::aws(config);
    let root = printable(config.root.as_os_str().as_encoded_bytes());
    phase.begin(format!("preparing the scan of a shard of {root}"));
    let to = destination(config)?;
    if config.settings.require_mount {
        require_mount(&config.root)?;
    }
    let store = to.open(&aws).map_err(failed)?;
    store.check().map_err(failed)?;
    if !store.is_conditional() {
        return Err(Failure::usage(UNCONDITIONAL));
    }
    let subject = Subject::of(config);
    let keys = Keys::of(&name, &subject.identity.key);
    let names = Names::open(&config.names, &config.groups, &aws, None).map_err(Failure::usage)?;
    raise_descriptor_limit();
    let engine = engine(config, WalkPlan::of(&config.root, &config.pacing), &aws)?;
    let paths = RootPaths::of(&subject.root);

    let run = walk::run(config, &subject, engine.name(), Timestamp::now());
    let request = request(config, &subject, place, run);
    let Some((agreed, condition)) = begin(&*store, (place, &name), &keys, &request)? else {
        return Ok(Exit::Complete);
    };

    phase.begin(format!("{root} does not answer"));
    let started = agreed.plan.request.run.started;
    let above = paths.above(config);
    let setup = walk::setup(config, &Arc::new(names), above, None, None, started);
    let shard = Shard { cuts: agreed.plan.cuts(), index: place.number - 1 };
    let dirs = walk::dirs(config);
    let ledger = Arc::new(Ledger::new(LedgerSetup { dirs, shard: Some(shard), ..setup }));
    log::info!("scanning shard {place} of {root} for the run {name}");
    let display = show_progress.then(|| Display::start(&ledger, || None));
    let ended = engine.walk(&ledger, stop);
    drop(display);
    if ended.map_err(Failure::fatal)? == Ended::Interrupted {
        log::warn!("shard {place} of the run {name} is not kept, because it is not complete");
        return Ok(Exit::Interrupted);
    }

    phase.begin("writing the accounts of the shard");
    let real_root = paths.leading_to(ledger.root_inode()).unwrap_or_default();
    let real_root = if config.is_url() { subject.root } else { real_root };
    let real_root = STANDARD.encode(real_root.as_os_str().as_encoded_bytes());
    let inode = ledger.root_inode().map(|(_, inode)| inode);
    let head = Head::new(agreed.digest.clone(), place.number, engine.name(), (real_root, inode));
    let lost = |problem: &dyn std::fmt::Display| {
        Failure::new(Exit::Unpublished, format!("{problem}; shard {place} is lost: run it again"))
    };
    let file = accounts(config, &head, &ledger).map_err(|error| lost(&error))?;
    let key = keys.shard(place.number);
    let kept = keep(&*store, (&key, condition), &file).map_err(|error| lost(&error.text))?;
    if kept == Put::Conflict {
        // Another attempt of the same shard was faster, or an answer was lost, or a merge did not wait.
        match slot::look(&*store, &keys, &agreed, place.number) {
            Ok(_) => log::info!("{} was written by another attempt", store.name(&key)),
            Err(NoShard::LeftOut(_)) => return Err(left_out(place, &name)),
            Err(NoShard::Unread(problem)) => return Err(lost(&problem)),
            Err(NoShard::Lacking(..)) if was_merged(&*store, place, &name, &keys)? => {}
            Err(NoShard::Lacking(..)) => {
                return Err(lost(&format!("{} was changed", store.name(&key))));
            }
        }
    }
    // A merge looks for objects to delete after it has written that it is done. So either it sees this one,
    // or this sees that.
    was_merged(&*store, place, &name, &keys)?;
    let entries = ledger.progress.entries.load(std::sync::atomic::Ordering::Relaxed);
    log::summary!(entries = entries, "scanned shard {place} of {root} for the run {name}");
    Ok(Exit::Complete)
}

/// Finds out what to do: the plan, and the condition of the write. `None` if the shard is there already, or
/// in a merged run.
fn begin(
    store: &dyn Store,
    (place, name): (Place, &RunName),
    keys: &Keys,
    request: &PlanRequest,
) -> Result<Option<(Agreed, Condition)>, Failure> {
    if was_merged(store, place, name, keys)? {
        return Ok(None);
    }
    let make = || plan(store, request.clone());
    let agreed = shards::agree(store, keys, make).map_err(failed)?;
    if let Some(what) = request.differs_from(&agreed.plan.request) {
        return Err(Failure::usage(format!(
            "shard {place} has another {what} than the plan of the run {name}, {}: all shards of a run \
             have the same settings",
            store.name(&keys.plan()),
        )));
    }
    let key = store.name(&keys.shard(place.number));
    let condition = match slot::look(store, keys, &agreed, place.number) {
        Ok(_) => {
            log::info!("shard {place} of the run {name} is there already: {key}");
            return Ok(None);
        }
        Err(NoShard::LeftOut(_)) => return Err(left_out(place, name)),
        Err(NoShard::Unread(problem)) => return Err(Failure::fatal(problem)),
        Err(NoShard::Lacking(why, condition)) => {
            if condition != Condition::Absent {
                log::warn!("{key}: {why}; it is replaced");
            }
            condition
        }
    };
    Ok(Some((agreed, condition)))
}

/// True if the run was merged with this shard. What the shard wrote after that is deleted.
///
/// # Errors
/// If the run was merged without it.
fn was_merged(
    store: &dyn Store,
    place: Place,
    name: &RunName,
    keys: &Keys,
) -> Result<bool, Failure> {
    let Some(merged) = shards::merged(store, keys).map_err(failed)? else { return Ok(false) };
    if let Err(error) = store.discard(&keys.shard(place.number)) {
        log::warn!("{}", error.text);
    }
    if let Some(refusal) = merged.refuses(place, name) {
        return Err(Failure::fatal(refusal));
    }
    log::info!("the run {name} is merged already, with shard {place}");
    Ok(true)
}

/// A merge did not wait for this shard. It may have published the run, or been killed before that.
fn left_out(place: Place, name: &RunName) -> Failure {
    Failure::fatal(format!(
        "a merge did not wait for shard {place}, so the run {name} is made without it: begin another"
    ))
}

/// Writes the object of the shard at the destination.
fn keep(
    store: &dyn Store,
    (key, condition): (&str, Condition),
    object: &File,
) -> ServiceResult<Put> {
    let fill = |to: &mut dyn Write| {
        let mut from = object;
        from.rewind()?;
        io::copy(&mut from, to).map(drop)
    };
    store.put_filled(key, &fill, condition)
}

pub(super) const UNCONDITIONAL: &str = "shards meet at a destination that takes conditional writes: leave out \
     --unconditional";

/// The shard of this process, and the name of the run.
fn asked(config: &Config) -> Result<(Place, RunName), Failure> {
    let settings = &config.settings;
    let run = shards::run_id(settings.run_id.as_deref(), &shards::variable);
    let run = run.map_err(Failure::usage)?;
    let asked = settings.shard.ok_or_else(|| Failure::usage("which shard? Give --shard"))?;
    let (place, name) = asked.resolve(run.as_deref(), &shards::variable).map_err(Failure::usage)?;
    let name = RunName::new(&name).map_err(Failure::usage)?;
    let refused = [
        (settings.format == Format::Ncdu, "--format ncdu lists the entries of one scan"),
        (!settings.users.is_empty(), "a scan of some users is one scan"),
        (
            settings.dirs.is_some(),
            "--dirs writes the table of one scan; `efs-scan merge --dirs` does",
        ),
        (
            settings.cross_mounts,
            "--cross-mounts: other file systems have other numbers on every machine",
        ),
    ];
    match refused.into_iter().find(|(is, _)| *is) {
        Some((_, why)) => {
            Err(Failure::usage(format!("{why}: it cannot be split, so leave out --shard")))
        }
        None => Ok((place, name)),
    }
}

fn destination(config: &Config) -> Result<&Destination, Failure> {
    let missing = "--shard needs --publish, the destination where the shards meet";
    let to = config.publishing.to.as_ref().ok_or_else(|| Failure::usage(missing))?;
    if let Destination::Directory(path) = to {
        refuse_inside(&config.root, path, "--publish").map_err(Failure::usage)?;
    }
    Ok(to)
}

fn request(config: &Config, subject: &Subject, place: Place, run: Run) -> PlanRequest {
    PlanRequest {
        run,
        shards: place.of,
        top: config.top,
        dirs_min: config.publishing.dirs.then_some(config.dirs_min),
        rules: rules_digest(config),
        efs: subject.efs.clone(),
    }
}

/// A digest of the rules in force.
pub(super) fn rules_digest(config: &Config) -> String {
    let digest = Sha256::digest(config.settings.rules.in_force());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the plan: by the directories of the newest run, if there is one of the same tree.
fn plan(store: &dyn Store, request: PlanRequest) -> Plan {
    let of = request.run.identity.as_ref().map(|identity| identity.key.clone());
    let earlier = of.map_or(Err(NotKnown::NoTable), |of| cuts(store, &of, &request));
    match earlier {
        Ok((cuts, run)) => Plan::new(request, &cuts, Some(run)),
        Err(not_known) => {
            if let Some(reason) = not_known.reason() {
                log::warn!("shards are cut by homes, because {reason}");
            }
            let cuts = Cuts::new(request.shards, Default::default(), []);
            Plan::new(request, &cuts, None)
        }
    }
}

fn cuts(
    store: &dyn Store,
    of: &FileSystemKey,
    request: &PlanRequest,
) -> Result<(Cuts, String), NotKnown> {
    let latest = newest(store, of).map_err(|error| NotKnown::of(&error))?;
    let latest = latest.ok_or(NotKnown::NoTable)?;
    if !latest.run.covers_same_tree(&request.run) {
        return Err(NotKnown::NoTable);
    }
    let bounds = Bounds { most: MOST_TABLE, until: None };
    let mut rows = reader(store, of, &latest.run.id, bounds)?;
    let mut weights = Weights::new(request.shards, latest.totals.dirs);
    let damaged = |problem| NotKnown::Unread(format!("a table of directories: {problem}"));
    while let Some(row) = rows.next_row().map_err(damaged)? {
        weights.add(row);
    }
    Ok((weights.cuts(), latest.run.id))
}

/// Writes the object of the shard to a file without a name.
fn accounts(config: &Config, head: &Head, ledger: &Ledger) -> io::Result<File> {
    let directory = temporary_directory(&config.root).map_err(io::Error::other)?;
    let file = tempfile::tempfile_in(&directory).map_err(|error| {
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    })?;
    write_object(&file, head, |to| ledger.write_shard(to)).map_err(|error| {
        let directory = directory.display();
        let problem = format!("writing the accounts to a temporary file in {directory}: {error}");
        io::Error::new(error.kind(), problem)
    })?;
    Ok(file)
}

pub(super) fn failed(error: ServiceError) -> Failure {
    Failure::fatal(error.text)
}
