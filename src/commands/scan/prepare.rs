//! Before the walk: opens the output, the names and the state directory, so that an error in them
//! ends the scan at once, and not after an hour.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_system::{self, ScannedFileSystem, Subject};
use super::users::check_users;
use crate::aws::Aws;
use crate::commands::state_dir;
use crate::commands::state_place::{Choice, Chosen, choose, waiting_runs};
use crate::config::Config;
use crate::exit::Failure;
use crate::log;
use crate::names::{Names, SourceSpec};
use crate::outbox::{Publisher, Scanned};
use crate::output::{Output, refuse_inside};
use crate::report::{Format, Ncdu};
use crate::scan::{is_mount_point, raise_descriptor_limit};
use crate::state::{State, StatePlace, shown};
use crate::store::OpenDestination;
use crate::text::plural;
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

pub(super) fn prepare(config: &Config, aws: &Arc<Aws>) -> Result<Prepared, Failure> {
    if config.settings.require_mount {
        require_mount(&config.root)?;
    }
    prepare_for(config, Subject::of(config), aws)
}

/// Prepares a run of this subject, which need not be mounted here.
pub(super) fn prepare_for(
    config: &Config,
    subject: Subject,
    aws: &Arc<Aws>,
) -> Result<Prepared, Failure> {
    let settings = &config.settings;
    let place = state_place_of(config, aws)?;
    let publisher = publisher(config, &subject, aws, &place)?;
    let at_destination = publisher.as_ref().and_then(Publisher::state_at_destination).cloned();
    let in_directory = || match &place {
        StatePlace::Directory(directory) => Some(State::Directory(directory.clone())),
        StatePlace::Destination(_) => None,
    };
    let state = at_destination.or_else(in_directory);
    let names = Names::open(&config.names, &config.groups, aws, state.as_ref());
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

/// Chooses where the state of a scan is kept.
pub(in crate::commands) fn chosen_state(config: &Config) -> Chosen {
    choose(choice(config))
}

fn choice(config: &Config) -> Choice<'_> {
    Choice {
        asked: config.settings.state,
        to: config.publishing.to.as_ref().filter(|_| !config.buckets.unconditional),
        state_dir: &config.settings.state_dir,
        is_shared: config.settings.state_dir_shared,
    }
}

fn state_place_of(config: &Config, aws: &Arc<Aws>) -> Result<StatePlace, Failure> {
    match (chosen_state(config), &config.publishing.to) {
        (Chosen::Destination(why), Some(destination)) => {
            log::info!("the state is kept at {destination}: {why}");
            if let waiting @ 1.. = waiting_runs(choice(config)) {
                let wait = plural(waiting as u64, "run waits", "runs wait");
                let directory = config.settings.state_dir.display();
                log::warn!(
                    "{waiting} {wait} in {directory} since the state was kept there: \
                     `efs-scan publish` sends what waits"
                );
            }
            let destination = destination.clone();
            let at = OpenDestination { destination, aws: Arc::clone(aws) };
            Ok(StatePlace::Destination(Arc::new(at)))
        }
        _ => state_dir_of(config).map(StatePlace::Directory),
    }
}

/// Returns the state directory. Makes this user's subdirectory only if the scan needs it.
fn state_dir_of(config: &Config) -> Result<PathBuf, Failure> {
    let settings = &config.settings;
    let shared = settings.state_dir_shared && needs_state_dir(config);
    if shared {
        refuse_inside(&config.root, &settings.state_dir, "--state-dir").map_err(Failure::usage)?;
    }
    let directory = state_dir(&settings.state_dir, shared)?.into_owned();
    if needs_state_dir(config) {
        log::info!("the state is kept in {}", shown(&directory).display());
    }
    Ok(directory)
}

/// Opens the outbox. With a flag for the state directory, locks it even if nothing is published.
fn publisher(
    config: &Config,
    subject: &Subject,
    aws: &Aws,
    place: &StatePlace,
) -> Result<Option<Publisher>, Failure> {
    let settings = &config.settings;
    if config.publishing.is_empty() && !settings.given.state_dir {
        return Ok(None);
    }
    let Subject { root: named, identity, efs } = subject;
    let efs = efs.as_ref().map(|efs| efs.id.clone());
    let scanned = Scanned { root: &config.root, named, identity, efs };
    Publisher::prepare(&config.publishing, scanned, place, aws).map(Some)
}

fn export(output: &Output, root: &Path) -> Result<Export, Failure> {
    let directory = output.scratch(root).map_err(Failure::usage)?;
    Export::open(&directory, &Ncdu).map_err(|error| {
        let directory = directory.display();
        Failure::usage(format!("--format ncdu: a temporary file in {directory}: {error}"))
    })
}
