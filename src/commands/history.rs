//! `efs-scan history`: the size of each home over the published runs, its growth, and when that
//! reaches a limit.

use jiff::Timestamp;

use super::file_systems::only;
use crate::aws::Aws;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::history::{self, Blocks, HistoryView};
use crate::log;
use crate::output::Output;
use crate::published::{aliases, newest};
use crate::report::DuNames;
use crate::service_error::ServiceError;
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
    let of = only(&*store, &args.file_systems)?;
    let history = history::read(&*store, &of, args.days, now).map_err(failed)?;
    if history.runs.is_empty() {
        let why = history::why_empty(&history, &*store, &of, args.days).map_err(failed)?;
        return Err(Failure::fatal(why));
    }
    let mut view = HistoryView {
        from: from.to_string(),
        days: args.days,
        history,
        budget: budget.map(AllocatedBytes),
        restricted: false,
        now,
    };
    if !args.users.is_empty() {
        // The tables have one name of each owner; the newest run has the others.
        let latest = newest(&*store, &of).unwrap_or_else(|error| {
            log::warn!("{}; --user knows only the first name of each owner", error.text);
            None
        });
        let aliases = latest.map(|latest| aliases(&latest.homes)).unwrap_or_default();
        let missing = view.restrict(&args.users, &aliases);
        if !missing.is_empty() {
            let problem = format!("no home for {} in these runs", missing.join(", "));
            return Err(Failure::usage(problem));
        }
    }
    print(&view, args.format).map_err(Failure::fatal)?;
    Ok(match view.history.is_whole() {
        true => Exit::Complete,
        false => Exit::Partial,
    })
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
