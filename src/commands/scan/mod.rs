//! A scan: [`prepare`] opens everything it needs, [`walk`] lists the file system, and [`deliver`]
//! makes the report, writes it and publishes it.

mod deliver;
mod dirs;
mod engine;
mod file_system;
mod gather;
mod growth;
mod merge;
mod prepare;
mod shard;
mod slot;
mod squashed;
mod users;
mod walk;

pub(super) use engine::engine;
pub(super) use file_system::{identity, root};
pub(super) use merge::merge;
pub(super) use prepare::{chosen_state, needs_state_dir, require_mount};
pub(super) use squashed::{ROOT_IS_SQUASHED, presented_uid};
pub(super) use walk::setup;

use std::sync::Arc;

use super::heed::Phase;
use crate::aws::Aws;
use crate::config::{Config, Loaded};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::stop::Stop;
use crate::sync::for_each_at_once;
use crate::sys;
use crate::text::printable;

pub(super) fn run(
    loaded: Loaded,
    show_progress: bool,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    sys::return_large_blocks();
    let configs = checked(loaded.file_systems().map_err(Failure::usage)?)?;
    if configs.iter().any(|config| config.settings.nice) {
        // This happens before other threads start, because threads inherit the idle classes.
        sys::idle().map_err(|error| Failure::fatal(format!("--nice: {error}")))?;
    }
    phase.heeds_stop();
    if configs.iter().any(|config| config.settings.shard.is_some()) {
        let [config] = &configs[..] else {
            let problem = "--shard reads a part of one file system: choose it with --file-system";
            return Err(Failure::usage(problem));
        };
        return shard::run(config, show_progress, stop, phase);
    }
    // Without its shard, each task of an array would scan everything.
    let is_named =
        |config: &Config| config.settings.run_id.as_ref().is_some_and(|id| !id.is_empty());
    if configs.iter().any(is_named) {
        let problem = "--run-id names a run in shards: give --shard as well, or leave it out";
        return Err(Failure::usage(problem));
    }
    match &configs[..] {
        [config] => one(config, show_progress, stop, phase),
        _ => Ok(several(&configs, show_progress, stop, phase)),
    }
}

/// Checks the configuration of each file system before any is scanned.
pub(super) fn checked(all: Vec<Loaded>) -> Result<Vec<Config>, Failure> {
    let several = all.len() > 1;
    let check = |loaded: Loaded| {
        let name = loaded.file_system();
        loaded.check().map_err(|problem| match several {
            true => Failure::usage(format!("{name}: {problem}")),
            false => Failure::usage(problem),
        })
    };
    all.into_iter().map(check).collect()
}

/// Scans the file systems, some at a time. A failure does not affect the others. Returns the worst
/// exit code.
fn several(configs: &[Config], show_progress: bool, stop: &Arc<Stop>, phase: &Phase) -> Exit {
    let at_once = configs.iter().filter_map(|config| config.settings.parallel).max().unwrap_or(1);
    let at_once = at_once.min(configs.len());
    let show_progress = show_progress && at_once == 1;
    let exits = for_each_at_once(configs, at_once, |config| {
        one_of_several(config, show_progress, stop, phase)
    });
    exits.into_iter().fold(Exit::Complete, Exit::worse)
}

fn one_of_several(config: &Config, show_progress: bool, stop: &Arc<Stop>, phase: &Phase) -> Exit {
    let root = printable(config.root.as_os_str().as_encoded_bytes());
    if stop.is_set() {
        log::warn!("{root} was not scanned: the program was asked to end");
        return Exit::Interrupted;
    }
    one(config, show_progress, stop, phase).unwrap_or_else(|failure| {
        log::failure(config.settings.log_format, &format!("{root}: {}", failure.problem));
        failure.exit
    })
}

fn one(
    config: &Config,
    show_progress: bool,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let aws = Arc::new(aws(config));
    let root = config.root.display();
    phase.begin(format!("preparing the scan of {root}"));
    let mut prepared = prepare::prepare(config, &aws)?;
    phase.begin(format!("{root} does not answer"));
    let walked = walk::walk(config, &mut prepared, &aws, show_progress, stop)?;
    deliver::deliver(config, prepared, walked, &aws, stop, phase)
}

/// Makes the access to AWS for a run, in the root's region if none is configured.
pub(super) fn aws(config: &Config) -> Aws {
    let aws = Aws::new(config.settings.patience.0, config.buckets.clone());
    aws.or_in_region(config.named_region())
}
