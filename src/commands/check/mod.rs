//! `efs-scan check`: tries the parts of a configured run, changes nothing, and reports each in a
//! line. The lines are what a bug report needs, without secrets.

mod line;
mod local;
mod place;
mod reading;
mod server;
mod services;

use std::sync::Arc;
use std::time::Instant;

use super::heed::Phase;
use super::scan;
#[cfg(target_os = "linux")]
use crate::config::NfsSource;
use crate::config::{Config, Loaded};
use crate::exit::{Exit, Failure};
use crate::remind::Reminding;
use crate::report::Format;
use crate::scan::{Trial, raise_descriptor_limit};
use crate::stop::Stop;
use line::{Level, Lines};

pub(super) fn run(loaded: Loaded, stop: &Arc<Stop>, phase: &Phase) -> Result<Exit, Failure> {
    let reminding = loaded.reminding().ok();
    let all = loaded.file_systems().map_err(Failure::usage)?;
    let mut worst = Exit::Complete;
    for config in scan::checked(all)? {
        worst = worst.worse(one(config, reminding.as_ref(), stop, phase)?);
    }
    Ok(worst)
}

/// Checks the run of a file system.
fn one(
    mut config: Config,
    reminding: Option<&Reminding>,
    stop: &Arc<Stop>,
    phase: &Phase,
) -> Result<Exit, Failure> {
    let trial = fit(&mut config);
    let config = Arc::new(config);
    let (began, patience) = (Instant::now(), config.settings.patience.0);
    raise_descriptor_limit();
    let aws = scan::aws(&config);
    let mut lines = Lines::new(config.settings.format == Format::Json);

    lines.push(local::program())?;
    lines.push(local::configuration(&config))?;
    lines.all(local::state(&config))?;
    lines.all(local::output(&config))?;

    phase.begin("asking AWS for the owner of the credentials");
    let uses = services::aws_use(&config, reminding.is_some());
    lines.all(services::credentials(&aws, uses))?;
    phase.begin("asking for names");
    let (names, line) = services::names(&config, &aws);
    lines.all(line)?;
    let names_are_whole =
        names.as_ref().map_or(config.names.is_empty(), |names| names.problems().next().is_none());
    let names = Arc::new(names.unwrap_or_default());

    phase.begin(format!("looking at {}", config.root.display()));
    let left = patience.saturating_sub(began.elapsed());
    let place = place::look(&config, &names, trial, left, stop);
    lines.all(place.lines)?;
    lines.all(local::quotas(&config, &place.owners, &names, names_are_whole))?;
    lines.all(local::group_quotas(&config, &place.groups))?;

    phase.begin("asking AWS about what a run publishes");
    let id = config.settings.file_system_id.clone().or(place.file_system);
    let region = config.named_region().or(place.region);
    lines.all(id.iter().flat_map(|id| services::file_system(id, region.as_deref(), &aws)))?;
    lines.all(services::destination(&config, place.identity.as_ref(), &aws))?;
    lines.all(services::metrics(&config, id.as_deref()))?;
    lines.all(services::topic(&config, &aws))?;
    lines.all(reminding.map(|reminding| services::mail(reminding, &aws)))?;

    Ok(match lines.end()? {
        Level::Ok => Exit::Complete,
        Level::Warn => Exit::Partial,
        Level::Fail => Exit::Fatal,
    })
}

/// Adapts the engine without a mount to a check, which does not wait for a server as long as a scan
/// does. Returns the trial to make: a request with several directories, if these are configured.
/// The check's own walks do not need them.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
fn fit(config: &mut Config) -> Trial {
    #[cfg(target_os = "linux")]
    if let Some(NfsSource { nfs, .. }) = &mut config.nfs {
        // The engine tries to connect three times.
        nfs.reply_timeout = nfs.reply_timeout.min(config.settings.patience.0 / 5);
        if std::mem::replace(&mut nfs.batch, 1) > 1 {
            return Trial::Batch;
        }
    }
    Trial::Plain
}
