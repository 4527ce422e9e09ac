//! `efs-scan changes`: what grew between two runs, and where.

mod runs;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::PathBuf;

use jiff::Timestamp;

use super::facts::{HomeOf, facts, homes_of};
use super::file_systems::only;
use super::selected::no_home;
use crate::aws::Aws;
use crate::changes::{
    ChangesView, Compared, FactsOfHomes, MergeError, Options, ReadAhead, Scope, Side, explain,
    table,
};
use crate::cli::{ChangesArgs, ChangesFormat};
use crate::config::Loaded;
use crate::dirs::{About, DirsReader, ReadProblem};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::Output;
use crate::published::{DirsTable, Latest, SelectedBy, comparable, dirs_tables, newest, selected};
use crate::report::{self, FileSystemKey, Money};
use crate::service_error::ServiceError;
use crate::store::{Store, fetched};
use crate::text::printable;
use crate::units::{MeteredBytes, parse_size};
use runs::When;

/// The largest table that is read: one of 10 million directories has 400 MB.
const MOST: u64 = 4 << 30;

pub(super) fn run(args: &ChangesArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let min = args.min.as_deref().map(parse_size).transpose();
    let min = min.map_err(|problem| Failure::usage(format!("--min: {problem}")))?;
    let mut options = Options {
        scope: Scope::default(),
        limit: args.limit as usize,
        min: MeteredBytes(min.unwrap_or(0)),
    };
    let (view, gaps) = match &args.files[..] {
        [old, new] => (of_files(args, [old, new], &mut options)?, false),
        _ => published(args, loaded, &mut options)?,
    };
    if view.is_empty() && options.scope.path.is_some() {
        let least = view.least().human();
        let problem = format!(
            "--path: it has no row in either table, so it is not there or smaller \
                               than {least}"
        );
        return Err(Failure::usage(problem));
    }
    let text = match args.format {
        ChangesFormat::Table => table(&view),
        ChangesFormat::Json => report::json(&view).map_err(Failure::fatal)?,
    };
    Output::Stdout.show(&text).map_err(Failure::fatal)?;
    Ok(if view.is_partial() || gaps { Exit::Partial } else { Exit::Complete })
}

/// Compares two files.
fn of_files(
    args: &ChangesArgs,
    files: [&PathBuf; 2],
    options: &mut Options,
) -> Result<ChangesView, Failure> {
    let names = files.map(|path| path.display().to_string());
    let open = |at: usize| {
        let failed = |error| Failure::fatal(format!("{}: {error}", names[at]));
        File::open(files[at]).map_err(failed)
    };
    let reader = |at: usize| opened(open(at)?, &names[at]);
    let readers = [reader(0)?, reader(1)?];
    // The names of owners are in no such file, so a user is a uid or a home.
    if !args.users.is_empty() {
        let mut homes = HashMap::new();
        homes_in(reader(0)?, &mut homes, &names[0])?;
        homes_in(reader(1)?, &mut homes, &names[1])?;
        let by: Vec<SelectedBy<'_>> = homes.iter().map(|(path, uid)| by_uid(path, *uid)).collect();
        options.scope.homes = Some(asked(&by, &args.users, false)?);
    }
    let started = |about: &About| about.run.as_deref().and_then(crate::published::started_of);
    let runs = [0, 1].map(|at| Compared::new(readers[at].about(), started(readers[at].about())));
    let about = readers[1].about().clone();
    options.scope.path = path_below(args.path.as_deref(), &about.root);
    let facts = Default::default();
    let of = (None, about.file_system);
    explained(readers, options, of, runs, (&facts, None), &names)
}

