//! What became of each home over the published runs: its sizes, how fast it grows, and when that
//! reaches a limit. See [`read()`].

mod forms;
mod growth;
mod read;
mod series;
mod spark;
mod table;
mod view;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::config::Readers;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::published::{newest, nothing_there};
use crate::report::DuNames;
use crate::service_error::{ServiceError, ServiceResult};
use crate::store::Store;
use crate::units::{AllocatedBytes, parse_size};
use spark::Blocks;
use view::View;

pub use growth::Forecast;
pub use read::read;
pub use series::{History, HomeSeries, RunPoint};

/// Shows the history of what is published.
pub(crate) fn run(args: &HistoryArgs, readers: &Readers) -> Result<Exit, Failure> {
    let budget = args.budget.as_deref().map(parse_size).transpose();
    let budget = budget.map_err(|problem| Failure::usage(format!("--budget: {problem}")))?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::default();
    let store = from.open(&aws).map_err(failed)?;
    let now = Timestamp::now();
    let history = read(&*store, args.days, now).map_err(failed)?;
    if history.runs.is_empty() {
        let why = why_empty(&history, &*store, args.days).map_err(failed)?;
        return Err(Failure::fatal(why));
    }
    let mut view = View {
        from: from.to_string(),
        days: args.days,
        history,
        budget: budget.map(AllocatedBytes),
        restricted: false,
        now,
    };
    if !args.users.is_empty() {
        let missing = view.restrict(&args.users);
        if !missing.is_empty() {
            let problem = format!("no home for {} in these runs", missing.join(", "));
            return Err(Failure::usage(problem));
        }
    }
    print(&view, args.format).map_err(Failure::fatal)?;
    Ok(Exit::Complete)
}

/// Why there is nothing to show.
fn why_empty(history: &History, store: &dyn Store, days: u32) -> ServiceResult<String> {
    let tables = store.name("homes/");
    let broken = history.unreadable.len();
    if broken > 0 {
        return Ok(format!(
            "no table of the last {days} days in {tables} could be read; broken: {broken}"
        ));
    }
    Ok(match newest(store)? {
        None => nothing_there(store),
        Some(_) => format!("no run of the last {days} days is in {tables}; --days N looks further"),
    })
}

fn print(view: &View, format: HistoryFormat) -> Result<(), String> {
    let names = match Output::Stdout.is_terminal() {
        true => DuNames::Printable,
        false => DuNames::Raw,
    };
    let text = match format {
        // Many times what it is made of.
        HistoryFormat::Csv => return Output::Stdout.stream(|out| forms::csv(view, names, out)),
        HistoryFormat::Table => {
            table::table(view, Blocks::of_locale(|name| std::env::var(name).ok()))
        }
        HistoryFormat::Json => forms::json(view)?,
    };
    Output::Stdout.write(text.as_bytes())
}
