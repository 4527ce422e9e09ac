//! The walk: lists the file system, and shows how far it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::engine::engine;
use super::prepare::Prepared;
use super::users;
use crate::aws::Aws;
use crate::config::Config;
use crate::exit::Failure;
use crate::output::temporary_directory;
use crate::progress::Display;
use crate::published::expected_inodes;
use crate::report::{Coverage, Run};
use crate::scan::{Ended, Plan, Traffic};
use crate::stop::Stop;
use crate::text;
use crate::usage::{
    Ages, Export, Ledger, LedgerSetup, LinkMemory, Mounts, Scope, Selection, UidNames,
};

/// The findings of a walk.
pub(super) struct Walked {
    /// The run, but for errors that make its coverage partial.
    pub(super) run: Run,
    /// The root as reports name it.
    pub(super) root: PathBuf,
    pub(super) ledger: Arc<Ledger>,
    /// The requests that the walk caused, if the root is an NFS mount.
    pub(super) traffic: Option<Traffic>,
}

pub(super) fn walk(
    config: &Config,
    prepared: &mut Prepared,
    aws: &Aws,
    show_progress: bool,
    stop: &Arc<Stop>,
) -> Result<Walked, Failure> {
    let started = Timestamp::now();
    let plan = Plan::of(&config.root, &config.pacing);
    tracing::debug!(?plan);
    let mount = plan.nfs.clone();
    let engine = engine(config, plan, aws)?;
    let root = if config.is_url() { config.root.clone() } else { absolute(&config.root) };
    let mut run = run(config, &root, engine.name(), started);
    let names = Arc::clone(&prepared.names);
    let ledger = |homes, export| {
        let names = Arc::clone(&names);
        let uids = UidNames::accepted_by(move |uid| names.may_be_uid(uid));
        Arc::new(Ledger::new(setup(config, homes, export, started)).with_uids(uids))
    };
    tracing::info!(root = ?config.root, engine = engine.name(), "scanning");
    let asked = match &*config.settings.users {
        [] => None,
        users => {
            let survey = ledger(Some(Selection::Survey), None);
            Some(users::find(users, &names, (&*engine, &root), &survey, stop)?)
        }
    };
    let may_lack = asked.as_ref().is_some_and(|asked| asked.may_lack);
    let asked = asked.map(|asked| asked.paths);
    let ledger = ledger(asked.clone().map(Selection::Only), prepared.export.take());
    let display = show_progress.then(|| progress(config, asked, &run, &ledger));
    let ended = engine.walk(&ledger, stop);
    drop(display);
    run.coverage = match ended.map_err(Failure::fatal)? {
        Ended::Complete if may_lack => Coverage::Partial,
        Ended::Complete => Coverage::Complete,
        Ended::Interrupted => Coverage::Interrupted,
    };
    let traffic = mount.and_then(|mount| mount.since());
    run.finished = Timestamp::now();
    Ok(Walked { run, root, ledger, traffic })
}

/// The run as it is at its start.
fn run(config: &Config, root: &Path, engine: &str, started: Timestamp) -> Run {
    let settings = &config.settings;
    let (root, root_base64) = text::lossy(root.as_os_str().as_encoded_bytes());
    Run {
        id: started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string(),
        started,
        finished: started,
        root,
        root_base64,
        engine: engine.to_owned(),
        coverage: Coverage::Interrupted,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home_depth: settings.home_depth,
        users: settings.users.clone(),
        names: config.names.iter().map(ToString::to_string).collect(),
        exclude: config.exclude.globs().to_vec(),
        cross_mounts: settings.cross_mounts,
    }
}

fn setup(
    config: &Config,
    homes: Option<Selection>,
    export: Option<Export>,
    started: Timestamp,
) -> LedgerSetup {
    let settings = &config.settings;
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
        rules: config.rules.clone(),
        scope,
        ages: Ages::at(started.as_second()),
        top: config.top,
        links: LinkMemory {
            bound: config.link_memory,
            directory: temporary_directory(&config.root),
        },
        export,
    }
}

/// Shows the progress of the walk. An earlier run of the same root tells how much there is.
fn progress(
    config: &Config,
    homes: Option<BTreeSet<Vec<u8>>>,
    run: &Run,
    ledger: &Arc<Ledger>,
) -> Display {
    let (earlier, run) = (config.earlier.clone(), run.clone());
    let expected = move || {
        let aws = Aws::default();
        let store = earlier?.open(&aws);
        let expected = store.and_then(|store| expected_inodes(&*store, &run, homes.as_ref()));
        // Only the bar depends on it.
        expected.inspect_err(|error| tracing::debug!("{}", error.text)).ok()?
    };
    Display::start(ledger, expected)
}

/// The root as reports name it: absolute, but with its symbolic links as they were given.
fn absolute(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned()).components().collect()
}
