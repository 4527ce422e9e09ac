//! One scan, one report, one result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::publish::{self as publisher, Publisher};
use super::report as reporting;
use crate::aws::Aws;
use crate::cli::Format;
use crate::config::{Config, Publishing};
#[cfg(target_os = "linux")]
use crate::config::{Direct, Place};
use crate::exit::{Exit, Failure};
use crate::names::Names;
use crate::outbox::Sent;
use crate::output::Output;
use crate::progress::Display;
use crate::report::{self, Context, Coverage, Detail, DuNames, Ncdu, NcduHead, Report, Run};
use crate::scan::{Ended, Engine, EngineKind, Plan, is_mount_point, raise_descriptor_limit};
#[cfg(target_os = "linux")]
use crate::scan::{Nfs, Tls};
use crate::stop::{Stop, stop_on_signals};
use crate::usage::{Ages, Export, Ledger, Mounts, Scope, WalkTask};
use crate::{log, nice, text};

/// How long a scan that was told to stop may take to end its walk before the program ends without
/// a report: the root itself may lie on a server that does not answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Scans on a thread of its own, so that this one is there for signals whatever that waits for.
///
/// # Errors
/// There is no result: what to do is said, and with which code the program ends.
pub(crate) fn run(config: Config, show_progress: bool) -> Result<Exit, Failure> {
    if config.nice {
        // Threads have it from who starts them.
        nice::idle().map_err(|error| Failure::fatal(format!("--nice: {error}")))?;
    }
    let stop = Arc::new(Stop::default());
    stop_on_signals(&stop).map_err(Failure::fatal)?;
    let root = config.root.clone();
    let walked = Arc::new(AtomicBool::new(false));
    let (send, receive) = channel();
    let (its_stop, its_walked) = (Arc::clone(&stop), Arc::clone(&walked));
    std::thread::spawn(move || {
        // Nobody listens any more only when the program is ending.
        let _ = send.send(scan(config, show_progress, &its_stop, &its_walked));
    });
    let mut stopped: Option<Instant> = None;
    loop {
        match receive.recv_timeout(Duration::from_millis(50)) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Disconnected) => {
                let problem = "the scan panicked; please report this with the message above";
                return Err(Failure::fatal(problem));
            }
            // Relaxed: only a moment's delay depends on it.
            Err(RecvTimeoutError::Timeout) if walked.load(Ordering::Relaxed) => {}
            Err(RecvTimeoutError::Timeout) if stop.is_set() => {
                if stopped.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    let problem = format!("interrupted while {} does not answer", root.display());
                    return Err(Failure(Exit::Interrupted, problem));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn scan(
    config: Config,
    show_progress: bool,
    stop: &Arc<Stop>,
    walked: &AtomicBool,
) -> Result<Exit, Failure> {
    if config.require_mount {
        require_mount(&config.root)?;
    }
    let aws = Aws::default();
    let publisher = Publisher::prepare(&config, &aws)?;
    let names = Names::open(&config.names, &aws, &config.state_dir).map_err(Failure::usage)?;
    let file_system = publisher::file_system(&config, &aws)?;
    let homes = homes_of(&config.users, &names)?;
    let output = Output::open(config.output.as_deref(), &config.root).map_err(Failure::usage)?;
    let export = export(config.format, &output, &config.root)?;
    raise_descriptor_limit();

    let started = Timestamp::now();
    let plan = Plan::of(&config.root, &config.pacing);
    let is_url = config.is_url();
    tracing::debug!(?plan);
    let nfs = plan.nfs.clone();
    let engine = engine(&config, plan, &aws)?;
    let root = if is_url { config.root.clone() } else { absolute(&config.root) };
    let (root_text, root_base64) = text::lossy(root.as_os_str().as_encoded_bytes());
    let mut run = Run {
        id: started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string(),
        started,
        finished: started,
        root: root_text,
        root_base64,
        engine: engine.name().to_owned(),
        coverage: Coverage::Interrupted,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home_depth: config.home_depth,
        users: config.users.clone(),
        names: config.names.iter().map(ToString::to_string).collect(),
        exclude: config.exclude.globs().to_vec(),
        cross_mounts: config.mounts == Mounts::Cross,
    };
    let ledger = Arc::new(Ledger::new(WalkTask {
        rules: config.rules,
        scope: Scope {
            home_depth: config.home_depth,
            homes: homes.as_ref().map(|homes| homes.values().flatten().cloned().collect()),
            mounts: config.mounts,
            exclude: config.exclude,
        },
        ages: Ages::at(started.as_second()),
        top: config.top,
        export,
    }));
    tracing::info!(root = ?config.root, engine = engine.name(), "scanning");
    let display = show_progress.then(|| {
        let (earlier, run) = (config.earlier, run.clone());
        let homes = homes.as_ref().map(|homes| homes.values().flatten().cloned().collect());
        let before = move || publisher::inodes_before(&earlier?, &run, homes.as_ref());
        Display::start(&ledger, before)
    });
    let ended = engine.walk(&ledger, stop);
    walked.store(true, Ordering::Relaxed);
    drop(display);
    let ended = ended.map_err(Failure::fatal)?;
    let traffic = nfs.and_then(|mount| mount.since());

    run.finished = Timestamp::now();
    run.coverage = match ended {
        Ended::Complete => Coverage::Complete,
        Ended::Interrupted => Coverage::Interrupted,
    };
    let (quotas, top) = (&config.quotas, config.top);
    let context = Context { run, root: &root, names: &names, quotas, top };
    let mut report = report::build(&ledger.finish(), context);
    report.nfs = traffic.map(Into::into);
    if let Some(publisher::Scanned { id, efs, part }) = file_system {
        report.reconcile((id, part), efs, &config.prices);
    }
    if config.prices_said {
        report.price_as_standard(&config.prices);
    }
    report.sort(config.sort);
    if let Some(homes) = homes.filter(|_| ended == Ended::Complete) {
        let missing = missing_users(&report, &homes);
        if !missing.is_empty() {
            let problem = format!("no home below {} for {}", root.display(), missing.join(", "));
            return Err(Failure::usage(problem));
        }
    }
    // Safe in the spool before anything else can go wrong.
    let kept = publisher.as_ref().map(|publisher| publisher.keep(&report)).transpose();
    let written = match ledger.export() {
        Some(export) => {
            let run = &report.run;
            let (finished, coverage) = (run.finished, run.coverage.name());
            let head = NcduHead { root: root.as_os_str().as_encoded_bytes(), finished, coverage };
            output.stream(|to| report::ncdu(export, &head, to))
        }
        None => render(&report, config.format, config.limit, &output)
            .and_then(|bytes| output.write(&bytes)),
    };
    let spooled = matches!(kept, Ok(Some(publisher::Kept::Spooled)));
    let sent = match (&publisher, kept) {
        (_, Err(Failure(_, problem))) => {
            tracing::error!("this run is not published: {}", text::printable(problem.as_bytes()));
            None
        }
        (Some(publisher), Ok(Some(kept))) => Some(publisher.send(&aws, kept, stop)?),
        _ => Some(Sent::default()),
    };
    let all_sent = sent.as_ref().is_some_and(|sent| sent.waiting == 0);
    let paged = match &config.publishing {
        // Who ends the program does not wait for pages: the next run makes them.
        Publishing { report: true, to: Some(to), .. } if spooled && all_sent && !stop.is_set() => {
            reporting::publish(to, config.home_at.as_deref(), &aws)
        }
        _ => true,
    };
    written.map_err(Failure::fatal)?;
    let asked = publisher.as_ref().is_some_and(Publisher::publishes);
    summarise(&report, asked.then(|| sent.as_ref().map_or(0, |sent| sent.runs)));
    let published = paged && all_sent;
    let interrupted = report.run.coverage == Coverage::Interrupted;
    Ok(match report.run.coverage {
        // Who ends a run that is not to be published is not told what waits from before.
        _ if !published && (spooled || !interrupted) => Exit::Unpublished,
        Coverage::Interrupted => Exit::Interrupted,
        _ if config.fail_on_quota && report.over_quota().next().is_some() => Exit::OverQuota,
        Coverage::Partial => Exit::Partial,
        Coverage::Complete => Exit::Complete,
    })
}

/// Where every entry is written down, if that is the result.
fn export(format: Format, output: &Output, root: &Path) -> Result<Option<Export>, Failure> {
    if format != Format::Ncdu {
        return Ok(None);
    }
    let directory = output.scratch(root).map_err(Failure::usage)?;
    let export = Export::open(&directory, &Ncdu).map_err(|error| {
        let directory = directory.display();
        Failure::usage(format!("--format ncdu: a temporary file in {directory}: {error}"))
    })?;
    Ok(Some(export))
}

/// Names that the homes of each user may have.
type Homes = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// What the homes of the users may be called: by their uids, or by the name itself.
fn homes_of(users: &[String], names: &Names) -> Result<Option<Homes>, Failure> {
    let mut homes = Homes::new();
    for user in users {
        if user.is_empty() || user.contains('/') {
            return Err(Failure::usage(format!("--user `{user}` is neither a name nor a uid")));
        }
        let uids = names.uids(user).into_iter().map(|uid| uid.to_string().into_bytes());
        homes.insert(user.clone(), uids.chain([user.clone().into_bytes()]).collect());
    }
    Ok(Some(homes).filter(|_| !users.is_empty()))
}

/// Users that were asked for and have no home here.
fn missing_users<'a>(report: &Report, homes: &'a Homes) -> Vec<&'a str> {
    let last = |home: &report::HomeReport| {
        let name = home.name_bytes();
        name.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
    };
    let found: BTreeSet<Vec<u8>> = report.homes.iter().filter_map(last).collect();
    let missing = homes.iter().filter(|(_, homes)| homes.is_disjoint(&found));
    missing.map(|(user, _)| user.as_str()).collect()
}

