//! `efs-scan config`: prints the configuration in force as TOML.

use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(super) fn run(loaded: Loaded) -> Result<Exit, Failure> {
    let whole = loaded.to_toml().map_err(Failure::usage)?;
    // Refuses what a scan would refuse.
    let all = loaded.file_systems().map_err(Failure::usage)?;
    let text = match &all[..] {
        [one] => one.to_toml().map_err(Failure::usage)?,
        _ => whole,
    };
    super::scan::checked(all)?;
    Output::Stdout.write_form(text.as_bytes()).map_err(Failure::fatal)?;
    Ok(Exit::Complete)
}
