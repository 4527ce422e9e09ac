//! `efs-scan check`: goes through what a configured run would do, changes nothing, and says in a line
//! each what works. The lines are what a bug report needs, without secrets.

mod line;
mod local;
mod place;
mod services;

use std::sync::Arc;
use std::time::Instant;

use super::heed::Phase;
use super::scan;
use crate::aws::Aws;
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::report::Format;
use crate::scan::raise_descriptor_limit;
use crate::stop::Stop;
use line::{Level, Lines};

pub(super) fn run(loaded: Loaded, stop: &Arc<Stop>, phase: &Phase) -> Result<Exit, Failure> {
    let reminding = loaded.reminding().ok();
    let config = Arc::new(loaded.check().map_err(Failure::usage)?);
    let (began, patience) = (Instant::now(), config.settings.patience.0);
    raise_descriptor_limit();
    let aws = Aws::new(patience, config.buckets.clone());
    let mut lines = Lines::new(config.settings.format == Format::Json);

    lines.push(local::program())?;
    lines.push(local::configuration(&config))?;
    lines.all(local::state(&config))?;
    lines.all(local::output(&config))?;

    phase.begin("asking AWS whose credentials these are");
    if services::asks_aws(&config, reminding.is_some()) {
        lines.push(services::credentials(&aws))?;
    }
    phase.begin("asking for names");
    let (names, line) = services::names(&config, &aws);
    lines.all(line)?;
    let names = Arc::new(names.unwrap_or_default());

    phase.begin(format!("looking at {}", config.root.display()));
    let left = patience.saturating_sub(began.elapsed());
    let place = place::look(&config, &names, left, stop);
    lines.all(place.lines)?;
    lines.all(local::quotas(&config, &place.owners, &names))?;
    lines.all(local::group_quotas(&config, &place.groups))?;

    phase.begin("asking AWS about what a run publishes");
    let id = config.settings.file_system_id.clone().or(place.file_system);
    lines.all(id.as_deref().map(|id| services::file_system(id, &aws)))?;
    lines.all(services::destination(&config, &aws))?;
    lines.all(services::metrics(&config, id.as_deref()))?;
    lines.all(services::topic(&config, &aws))?;
    lines.all(reminding.map(|reminding| services::mail(&reminding, &aws)))?;

    Ok(match lines.end()? {
        Level::Ok => Exit::Complete,
        Level::Warn => Exit::Partial,
        Level::Fail => Exit::Fatal,
    })
}