/// Compares two published runs. Returns true as well if prices or names of owners could not be read.
fn published(
    args: &ChangesArgs,
    loaded: Loaded,
    options: &mut Options,
) -> Result<(ChangesView, bool), Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let parse = |flag: &str, text: &str| {
        When::parse(text).map_err(|problem| Failure::usage(format!("--{flag}: {problem}")))
    };
    let since = parse("since", &args.since)?;
    let until = args.until.as_deref().map(|text| parse("until", text)).transpose()?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let store = from.open(&aws).map_err(failed)?;
    let of = only(&*store, args.file_system.as_slice())?;
    let tables = tables(&*store, &of)?;
    let (old, new) =
        runs::choose(&tables, &since, until.as_ref(), Timestamp::now()).map_err(Failure::usage)?;
    let tables = [&tables[old], &tables[new]];
    warn_if_other(&*store, &of, tables);
    let mut gaps = false;
    let latest = newest(&*store, &of).unwrap_or_else(|error| {
        log::warn!("no prices: {}", error.text);
        gaps = true;
        None
    });
    let homes = tables.map(|table| {
        let (homes, is_gap) = homes_of(&*store, &of, table);
        gaps |= is_gap;
        homes
    });
    if !args.users.is_empty() {
        options.scope.homes = Some(asked_of(&homes, latest.as_ref(), &args.users, gaps)?);
    }
    let [old, new] = tables.map(|table| fetch(&*store, table));
    let (old, new) = (old?, new?);
    let names = tables.map(|table| store.name(&table.key));
    options.scope.path = path_below(args.path.as_deref(), &new.about().root);
    let facts = homes.map(facts);
    let runs = [
        Compared::new(old.about(), Some(tables[0].started)),
        Compared::new(new.about(), Some(tables[1].started)),
    ];
    let money: Option<Money> = latest.and_then(|latest| latest.money);
    let of = (Some(from.to_string()), of.to_string());
    explained([old, new], options, of, runs, (&facts, money), &names).map(|view| (view, gaps))
}

/// Explains what changed from one table to the other.
fn explained(
    [old, new]: [DirsReader; 2],
    options: &Options,
    of: (Option<String>, String),
    runs: [Compared; 2],
    (facts, money): (&[FactsOfHomes; 2], Option<Money>),
    names: &[String; 2],
) -> Result<ChangesView, Failure> {
    let name = |side: Side| printable(names[side as usize].as_bytes());
    let [old, new] = [ReadAhead::start(old), ReadAhead::start(new)].map(|started| {
        started.map_err(|error| Failure::fatal(format!("start a thread to read a table: {error}")))
    });
    let explained = explain(old?, new?, options).map_err(|error| match error {
        MergeError::Read(side, problem) => damaged(&names[side as usize], &problem),
        MergeError::Order(side) => {
            Failure::new(Exit::Damaged, format!("{}: its rows are out of order", name(side)))
        }
    })?;
    Ok(ChangesView::new(explained, options, of, runs, facts, money))
}

/// The tables of directories of a file system, oldest first.
fn tables(store: &(dyn Store + Sync), of: &FileSystemKey) -> Result<Vec<DirsTable>, Failure> {
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let (mut tables, unlisted) = dirs_tables(store, of).map_err(failed)?;
    unlisted.iter().for_each(|error| log::warn!("left out: {}", error.text));
    let now = Timestamp::now();
    // A wrong clock made it.
    tables.retain(|table| {
        let future = crate::published::is_future(table.started, now);
        if future {
            log::warn!("left out: {} is from the future", store.name(&table.key));
        }
        !future
    });
    if tables.is_empty() {
        return Err(Failure::fatal(format!(
            "no run of {of} has a table of directories, which says where homes grew: scans of this \
             version publish it, unless `dirs = false` under [publish]"
        )));
    }
    Ok(tables)
}

fn fetch(store: &dyn Store, table: &DirsTable) -> Result<DirsReader, Failure> {
    let file = fetched(store, &table.key, MOST).map_err(|error| Failure::fatal(error.text))?;
    let name = store.name(&table.key);
    match file {
        Some(file) => opened(file, &name),
        None => Err(Failure::fatal(format!("{name} is gone"))),
    }
}