fn engine(config: &Config, plan: Plan, aws: &Aws) -> Result<Box<dyn Engine>, Failure> {
    #[cfg(target_os = "linux")]
    if let Some(direct) = &config.direct {
        return Ok(Box::new(reached(direct, aws)?));
    }
    Ok(match config.engine.unwrap_or_default() {
        // Without a place to ask, which the configuration was checked for, Nfs is a mount's.
        #[cfg(target_os = "linux")]
        EngineKind::Posix | EngineKind::Nfs => {
            Box::new(crate::scan::Posix::new(config.root.clone(), plan))
        }
        #[cfg(feature = "portable")]
        EngineKind::Portable => {
            Box::new(crate::scan::Portable::new(config.root.clone(), plan.workers_throughout()))
        }
    })
}

/// The nfs engine, with the address of its server resolved.
#[cfg(target_os = "linux")]
fn reached(direct: &Direct, aws: &Aws) -> Result<Nfs, Failure> {
    let nfs = direct.nfs.clone();
    let Place::FileSystem(id) = &direct.place else { return Ok(nfs) };
    let found = aws.mount_target(id).map_err(|error| Failure::fatal(error.text))?;
    match found.near {
        Some(false) => {
            let zone = &found.zone;
            tracing::warn!("{id} has no mount target in this zone: asking the one in {zone}");
        }
        near => tracing::info!(address = found.address, zone = found.zone, ?near, "mount target"),
    }
    // The certificate of a mount target is for the file system's name.
    let tls = nfs.tls.map(|tls| Tls { server: found.name, ..tls });
    Ok(Nfs { target: nfs.target.at(found.address), tls, ..nfs })
}

