//! `efs-scan remind`: sends e-mail to owners whose homes are over quota or hold much trash, and to
//! owners of long-running apps.

mod apps;
mod ledger;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::file_systems::{chosen, read_each};
use super::grown::{self, Bounds};
use super::heed::Phase;
use super::selected::{find_homes_of, no_home};
use crate::aws::Aws;
use crate::changes::Scope;
use crate::cli::{RemindArgs, RemindOf};
use crate::config::{Loaded, Readers};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::Output;
use crate::published::{file_systems, is_stale, newest_report, pointer};
use crate::remind::{self, Grew, HomeWork, NewestRun, Others, Work};
use crate::report::{Coverage, FileSystemKey, HomeKind, Report, SamePeople};
use crate::service_error::ServiceError;
use crate::stop::Stop;
use crate::store::{Destination, Store};
use crate::text::{plural, printable};

pub(super) fn run(
    args: &RemindArgs,
    loaded: Loaded,
    stop: &Stop,
    phase: &Phase,
) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let reminding = loaded.reminding().map_err(Failure::usage)?;
    let readers = loaded.readers().map_err(Failure::usage)?;
    let book = reminding.addresses.open().map_err(Failure::usage)?;
    let aws = Arc::new(Aws::new(readers.patience, readers.buckets.clone()));
    let now = Timestamp::now();
    let with_apps = match args.only {
        Some(only) => only == RemindOf::Apps,
        None => reminding.apps.is_on,
    };
    let mut partial = PartialFailure::default();
    let found = match args.only {
        Some(RemindOf::Apps) => None,
        _ => {
            let found = reports(args, &readers, &aws, now, &mut partial);
            partial.unless(found, with_apps)?
        }
    };
    let Found { reports, grew, of, others } = found.unwrap_or_default();
    // Every domain of SageMaker numbers its users from 200000.
    if of > 1 && book.has_uids() && readers.same_people == SamePeople::ByDomain {
        let problem = "a uid with an address may be somebody else on each file system: use names, \
                       choose one with --file-system, or set same_people";
        return Err(Failure::usage(problem));
    }
    let apps = match with_apps {
        true => {
            let found = apps::find(&readers, &reports, &reminding, &book, &aws, now);
            partial.unless(found, !reports.is_empty())?
        }
        false => None,
    };
    if let Some(apps::Found { unanswered: true, .. }) = apps {
        partial.note(Exit::Partial);
    }
    let mut apps = apps.map(|found| found.apps);
    let (asked, missing) = find_homes(&reports, &args.users);
    let missing = apps::keep(apps.as_mut(), &args.users, missing);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        if !reports.is_empty() {
            return Err(no_home(&[missing], "in the newest run", reports.len() < of));
        }
        // It is normal to have no long-running apps.
        log::info!("no app runs for long of {}", printable(missing.as_bytes()));
    }
    let sorted_apps = apps.as_ref().map(|apps| remind::sort_apps(apps, &book));
    let (home_at, trash) = (readers.home_at.as_deref(), reminding.trash);
    let runs = NewestRun::all((&reports, &grew), (of, &others), home_at, trash);
    let mut sorted = remind::sort(&runs, &book, trash, readers.same_people);
    if of > 1 || others != Others::None {
        sorted.has_several_file_systems();
    }
    if let Some(homes) = &asked {
        sorted.keep(homes);
    }
    let from = readers.source(args.from.as_deref()).ok();
    let ledger::Opened { mut ledger, lock: locked } =
        ledger::open(&readers, &reports, from.as_ref(), (&aws, now), args.dry_run)?;
    let homes = (!runs.is_empty()).then_some(HomeWork { runs: &runs, sorted: &sorted });
    let work = Work::new(&reminding, homes, sorted_apps.as_ref(), now, &ledger);
    let exit = match locked {
        None => {
            let text = remind::preview(&work, &ledger);
            Output::Stdout.show(&text).map_err(Failure::fatal)?;
            Exit::Complete
        }
        Some(_lock) => remind::send(&work, &mut ledger, &aws, stop)?,
    };
    for report in &reports {
        if warn_of_unread(report, asked.as_ref(), of) {
            partial.note(Exit::Partial);
        }
    }
    Ok(match exit {
        Exit::Complete => partial.0.unwrap_or(Exit::Complete),
        exit => exit,
    })
}

/// Exit code for the case that only some parts of the command failed.
#[derive(Default)]
struct PartialFailure(Option<Exit>);

impl PartialFailure {
    fn note(&mut self, exit: Exit) {
        self.0.get_or_insert(exit);
    }