fn opened(file: File, name: &str) -> Result<DirsReader, Failure> {
    DirsReader::open(file).map_err(|problem| damaged(name, &problem))
}

fn damaged(name: &str, problem: &ReadProblem) -> Failure {
    let exit = match problem {
        ReadProblem::Io(_) => Exit::Fatal,
        _ => Exit::Damaged,
    };
    Failure::new(exit, format!("{}: {problem}", printable(name.as_bytes())))
}

/// Warns if the two runs did not scan the same.
fn warn_if_other(store: &dyn Store, of: &FileSystemKey, tables: [&DirsTable; 2]) {
    let homes = tables.map(|table| table.homes(of).map(|[homes, _]| homes));
    let both = homes.into_iter().flatten().collect();
    if let Ok((_, others)) = comparable(store, both)
        && let Some(other) = others.first()
    {
        log::warn!(
            "the run {other} did not scan what {} did: what only one of them scanned seems new or gone",
            tables[1].run
        );
    }
}

/// The homes of either run that the users are asked for.
fn asked_of(
    homes: &[Vec<HomeOf>; 2],
    latest: Option<&Latest>,
    users: &[String],
    gaps: bool,
) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let aliases = latest.map(|latest| crate::published::aliases(&latest.homes)).unwrap_or_default();
    let mut by = Vec::new();
    for home in homes.iter().flatten() {
        let more = aliases.get(&home.key.1).into_iter().flatten();
        by.push(SelectedBy {
            path: home.key.1.as_slice().into(),
            uid: home.uid,
            names: home.owner.iter().chain(more).map(String::as_str).collect(),
            is_home: !home.key.0,
        });
    }
    asked(&by, users, gaps)
}

/// A home of which only the uid is known.
fn by_uid(path: &[u8], uid: u32) -> SelectedBy<'_> {
    SelectedBy { path: path.into(), uid: Some(uid), names: Vec::new(), is_home: true }
}

fn asked(
    homes: &[SelectedBy<'_>],
    users: &[String],
    gaps: bool,
) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let (keep, missing) = selected(homes, users);
    match missing.is_empty() {
        true => {
            let kept = homes.iter().zip(keep).filter(|(_, keep)| *keep);
            Ok(kept.map(|(home, _)| home.path.to_vec()).collect())
        }
        false => Err(no_home(&missing, "in these runs", gaps)),
    }
}

/// Adds the homes of a table and their uids.
fn homes_in(
    mut reader: DirsReader,
    to: &mut HashMap<Vec<u8>, u32>,
    name: &str,
) -> Result<(), Failure> {
    while let Some(row) = reader.next_row().map_err(|problem| damaged(name, &problem))? {
        if row.is_home() && row.kind != report::HomeKind::Outside {
            to.insert(row.home.clone(), row.uid);
        }
    }
    Ok(())
}

/// The directory of --path below the root of the scan.
fn path_below(path: Option<&std::path::Path>, root: &[u8]) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    let path = path?.as_os_str().as_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let below = match path.strip_prefix(root) {
        Some(below) if path.starts_with(b"/") && below.first().is_none_or(|byte| *byte == b'/') => {
            below
        }
        _ => path,
    };
    let names = below.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    Some(names.collect::<Vec<_>>().join(&b'/')).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_root_in_every_spelling() {
        let below = |path: &str| {
            let path = path_below(Some(path.as_ref()), b"/mnt/efs").unwrap_or_default();
            String::from_utf8(path).expect("it is text")
        };
        for path in ["/mnt/efs/a/b", "a/b", "a/b/", "./a//b", "/a/b", "/mnt/efs//a/b/"] {
            assert_eq!(below(path), "a/b", "{path}");
        }
        assert_eq!(below("/mnt/efs"), "");
        assert_eq!(below("/mnt/efs2/a"), "mnt/efs2/a");
        assert_eq!(path_below(None, b"/"), None);
    }
}
