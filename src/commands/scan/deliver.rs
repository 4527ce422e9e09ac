//! After the walk: makes the report, stores it in the spool, writes the result and publishes.

use std::io::{self, Write};

use super::dirs::Dirs;
use super::file_system::ScannedFileSystem;
use super::growth;
use super::prepare::Prepared;
use super::squashed;
use super::walk::Walked;
use crate::aws::Aws;
use crate::commands::heed::Phase;
use crate::commands::pages::{self, Paged};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::{Kept, Publisher, Sent, Unkept};
use crate::output::Output;
use crate::report::{self, Context, Coverage, Detail, DuNames, Format, HomeKind, NcduHead, Report};
use crate::stop::Stop;
use crate::store::Fill;
use crate::text::printable;
use crate::usage::Export;

pub(super) fn deliver(
    config: &Config,
    prepared: Prepared,
    walked: Walked,
    aws: &Aws,
    stop: &Stop,
    phase: &Phase,
) -> Result<Exit, Failure> {
    phase.compute("making the report");
    let mut report = build(config, &prepared, &walked);
    let Prepared { publisher, output, dirs: dirs_output, .. } = prepared;
    let mut dirs = Dirs::of(config, &walked.ledger, &report);
    // The run is safe in the spool before anything else can fail.
    phase.begin("keeping the run in the state directory");
    let keep = |publisher| dirs.keep(publisher, &mut report);
    let kept = publisher.as_ref().map_or(Kept::LeftOut, keep);
    let waits = match (kept, publisher.as_ref().and_then(Publisher::spool)) {
        (Kept::Spooled, Some(spool)) => {
            let spool = spool.display();
            format!("; the run waits in {spool}, and `efs-scan publish` sends it")
        }
        (Kept::Direct, _) => "; this run is lost unless the job is retried".to_owned(),
        _ => String::new(),
    };
    if let (Some(publisher), true) = (&publisher, kept.is_published() && !stop.is_set()) {
        phase.begin(format!("comparing with the run of the day before{waits}"));
        let own = || publisher.kept_dirs(&report.run.id).or_else(|| dirs.made());
        report.growth = growth::of(config, &report, &own, aws);
        if report.growth.is_some() && kept == Kept::Spooled {
            publisher.keep_again(&report);
        }
    }
    phase.begin(format!("writing the result{waits}"));
    let written = write(config, &report, walked.ledger.export(), output);
    let written = dirs_output.map_or(Ok(()), |output| dirs.write(output)).and(written);
    phase.begin(format!("publishing{waits}"));
    let fill = |to: &mut dyn Write| dirs.fill(to);
    let fill: Option<&Fill<'_>> =
        (dirs.is_published && report.dirs_problem.is_none()).then_some(&fill);
    let publishes = publisher.as_ref().map(|publisher| Publishes { publisher, kept, dirs: fill });
    let published = publish(config, &report, publishes, aws, stop);
    written.map_err(Failure::fatal)?;
    let targets = publisher.as_ref().is_some_and(Publisher::publishes);
    summarise(&report, targets.then_some(published.runs));
    Ok(exit(config, &report, &published))
}

fn build(config: &Config, prepared: &Prepared, walked: &Walked) -> Report {
    let context = Context {
        run: walked.run.clone(),
        real_root: &walked.real_root,
        names: &prepared.names,
        quotas: &config.quotas,
        top: config.top,
    };
    let mut report = report::build(walked.ledger.finish(), context);
    if squashed::is_evident(config, &report) {
        log::warn!("no home can be read: {}", squashed::ROOT_IS_SQUASHED);
    }
    report.nfs = walked.traffic.clone().map(Into::into);
    if let Some(ScannedFileSystem { id, size, part, lifecycle, throughput }) = &prepared.file_system
    {
        report.reconcile((id.clone(), *part), *size, &config.prices);
        if let Some((throughput, traffic)) = throughput {
            let traffic = traffic.as_ref().map(|(traffic, until)| (traffic, *until));
            report.add_throughput(*throughput, traffic, &config.prices);
        }
        if let Some(lifecycle) = lifecycle {
            report.add_lifecycle(*lifecycle, &config.prices);
        }
    }
    if config.settings.prices.is_set() {
        report.price_as_standard(&config.prices);
    }
    report.sort(config.settings.sort);
    report
}

