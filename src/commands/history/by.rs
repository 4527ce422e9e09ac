//! `efs-scan history --by`: the history of all file systems together.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::empty;
use crate::cli::{By, HistoryArgs, HistoryFormat};
use crate::exit::{Exit, Failure};
use crate::history::{self, Blocks, FleetHistory, MemberHistory, SumBy};
use crate::log;
use crate::output::Output;
use crate::published::{self, GroupQuotas, HomeLine, newest};
use crate::report::{FileSystemKey, SamePeople};
use crate::service_error::ServiceResult;
use crate::store::{Destination, Store};
use crate::text::printable;

/// Prints the sums. A file system that cannot be read hinders no other.
pub(super) fn run(
    args: &HistoryArgs,
    lines: By,
    same: SamePeople,
    (store, from): (&dyn Store, &Destination),
    chosen: &[FileSystemKey],
    budget: Option<u64>,
    now: Timestamp,
) -> Result<Exit, Failure> {
    let by = match lines {
        By::FileSystem => SumBy::FileSystem,
        By::Person => SumBy::Person,
        By::Group => SumBy::Group,
    };
    if args.format == HistoryFormat::Csv {
        let problem = "--format csv has a line for each home: leave out --by, or take json";
        return Err(Failure::usage(problem));
    }
    let (mut members, mut unreadable) = (Vec::new(), Vec::new());
    for of in chosen {
        match member(args, store, of, (by, same), now) {
            Ok(member) if !member.history.runs.is_empty() => members.push(member),
            Ok(member) => {
                let why = history::why_empty(&member.history, store, of, args.days);
                let why = why.unwrap_or_else(|error| error.text);
                log::error!("{}", printable(why.as_bytes()));
                unreadable.push(of.clone());
            }
            Err(error) => {
                log::error!("{}", printable(error.text.as_bytes()));
                unreadable.push(of.clone());
            }
        }
    }
    if members.is_empty() {
        return Err(Failure::fatal("no file system has a history that can be read"));
    }
    let fleet = FleetHistory::new((members, unreadable), by, same, empty(args, from, budget, now));
    let text = match args.format {
        HistoryFormat::Json => fleet.json().map_err(Failure::fatal)?,
        _ if args.monthly => fleet.monthly(),
        _ => fleet.table(Blocks::of_locale(|name| std::env::var(name).ok())),
    };
    Output::Stdout.show(&text).map_err(Failure::fatal)?;
    Ok(if fleet.is_whole() { Exit::Complete } else { Exit::Partial })
}

fn member(
    args: &HistoryArgs,
    store: &dyn Store,
    of: &FileSystemKey,
    (by, same): (SumBy, SamePeople),
    now: Timestamp,
) -> ServiceResult<MemberHistory> {
    let (history, sums) = history::read_sums(store, of, args.days, now, Some(by))?;
    // The tables have neither sources of names nor quotas of groups; the summary of the newest run has both.
    let (summary, summary_unreadable) = match newest(store, of) {
        Ok(summary) => (summary, false),
        Err(error) => {
            let without = match (by, same) {
                (SumBy::Person, SamePeople::ByDomain) => {
                    "its people are not found on other file systems"
                }
                (SumBy::Group, _) => "the quotas of its groups are not known",
                _ => "the figures are those of its tables",
            };
            log::warn!("{}; {without}", printable(error.text.as_bytes()));
            (None, true)
        }
    };
    let (mut sources, mut group_quotas) = (BTreeMap::new(), GroupQuotas::new());
    match (by, same, summary) {
        (SumBy::Person, SamePeople::ByDomain, Some(summary)) => sources = sources_of(summary.homes),
        (SumBy::Group, _, Some(summary)) => {
            group_quotas = published::group_quotas(&summary.groups);
        }
        _ => {}
    }
    Ok(MemberHistory { key: of.clone(), history, sums, sources, group_quotas, summary_unreadable })
}

/// The sources of the names of owners.
fn sources_of(homes: Vec<HomeLine>) -> BTreeMap<(String, Option<u32>), String> {
    let source = |home: HomeLine| Some(((home.owner.name?, home.uid), home.owner.source?));
    homes.into_iter().filter_map(source).collect()
}
