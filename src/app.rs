//! From the command line to the exit code: one scan, one report, one result.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::{Cli, Command, CommonArgs, EngineKind, Format, ScanArgs};
use crate::config::{Config, Loaded};
use crate::exit::Exit;
use crate::generate::generate;
use crate::names::Names;
use crate::output::Output;
use crate::progress::Display;
use crate::report::{self, Context, Coverage, Detail, DuNames, Report, Run};
use crate::scan::{Ended, Engine, Root, Stop, raise_descriptor_limit};
use crate::usage::{Ages, Ledger, Scope, Task};
use crate::{log, text};

/// Why there is no result, and the exit code for it.
struct Failure(Exit, String);

impl Failure {
    fn usage(problem: impl ToString) -> Self {
        Self(Exit::Usage, problem.to_string())
    }

    fn fatal(problem: impl ToString) -> Self {
        Self(Exit::Fatal, problem.to_string())
    }
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Exit {
    let done = match &cli.command {
        None => scan(&cli.common, &cli.scan),
        Some(Command::Config(args)) => print_config(&cli.common, args),
        Some(Command::Generate { what }) => {
            let mut bytes = Vec::new();
            generate(what, &mut bytes)
                .map_err(Failure::fatal)
                .and_then(|()| Output::Stdout.write(&bytes).map_err(Failure::fatal))
                .map(|()| Exit::Complete)
        }
    };
    done.unwrap_or_else(|Failure(exit, problem)| {
        // One line, whatever a name in it holds.
        eprintln!("efs-scan: {}", text::printable(problem.as_bytes()));
        exit
    })
}

fn print_config(common: &CommonArgs, args: &ScanArgs) -> Result<Exit, Failure> {
    let text = Loaded::new(common, args)
        .and_then(|loaded| {
            let text = loaded.to_toml()?;
            loaded.check(args)?;
            Ok(text)
        })
        .map_err(Failure::usage)?;
    Output::Stdout.write(text.as_bytes()).map_err(Failure::fatal)?;
    Ok(Exit::Complete)
}

fn scan(common: &CommonArgs, args: &ScanArgs) -> Result<Exit, Failure> {
    let loaded = Loaded::new(common, args).map_err(Failure::usage)?;
    log::init(common, loaded.log_format());
    let config = loaded.check(args).map_err(Failure::usage)?;
    let names = Names::open(&config.names).map_err(Failure::usage)?;
    let homes = homes_of(&config.users, &names)?;
    let output = Output::open(config.output.as_deref(), &config.root).map_err(Failure::usage)?;
    raise_descriptor_limit();
    let stop = Arc::new(Stop::default());
    stop_on_signals(&stop).map_err(Failure::fatal)?;

    let started = Timestamp::now();
    let plan = Root::plan(&config.root, config.threads);
    let engine = engine(&config, plan);
    let ledger = Arc::new(Ledger::new(Task {
        rules: config.rules,
        scope: Scope {
            home_depth: config.home_depth,
            homes,
            mounts: config.mounts,
            exclude: config.exclude,
        },
        ages: Ages::at(started.as_second()),
        top: config.top,
    }));
    tracing::info!(root = ?config.root, engine = engine.name(), ?plan, "scanning");
    let show = std::io::stderr().is_terminal() && !common.quiet;
    let display = show.then(|| Display::start(&ledger));
    let ended = engine.walk(&ledger, &stop);
    drop(display);
    let ended = ended.map_err(Failure::fatal)?;

    let totals = ledger.finish();
    let root = absolute(&config.root);
    let (root_text, root_base64) = text::lossy(root.as_os_str().as_encoded_bytes());
    let context = Context {
        run: Run {
            id: format!("{}", started.strftime("%Y%m%dT%H%M%S%.6fZ")),
            started,
            finished: Timestamp::now(),
            root: root_text,
            root_base64,
            engine: engine.name().to_owned(),
            coverage: match ended {
                Ended::Complete => Coverage::Complete,
                Ended::Interrupted => Coverage::Interrupted,
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home_depth: config.home_depth,
            users: config.users,
            names: config.names.iter().map(ToString::to_string).collect(),
        },
        root: &root,
        names: &names,
        quotas: &config.quotas,
        top: config.top,
    };
    let mut report = report::build(&totals, context);
    report.sort(config.sort);
    let missing = missing_users(&report, ended);
    if !missing.is_empty() {
        let problem = format!("no home below {} for {}", root.display(), missing.join(", "));
        return Err(Failure::usage(problem));
    }
    let bytes = render(&report, config.format, config.limit, &output).map_err(Failure::fatal)?;
    output.write(&bytes).map_err(Failure::fatal)?;
    summarise(&report);
    Ok(match report.run.coverage {
        Coverage::Interrupted => Exit::Interrupted,
        _ if config.fail_on_quota && report.over_quota().next().is_some() => Exit::OverQuota,
        Coverage::Partial => Exit::Partial,
        Coverage::Complete => Exit::Complete,
    })
}

/// Names of the homes that users have: their uids, or the name itself.
fn homes_of(users: &[String], names: &Names) -> Result<Option<BTreeSet<Vec<u8>>>, Failure> {
    if users.is_empty() {
        return Ok(None);
    }
    let mut homes = BTreeSet::new();
    for user in users {
        if user.is_empty() || user.contains('/') {
            return Err(Failure::usage(format!("--user `{user}` is neither a name nor a uid")));
        }
        homes.insert(user.clone().into_bytes());
        homes.extend(names.uids(user).iter().map(|uid| uid.to_string().into_bytes()));
    }
    Ok(Some(homes))
}

/// Users that were asked for and have no home here.
fn missing_users(report: &Report, ended: Ended) -> Vec<String> {
    let has_home = |user: &&String| {
        report.homes.iter().any(|home| {
            let last = home.name.rsplit('/').next();
            last == Some(user) || home.owner.name.as_ref() == Some(user)
        })
    };
    let users = report.run.users.iter();
    match ended {
        Ended::Complete => users.filter(|user| !has_home(user)).cloned().collect(),
        Ended::Interrupted => Vec::new(),
    }
}

fn engine(config: &Config, plan: Root) -> Box<dyn Engine> {
    #[cfg(target_os = "linux")]
    let default = EngineKind::Posix;
    #[cfg(not(target_os = "linux"))]
    let default = EngineKind::Portable;
    match config.engine.unwrap_or(default) {
        #[cfg(target_os = "linux")]
        EngineKind::Posix => Box::new(crate::scan::Posix::new(config.root.clone(), plan)),
        #[cfg(feature = "portable")]
        EngineKind::Portable => {
            Box::new(crate::scan::Portable::new(config.root.clone(), plan.workers))
        }
    }
}

/// The first signal asks for an end, the second one ends at once.
fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let code = i32::from(Exit::Interrupted.code());
        signal_hook::flag::register_conditional_shutdown(signal, code, stop.flag())?;
        signal_hook::flag::register(signal, stop.flag())?;
    }
    Ok(())
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
        Format::Json => {
            let json = serde_json::to_vec_pretty(report);
            let mut json = json.map_err(|error| format!("writing JSON: {error}"))?;
            json.push(b'\n');
            json
        }
        Format::Csv => report::csv(report).map_err(|error| format!("writing CSV: {error}"))?,
        Format::Du => report::du(report, names),
    })
}

/// The one line for cron.
fn summarise(report: &Report) {
    let run = &report.run;
    let usage = &report.totals;
    let seconds = run.finished.duration_since(run.started).as_secs_f64();
    tracing::info!(
        target: log::SUMMARY,
        coverage = run.coverage.name(),
        homes = report.homes.iter().filter(|home| home.kind != report::Kind::Outside).count(),
        files = usage.files,
        dirs = usage.dirs,
        allocated_bytes = usage.allocated_bytes.0,
        metered_bytes = usage.metered_bytes.0,
        errors = report.errors.count,
        over_quota = report.over_quota().count(),
        seconds = (seconds * 1000.0).round() / 1000.0,
        "scanned {}",
        text::printable(run.root.as_bytes()),
    );
}