/// Writes the report or the export, piece by piece.
fn write(
    config: &Config,
    report: &Report,
    export: Option<&Export>,
    output: Output,
) -> Result<(), String> {
    let names = match output.is_terminal() {
        true => DuNames::Printable,
        false => DuNames::Raw,
    };
    output.stream(|to| match (config.settings.format, export) {
        (_, Some(export)) => {
            let root = report.run.root_bytes();
            let (finished, coverage) = (report.run.finished, report.run.coverage.name());
            report::ncdu(export, &NcduHead { root: &root, finished, coverage }, to)
        }
        (Format::Table, None) => {
            let detail = match report.run.users.is_empty() {
                true => Detail::Lines(config.settings.limit),
                false => Detail::Pages,
            };
            report::table(report, detail, to)
        }
        (Format::Json, None) => report::write_json(report, to),
        (Format::Csv, None) => report::csv(report, names, to),
        (Format::Du, None) => to.write_all(&report::du(report, names)),
        (Format::Prometheus, None) => report::prometheus(report, to),
        (Format::Ncdu, None) => Err(io::Error::other("the walk did not record its entries")),
    })
}

/// The state of publishing at the end of the scan.
struct Published {
    /// Runs that were sent, this one and earlier ones.
    runs: usize,
    /// True if this run should be published.
    this: bool,
    unkept: Unkept,
    /// True if the spool is empty and the pages are made.
    all: bool,
    /// True if the pages lack earlier runs that could not be read.
    gaps: bool,
}

/// What sends this run, if it is to be published.
struct Publishes<'a> {
    publisher: &'a Publisher,
    kept: Kept,
    /// Makes the table of directories.
    dirs: Option<&'a Fill<'a>>,
}

/// Sends the runs in the spool, and makes the pages if they are configured.
fn publish(
    config: &Config,
    report: &Report,
    publishes: Option<Publishes<'_>>,
    aws: &Aws,
    stop: &Stop,
) -> Published {
    let kept = publishes.as_ref().map_or(Kept::LeftOut, |publishes| publishes.kept);
    let sent = publishes.map_or_else(Sent::default, |Publishes { publisher, kept, dirs }| {
        publisher.send(aws, (report, dirs), kept, stop)
    });
    let (this, unkept) = (kept.is_published(), sent.unkept);
    let is_lost = matches!(unkept, Unkept::Lost | Unkept::Unretried);
    let sent_all = sent.waiting == 0 && !is_lost;
    // An interrupted scan leaves the pages to the next run.
    let paged = match &config.publishing.to {
        Some(to) if config.publishing.report && this && sent_all && !stop.is_set() => {
            let people = (config.settings.home_at.as_deref(), config.settings.same_people.into());
            pages::publish(to, &report.file_system_key(), people, aws)
        }
        _ => Paged::All,
    };
    let all = sent_all && paged != Paged::Some && sent.problems.is_empty();
    Published { runs: sent.runs, this, unkept, all, gaps: paged == Paged::WithGaps }
}

fn exit(config: &Config, report: &Report, published: &Published) -> Exit {
    let coverage = report.run.coverage;
    let is_over =
        || report.over_quota().next().is_some() || report.groups_over_quota().next().is_some();
    let over_quota = config.settings.fail_on_quota && is_over();
    match coverage {
        _ if published.unkept == Unkept::Lost => Exit::Fatal,
        // An interrupted run that is not published does not fail because of earlier runs in the
        // spool.
        _ if !published.all && (published.this || coverage != Coverage::Interrupted) => {
            Exit::Unpublished
        }
        _ if published.unkept == Unkept::Sent => Exit::Unkept,
        Coverage::Interrupted => Exit::Interrupted,
        _ if over_quota => Exit::OverQuota,
        Coverage::Partial => Exit::Partial,
        Coverage::Complete if published.gaps => Exit::Partial,
        Coverage::Complete => Exit::Complete,
    }
}

/// Logs the summary line for cron. `published` is the number of sent runs; `None` if nothing is
/// published.
fn summarise(report: &Report, published: Option<usize>) {
    let run = &report.run;
    let usage = &report.totals;
    let seconds = run.seconds();
    log::summary!(
        coverage = run.coverage.name(),
        homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside).count(),
        files = usage.files,
        dirs = usage.dirs,
        allocated_bytes = usage.allocated_bytes.0,
        metered_bytes = usage.metered_bytes.0,
        errors = report.errors.count,
        over_quota = report.over_quota().count(),
        published = published,
        seconds = (seconds * 1000.0).round() / 1000.0,
        "scanned {}",
        printable(run.root.as_bytes()),
    );
}
