//! Checks of the root: its mount or server, and its homes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use jiff::Timestamp;

use super::line::Line;
use super::{reading, scan, server};
use crate::config::Config;
use crate::names::{Names, alike};
use crate::report::{Identity, NfsTraffic};
use crate::scan::{NfsMount, Plan, Trial, efs_of};
use crate::stop::Stop;
use crate::text::{plural, printable};
use crate::usage::{AboveRoot, Home, HomeKind, Ledger, Selection, Totals};

/// Minimum time for the checks: AWS may have used up the patience.
const LEAST: Duration = Duration::from_secs(5);

/// Results of the checks of the root.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) lines: Vec<Line>,
    /// Names and uids of the owners of homes, as quotas compare them.
    pub(super) owners: BTreeSet<String>,
    /// The groups of owners, as quotas compare them.
    pub(super) groups: BTreeSet<String>,
    /// The id of the file system, if the mount names it.
    pub(super) file_system: Option<String>,
    /// Its region, if the mount names it and no other file system is configured.
    pub(super) region: Option<String>,
    /// The file system that a run belongs to; `None` if the root does not answer.
    pub(super) identity: Option<Identity>,
}

/// Checks the root, and gives up after `patience`: a mount whose server is gone never answers, and
/// no signal interrupts the call.
pub(super) fn look(
    config: &Arc<Config>,
    names: &Arc<Names>,
    trial: Trial,
    patience: Duration,
    stop: &Arc<Stop>,
) -> Place {
    let (send, receive) = channel();
    let (its_config, its_names, its_stop) =
        (Arc::clone(config), Arc::clone(names), Arc::clone(stop));
    let looking = std::thread::Builder::new().name("place".to_owned()).spawn(move || {
        let mut place = Place::default();
        if let Err(line) = place.fill(&its_config, &its_names, trial, &its_stop) {
            place.lines.push(line);
        }
        // The receiver may have given up.
        let _ = send.send(place);
    });
    let patience = patience.max(LEAST);
    let problem = match looking.map(|_| receive.recv_timeout(patience)) {
        Ok(Ok(place)) => return place,
        Ok(Err(RecvTimeoutError::Timeout)) => {
            format!("does not answer within {} s: is its server reachable?", patience.as_secs())
        }
        Ok(Err(RecvTimeoutError::Disconnected)) => "could not be looked at".to_owned(),
        Err(error) => error.to_string(),
    };
    let root = config.root.display();
    Place { lines: vec![Line::fail("root", format!("{root} {problem}"))], ..Place::default() }
}