    /// Returns the part's result. Logs a failure instead of returning it if there is another part
    /// to do.
    fn unless<T>(&mut self, found: Result<T, Failure>, other: bool) -> Result<Option<T>, Failure> {
        match found {
            Ok(found) => Ok(Some(found)),
            // Errors in the configuration end the command, so that they are seen first.
            Err(failure) if other && failure.exit != Exit::Usage => {
                log::error!("{}", failure.problem);
                self.note(failure.exit);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// The newest runs to remind of.
#[derive(Default)]
struct Found {
    reports: Vec<Report>,
    /// Growth of each of them in a week.
    grew: Vec<Option<Grew>>,
    /// The number of file systems that were asked for.
    of: usize,
    /// The others at the destination.
    others: Others,
}

/// Reads the newest run of each file system. One that is stale or cannot be read hinders no other.
///
/// # Errors
/// The first problem, if there is no run to remind of.
fn reports(
    args: &RemindArgs,
    readers: &Readers,
    aws: &Aws,
    now: Timestamp,
    partial: &mut PartialFailure,
) -> Result<Found, Failure> {
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let store = from.open(aws).map_err(failed)?;
    let chosen = chosen(&*store, &args.file_systems)?;
    let read = read_each(&chosen, |of| newest_report(&*store, of).map_err(failed));
    let (mut reports, mut grew, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let bounds = Bounds { most: MOST, until: Some(Instant::now() + MOST_TIME) };
    for (of, read) in chosen.iter().zip(read) {
        let name = match chosen.len() {
            1 => String::new(),
            _ => format!(" of {of}"),
        };
        match read.and_then(|report| fresh(report, &from, &name, now)) {
            Ok(report) => {
                grew.push(grew_in(&*store, &report, bounds, partial));
                reports.push(report);
            }
            Err(failure) => failures.push(failure),
        }
    }
    let mut failures = failures.into_iter();
    if reports.is_empty()
        && let Some(first) = failures.next()
    {
        failures.for_each(|failure| log::error!("{}", printable(failure.problem.as_bytes())));
        return Err(first);
    }
    for failure in failures {
        log::error!("{}", printable(failure.problem.as_bytes()));
        partial.note(failure.exit);
    }
    let others = match args.file_systems.is_empty() {
        true => Others::None,
        false => others(&*store, &chosen),
    };
    Ok(Found { reports, grew, of: chosen.len(), others })
}

/// Finds the other file systems of the destination, on which the same people may have homes.
fn others(store: &(dyn Store + Sync), chosen: &[FileSystemKey]) -> Others {
    let all = file_systems(store).unwrap_or_else(|error| {
        log::warn!(
            "{}; other file systems are not known, so messages have no commands",
            error.text
        );
        Vec::new()
    });
    if all.is_empty() {
        return Others::Unknown;
    }
    let others: Vec<FileSystemKey> = all.into_iter().filter(|key| !chosen.contains(key)).collect();
    if others.is_empty() {
        return Others::None;
    }
    let roots =
        read_each(&others, |of| Some(pointer(store, of).ok()??.0.run.root()?.path.into_owned()));
    roots.into_iter().collect::<Option<_>>().map_or(Others::Unknown, Others::Roots)
}

/// The largest table of directories that is read, and how long those of all file systems are.
const MOST: u64 = 256 << 20;
const MOST_TIME: Duration = Duration::from_secs(60);

/// Lines of a home among which the places that grew most are, and the number of these.
const LINES: usize = 20;
const PLACES: usize = 3;

/// Reads where homes grew since a week before. Reminders do without it rather than not being sent.
fn grew_in(
    store: &dyn Store,
    report: &Report,
    bounds: Bounds,
    partial: &mut PartialFailure,
) -> Option<Grew> {
    let week = SignedDuration::from_hours(7 * 24);
    let of = (&report.file_system_key(), &report.run);
    let since = grown::since(store, of, week, (Scope::default(), LINES), bounds);
    let since = match since {
        Ok(since) => since,
        Err(not_known) => {
            if not_known.is_gap() {
                partial.note(Exit::Partial);
            }
            if let Some(reason) = not_known.reason() {
                log::warn!("reminders do not say where homes grew: {reason}");
            }
            return None;
        }
    };
    let mut grew = Grew { since: since.runs[0].started?, places: HashMap::new() };
    for place in since.explained.grew_most(PLACES).into_iter().filter(|place| !place.outside) {
        let home = place.home.clone();
        grew.places.entry(home).or_default().push(grown::place(place));
    }
    Some(grew)
}

/// Refuses a stale run.
fn fresh(
    report: Report,
    from: &Destination,
    name: &str,
    now: Timestamp,
) -> Result<Report, Failure> {
    if !is_stale(report.run.finished, now) {
        return Ok(report);
    }
    let finished = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
    let problem = format!(
        "nobody is reminded of old figures: the newest run{name} in {from} finished {finished}"
    );
    Err(Failure::new(Exit::Stale, problem))
}

/// The paths of the homes of some users, by file system.
type Asked = BTreeMap<FileSystemKey, BTreeSet<Vec<u8>>>;

/// Finds the homes of `users`; `None` if no user is asked for. Returns those without a home on any file
/// system, too.
fn find_homes<'u>(reports: &[Report], users: &'u [String]) -> (Option<Asked>, Vec<&'u str>) {
    let mut missing: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut asked: Option<Asked> = None;
    for report in reports {
        let (homes, without) = find_homes_of(report, users);
        missing.retain(|user| without.contains(user));
        if let Some(homes) = homes {
            asked.get_or_insert_default().insert(report.file_system_key(), homes);
        }
    }
    (asked, missing)
}

/// Warns of homes that the run did not read completely. Returns true if any of the selected homes
/// may be among them. `of` is the number of file systems.
fn warn_of_unread(report: &Report, asked: Option<&Asked>, of: usize) -> bool {
    let key = report.file_system_key();
    let asked = asked.map(|asked| asked.get(&key));
    let homes = report.homes.iter().filter(|home| {
        let is_asked =
            asked.is_none_or(|homes| homes.is_some_and(|homes| homes.contains(&home.name_bytes())));
        home.kind != HomeKind::Outside && is_asked
    });
    let unread = homes.filter(|home| home.coverage != Coverage::Complete).count();
    // The report of an interrupted run lacks the homes that the walk did not reach.
    let interrupted = report.run.coverage == Coverage::Interrupted;
    if unread > 0 || interrupted {
        let coverage = report.run.coverage.name();
        let name = if of > 1 { format!(" of {key}") } else { String::new() };
        log::warn!(
            "the newest run{name} is {coverage}: owners of {unread} {} that it did not read \
             completely are not reminded",
            plural(unread as u64, "home", "homes")
        );
    }
    unread > 0 || interrupted
}

fn failed(error: ServiceError) -> Failure {
    Failure::fatal(error.text)
}
