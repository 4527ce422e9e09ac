//! `efs-scan history`: the size of each home over the published runs, its growth, and when that
//! reaches a limit.

mod by;

use jiff::Timestamp;

use super::file_systems::{chosen, only};
use super::selected::no_home;
use crate::aws::Aws;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::history::{self, Blocks, HistoryView};
use crate::log;
use crate::output::Output;
use crate::published::{aliases, newest};
use crate::report::{DuNames, FileSystemKey};
use crate::service_error::ServiceError;
use crate::store::{Destination, Store};
use crate::text::{Shown, printable};
use crate::units::{AllocatedBytes, parse_size};

pub(super) fn run(args: &HistoryArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let budget = args.budget.as_deref().map(parse_size).transpose();
    let budget = budget.map_err(|problem| Failure::usage(format!("--budget: {problem}")))?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let store = from.open(&aws).map_err(failed)?;
    let now = Timestamp::now();
    let chosen = chosen(&*store, &args.file_systems)?;
    if let Some(lines) = args.by {
        return by::run(args, lines, readers.same_people, (&*store, &from), &chosen, budget, now);
    }
    let [only] = &chosen[..] else {
        return several(args, (&*store, &from), &chosen, budget, now);
    };
    let (view, missing) = view(args, (&*store, &from), only, budget, now)?;
    refuse_missing(&missing, view.summary_unreadable)?;
    print(&view, args.format).map_err(Failure::fatal)?;
    Ok(match view.is_whole() {
        true => Exit::Complete,
        false => Exit::Partial,
    })
}

/// Prints a table for each of several file systems. One that cannot be read hinders no other.
fn several(
    args: &HistoryArgs,
    from: (&(dyn Store + Sync), &Destination),
    chosen: &[FileSystemKey],
    budget: Option<u64>,
    now: Timestamp,
) -> Result<Exit, Failure> {
    if args.format != HistoryFormat::Table {
        only(from.0, &args.file_systems)?;
    }
    let (mut views, mut missing) = (Vec::new(), None);
    let (mut exit, mut some_unread) = (Exit::Complete, false);
    for of in chosen {
        match view(args, (from.0, from.1), of, budget, now) {
            Ok((view, without)) => {
                if !view.is_whole() {
                    exit = Exit::Partial;
                }
                some_unread |= view.summary_unreadable;
                // A user need not have a home everywhere.
                let all: &mut Vec<String> = missing.get_or_insert_with(|| without.clone());
                all.retain(|user| without.contains(user));
                views.push((of, view));
            }
            Err(failure) => {
                log::error!("{}", printable(failure.problem.as_bytes()));
                (exit, some_unread) = (Exit::Partial, true);
            }
        }
    }
    if views.is_empty() {
        return Err(Failure::fatal("no file system has a history that can be read"));
    }
    refuse_missing(&missing.unwrap_or_default(), some_unread)?;
    let blocks = Blocks::of_locale(|name| std::env::var(name).ok());
    let tables =
        views.iter().filter(|(_, view)| !view.restricted || !view.history.homes.is_empty());
    let tables: Vec<String> =
        tables.map(|(of, view)| format!("== {of}\n{}", &*history::table(view, blocks))).collect();
    Output::Stdout.show(&Shown::lines(tables.join("\n"))).map_err(Failure::fatal)?;
    Ok(exit)
}

fn refuse_missing(missing: &[String], some_unread: bool) -> Result<(), Failure> {
    match missing.is_empty() {
        true => Ok(()),
        false => Err(no_home(missing, "in these runs", some_unread)),
    }
}

/// The history of a file system, and the users without a home in it.
fn view(
    args: &HistoryArgs,
    (store, from): (&dyn Store, &Destination),
    of: &FileSystemKey,
    budget: Option<u64>,
    now: Timestamp,
) -> Result<(HistoryView, Vec<String>), Failure> {
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let history = history::read(store, of, args.days, now).map_err(failed)?;
    if history.runs.is_empty() {
        let why = history::why_empty(&history, store, of, args.days).map_err(failed)?;
        return Err(Failure::fatal(why));
    }
    let mut view = HistoryView { history, ..empty(args, from, budget, now) };
    if args.users.is_empty() {
        return Ok((view, Vec::new()));
    }
    // The tables have one name of each owner; the newest run has the others.
    let latest = newest(store, of).unwrap_or_else(|error| {
        let text = printable(error.text.as_bytes());
        log::warn!("{text}; --user knows only the first name of each owner");
        view.summary_unreadable = true;
        None
    });
    let aliases = latest.map(|latest| aliases(&latest.homes)).unwrap_or_default();
    let missing = view.restrict(&args.users, &aliases).into_iter().map(str::to_owned).collect();
    Ok((view, missing))
}

/// The view of a history that was not read yet.
fn empty(
    args: &HistoryArgs,
    from: &Destination,
    budget: Option<u64>,
    now: Timestamp,
) -> HistoryView {
    HistoryView {
        from: from.to_string(),
        days: args.days,
        history: history::History::default(),
        budget: budget.map(AllocatedBytes),
        restricted: false,
        summary_unreadable: false,
        now,
    }
}

fn print(view: &HistoryView, format: HistoryFormat) -> Result<(), String> {
    let names = match Output::Stdout.is_terminal() {
        true => DuNames::Printable,
        false => DuNames::Raw,
    };
    let text = match format {
        // Streamed, because the text is many times the size of the history in memory.
        HistoryFormat::Csv => return Output::Stdout.stream(|out| history::csv(view, names, out)),
        HistoryFormat::Table => {
            history::table(view, Blocks::of_locale(|name| std::env::var(name).ok()))
        }
        HistoryFormat::Json => history::json(view)?,
    };
    Output::Stdout.show(&text)
}