/// The root as reports name it: absolute, but with links in it as they were given.
fn absolute(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned()).components().collect()
}

fn render(
    report: &Report,
    format: Format,
    limit: Option<usize>,
    output: &Output,
) -> Result<Vec<u8>, String> {
    let detail = match report.run.users.is_empty() {
        true => Detail::Lines(limit),
        false => Detail::Pages,
    };
    let names = match output.is_terminal() {
        true => DuNames::Printable,
        false => DuNames::Raw,
    };
    Ok(match format {
        Format::Table => report::table(report, detail).into_bytes(),
        Format::Json => report::json(report)?.into_bytes(),
        Format::Csv => {
            report::csv(report, names).map_err(|error| format!("writing CSV: {error}"))?
        }
        Format::Du => report::du(report, names),
        Format::Prometheus => report::prometheus(report),
        Format::Ncdu => return Err("no entry was written down".to_owned()),
    })
}

/// What lies where nothing is mounted is not what was asked for.
fn require_mount(root: &Path) -> Result<(), Failure> {
    let problem = match is_mount_point(root) {
        Ok(true) => return Ok(()),
        Ok(false) => "it is no mount point: is the file system mounted?".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::fatal(format!("--require-mount: {}: {problem}", root.display())))
}

/// The one line for cron. `published` is how many runs were, if any was to be.
fn summarise(report: &Report, published: Option<usize>) {
    let run = &report.run;
    let usage = &report.totals;
    let seconds = run.finished.duration_since(run.started).as_secs_f64();
    tracing::info!(
        target: log::SUMMARY,
        coverage = run.coverage.name(),
        homes = report.homes.iter().filter(|home| home.kind != report::HomeKind::Outside).count(),
        files = usage.files,
        dirs = usage.dirs,
        allocated_bytes = usage.allocated_bytes.0,
        metered_bytes = usage.metered_bytes.0,
        errors = report.errors.count,
        over_quota = report.over_quota().count(),
        published,
        seconds = (seconds * 1000.0).round() / 1000.0,
        "scanned {}",
        text::printable(run.root.as_bytes()),
    );
}