impl Place {
    /// Makes all checks. Returns the first result that makes the others useless as an error.
    fn fill(
        &mut self,
        config: &Config,
        names: &Arc<Names>,
        trial: Trial,
        stop: &Arc<Stop>,
    ) -> Result<(), Line> {
        let root = &config.root;
        if config.settings.require_mount {
            self.lines.push(required_mount(root));
        }
        if let Some(efs) = efs_of(root) {
            let other = config.settings.file_system_id.as_ref().is_some_and(|id| *id != efs.id);
            self.region = efs.region.filter(|_| !other);
            self.file_system = Some(efs.id);
        }
        self.identity = Some(scan::identity(config));
        let plan = Plan::of(root, &config.pacing);
        let mount = NfsMount::of(root).filter(|_| !config.is_url());
        let aws = scan::aws(config);
        let engine = scan::engine(config, plan, &aws);
        let engine = engine.map_err(|failure| Line::fail("root", failure.problem))?;
        // Nothing is offered here.
        let above = AboveRoot::UNKNOWN;
        let setup = |homes| scan::setup(config, names, above, Some(homes), None, Timestamp::now());
        let survey = Arc::new(Ledger::new(setup(Selection::Survey)));
        let walked = engine.walk(&survey, stop);
        walked.map_err(|error| Line::fail("root", error.to_string()))?;
        let Totals { homes, errors, .. } = survey.finish();
        self.lines.push(match &mount {
            Some(mount) => of_mount(mount, root),
            None => Line::ok("root", format!("{} by the engine {}", root.display(), engine.name())),
        });
        let unused = Arc::new(Ledger::new(setup(Selection::Survey)));
        match engine.probe(&unused, trial, stop) {
            Some(Ok(probe)) => self.lines.extend(server::lines(&probe)),
            Some(Err(error)) => self.lines.push(Line::fail("server", error.to_string())),
            None => {}
        }
        let homes: Vec<&Home> =
            homes.iter().map(|home| &**home).filter(|home| home.is_home()).collect();
        self.lines.push(self::homes(config, names, &homes));
        if errors.count > 0 {
            let first = errors.samples.iter().next();
            let first =
                first.map(|problem| format!("{}: {}", printable(&problem.path), problem.message));
            let text = format!(
                "{} above the homes could not be read; {}",
                errors.count,
                first.unwrap_or_default()
            );
            self.lines.push(Line::warn("root", text));
        }
        for home in &homes {
            let owner = home.uid.and_then(|uid| names.owner(uid));
            self.groups.extend(owner.iter().filter_map(|owner| Some(alike(owner.group.as_ref()?))));
            self.owners.extend(owner.map(|owner| alike(&owner.name)));
            self.owners.extend(home.uid.map(|uid| uid.to_string()));
            let last = home.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            self.owners.insert(alike(&String::from_utf8_lossy(last)));
        }
        self.lines.extend(reading::homes(config, &*engine, &homes, setup, stop));
        Ok(())
    }
}

fn required_mount(root: &Path) -> Line {
    match scan::require_mount(root) {
        Ok(()) => Line::ok("mount", format!("{} is a mount point", root.display())),
        Err(failure) => Line::fail("mount", failure.problem),
    }
}

/// Reports the mount and the cost of its options.
fn of_mount(mount: &NfsMount, root: &Path) -> Line {
    let Some(traffic) = mount.since().map(NfsTraffic::from) else {
        return Line::fail("mount", format!("{}: the mount is gone", root.display()));
    };
    let round_trip = traffic.mean_round_trip_ms.map(|ms| format!(", {ms:.1} ms a round trip"));
    let text = format!("{} on NFS{}", root.display(), round_trip.unwrap_or_default());
    let hints: Vec<&str> = traffic.hints.iter().map(|hint| hint.text.as_str()).collect();
    match hints.is_empty() {
        true => Line::ok("mount", text),
        false => Line::warn("mount", format!("{text}; {}", hints.join("; "))),
    }
}

/// Reports the homes and the number of known owners.
fn homes(config: &Config, names: &Names, homes: &[&Home]) -> Line {
    const CHECK: &str = "homes";
    let (root, depth) = (config.root.display(), config.settings.home_depth);
    let (all, uids) = (homes.len() as u64, homes.iter().filter(|home| home.kind == HomeKind::Uid));
    let uids: Vec<_> = uids.collect();
    let known = uids.iter().filter(|home| home.uid.is_some_and(|uid| names.owner(uid).is_some()));
    let (of_uids, known) = (uids.len() as u64, known.count() as u64);
    if all == 0 {
        let text = format!(
            "no directory below {root} at depth {depth}: is the root right, and --home-depth?"
        );
        return Line::fail(CHECK, text);
    }
    let text = format!(
        "{all} {}, {of_uids} of them called by a uid; {known} {} known",
        plural(all, "home", "homes"),
        plural(known, "owner is", "owners are"),
    );
    match () {
        () if of_uids == 0 && depth > 0 => {
            Line::warn(CHECK, format!("{text}: is the root right, and --home-depth?"))
        }
        () if known == 0 && names.know_everybody() => {
            Line::warn(CHECK, format!("{text}: is it the domain of this file system?"))
        }
        () => Line::ok(CHECK, text),
    }
}
