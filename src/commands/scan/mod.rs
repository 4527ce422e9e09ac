//! A scan: [`prepare`] opens everything that the scan needs, [`walk`] lists the file system, and
//! [`deliver`] makes the report, writes it and publishes it.

mod deliver;
mod engine;
mod file_system;
mod prepare;
mod squashed;
mod users;
mod walk;

pub(super) use engine::engine;
pub(super) use file_system::region;
pub(super) use prepare::{needs_state_dir, require_mount};
pub(super) use squashed::{ROOT_IS_SQUASHED, presented_uid};
pub(super) use walk::setup;

use std::sync::Arc;

use super::heed::Phase;
use crate::aws::Aws;
use crate::config::{Config, Loaded};
use crate::exit::{Exit, Failure};
use crate::stop::Stop;
use crate::sys;

pub(super) fn run(
    loaded: Loaded,
    show_progress: bool,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let config = loaded.check().map_err(Failure::usage)?;
    if config.settings.nice {
        // Before any other thread starts: threads inherit the idle classes.
        sys::idle().map_err(|error| Failure::fatal(format!("--nice: {error}")))?;
    }
    phase.heeds_stop();
    let aws = aws(&config);
    let root = config.root.display();
    phase.begin(format!("preparing the scan of {root}"));
    let mut prepared = prepare::prepare(&config, &aws)?;
    phase.begin(format!("{root} does not answer"));
    let walked = walk::walk(&config, &mut prepared, &aws, show_progress, stop)?;
    deliver::deliver(&config, prepared, walked, &aws, stop, phase)
}

/// AWS for a run: in the region of the root where none is set.
pub(super) fn aws(config: &Config) -> Aws {
    let aws = Aws::new(config.settings.patience.0, config.buckets.clone());
    aws.or_in_region(config.named_region())
}
