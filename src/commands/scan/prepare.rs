//! Before the walk: opens the output, the names and the state directory, so that an error in them
//! ends the scan at once, and not after an hour.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::file_system::{self, ScannedFileSystem, Subject};
use super::users::check_users;
use crate::aws::Aws;
use crate::commands::state_dir;
use crate::config::Config;
use crate::exit::Failure;
use crate::names::{Names, SourceSpec};
use crate::outbox::{Publisher, Scanned};
use crate::output::{Output, refuse_inside};
use crate::report::{Format, Ncdu};
use crate::scan::{is_mount_point, raise_descriptor_limit};
use crate::usage::Export;

/// Everything that is opened before the walk.
pub(super) struct Prepared {
    /// `None` if nothing is published and no flag names a state directory to lock.
    pub(super) publisher: Option<Publisher>,
    pub(super) subject: Subject,
    pub(super) names: Arc<Names>,
    pub(super) file_system: Option<ScannedFileSystem>,
    pub(super) output: Output,
    /// Where the table of directories goes that is written by hand.
    pub(super) dirs: Option<Output>,
    /// The export to which the walk writes every entry, if the result has that form.
    pub(super) export: Option<Export>,
}

pub(super) fn prepare(config: &Config, aws: &Aws) -> Result<Prepared, Failure> {
    if config.settings.require_mount {
        require_mount(&config.root)?;
    }
    prepare_for(config, Subject::of(config), aws)
}

/// Prepares a run of this subject, which need not be mounted here.
pub(super) fn prepare_for(
    config: &Config,
    subject: Subject,
    aws: &Aws,
) -> Result<Prepared, Failure> {
    let settings = &config.settings;
    let state_dir = state_dir_of(config)?;
    let publisher = publisher(config, &subject, aws, &state_dir)?;
    let names = Names::open(&config.names, &config.groups, aws, Some(&state_dir));
    let names = names.map_err(Failure::usage)?;
    let file_system = subject.efs.as_ref().map(|efs| file_system::ask(config, aws, efs));
    check_users(&settings.users)?;
    let output = Output::open(settings.output.as_deref(), &config.root)?;
    let dirs = settings.dirs.as_deref();
    let dirs = dirs.map(|path| Output::file("--dirs", path, &config.root)).transpose()?;
    let export = match settings.format {
        Format::Ncdu => Some(export(&output, &config.root)?),
        _ => None,
    };
    raise_descriptor_limit();
    Ok(Prepared { publisher, subject, names: Arc::new(names), file_system, output, dirs, export })
}

pub(in crate::commands) fn require_mount(root: &Path) -> Result<(), Failure> {
    let problem = match is_mount_point(root) {
        Ok(true) => return Ok(()),
        Ok(false) => "it is not a mount point: is the file system mounted?".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::fatal(format!("--require-mount: {}: {problem}", root.display())))
}

/// True if a scan stores anything: names from SageMaker, or runs until they are published.
pub(in crate::commands) fn needs_state_dir(config: &Config) -> bool {
    let keeps_names = config.names.iter().any(|name| matches!(name, SourceSpec::SageMaker(_)));
    keeps_names || config.settings.given.state_dir || !config.publishing.is_empty()
}

/// Returns the state directory. Makes this user's subdirectory only if the scan needs it.
fn state_dir_of(config: &Config) -> Result<Cow<'_, Path>, Failure> {
    let settings = &config.settings;
    let shared = settings.state_dir_shared && needs_state_dir(config);
    if shared {
        refuse_inside(&config.root, &settings.state_dir, "--state-dir").map_err(Failure::usage)?;
    }
    state_dir(&settings.state_dir, shared)
}

/// Opens the outbox. With a flag for the state directory, locks it even if nothing is published.
fn publisher(
    config: &Config,
    subject: &Subject,
    aws: &Aws,
    state_dir: &Path,
) -> Result<Option<Publisher>, Failure> {
    let settings = &config.settings;
    if config.publishing.is_empty() && !settings.given.state_dir {
        return Ok(None);
    }
    let Subject { root: named, identity, efs } = subject;
    let efs = efs.as_ref().map(|efs| efs.id.clone());
    let scanned = Scanned { root: &config.root, named, identity, efs };
    Publisher::prepare(&config.publishing, scanned, state_dir, aws).map(Some)
}

fn export(output: &Output, root: &Path) -> Result<Export, Failure> {
    let directory = output.scratch(root).map_err(Failure::usage)?;
    Export::open(&directory, &Ncdu).map_err(|error| {
        let directory = directory.display();
        Failure::usage(format!("--format ncdu: a temporary file in {directory}: {error}"))
    })
}
