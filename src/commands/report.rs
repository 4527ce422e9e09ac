//! `efs-scan report`: makes HTML pages of the newest published run, as files or at the destination.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file_systems::{chosen, only};
use super::fleet_page::{self, Links};
use super::pages;
use super::selected::homes_of;
use crate::aws::Aws;
use crate::cli::ReportArgs;
use crate::config::{Loaded, Readers};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::{Output, sweep, sweep_beside};
use crate::pages::Pages;
use crate::published::{PAGE_HEAD, file_system_of_page, file_systems};
use crate::report::FileSystemKey;
use crate::service_error::ServiceError;
use crate::store::Store;
use crate::text::printable;

pub(super) fn run(args: &ReportArgs, loaded: Loaded) -> Result<Exit, Failure> {
    let readers = loaded.readers().map_err(Failure::usage)?;
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    // The files are opened first, so that a wrong path fails at once.
    args.html.iter().filter(|path| *path != Path::new("-")).for_each(|path| sweep_beside(path));
    let html = args.html.as_deref().map(|path| Output::named("--html", path)).transpose()?;
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let store = from.open(&aws).map_err(failed)?;
    let chosen = chosen(&*store, &args.file_systems)?;
    let [of] = &chosen[..] else {
        return several(args, &*store, &chosen, html, &readers);
    };
    let (report, history) = pages::read(&*store, of, args.days).map_err(failed)?;
    let home_at = readers.home_at_of(&report.run);
    let asked = homes_of(&report, &args.only)?;
    let grew = pages::what_grew(&*store, &report);
    let is_whole = history.is_whole() && !grew.is_gap();
    let pages = Pages::new(&report, &history, Timestamp::now()).seen_at(home_at).only(asked);
    let pages = pages.grown(grew);
    if pages.are_some() && pages.uids().is_empty() {
        let users = args.only.join(", ");
        let problem = "pages of users do not show homes with two owners, or homes that others fill";
        return Err(Failure::usage(format!("--user {users}: {problem}")));
    }
    let mut problems = Problems::default();
    if let Some(output) = html {
        let page = pages.of_some().unwrap_or_else(|| pages.overview());
        problems.note(output.show(&page));
    }
    if let Some(directory) = &args.users {
        let are_several = file_systems(&*store).map_err(failed)?.len() > 1;
        write_users(&place_of_users(directory, of, are_several), &pages, &mut problems);
    }
    let put = !args.publish || pages::put(&*store, of, &pages);
    // Pages of some users change nothing of what the page about all file systems shows.
    let of_all = !args.publish || pages.are_some() || fleet_page::put(&*store, readers.same_people);
    problems.exit(put && of_all, is_whole)
}

/// Makes the page about several file systems, and publishes the pages of each. One that cannot be read
/// hinders no other.
fn several(
    args: &ReportArgs,
    store: &(dyn Store + Sync),
    chosen: &[FileSystemKey],
    html: Option<Output>,
    readers: &Readers,
) -> Result<Exit, Failure> {
    if args.users.is_some() || !args.only.is_empty() {
        // A page of a user is about homes of one file system.
        only(store, &args.file_systems)?;
    }
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let mut problems = Problems::default();
    let (mut put, mut is_whole) = (true, true);
    if let Some(output) = html {
        let fleet = fleet_page::read(store, chosen, readers.same_people, Links::None);
        let (fleet, gaps) = fleet.map_err(failed)?;
        if fleet.members.is_empty() {
            return Err(Failure::fatal("no file system could be read"));
        }
        let (page, gaps_of_growth) = fleet_page::page_of(store, &fleet);
        is_whole &= !gaps && !gaps_of_growth;
        problems.note(output.show(&page));
    }
    if args.publish {
        for of in chosen {
            match pages::read(store, of, args.days) {
                Ok((report, history)) => {
                    let grew = pages::what_grew(store, &report);
                    is_whole &= history.is_whole() && !grew.is_gap();
                    let pages = Pages::new(&report, &history, Timestamp::now());
                    let pages = pages.seen_at(readers.home_at_of(&report.run)).grown(grew);
                    put &= pages::put(store, of, &pages);
                }
                Err(error) => {
                    log::error!("{}", printable(error.text.as_bytes()));
                    put = false;
                }
            }
        }
        put &= fleet_page::put(store, readers.same_people);
    }
    problems.exit(put, is_whole)
}

/// Counts the pages that could not be written. Each failure is logged, and the other pages are
/// written.
#[derive(Default)]
struct Problems(usize);

impl Problems {
    fn note(&mut self, written: Result<(), impl Display>) {
        if let Err(problem) = written {
            log::error!("{problem}");
            self.0 += 1;
        }
    }

    /// Returns the exit code. `put` is true if all pages are published, and `is_whole` if they lack no
    /// earlier run.
    fn exit(self, put: bool, is_whole: bool) -> Result<Exit, Failure> {
        match (self.0, put) {
            (0, true) if is_whole => Ok(Exit::Complete),
            (0, true) => Ok(Exit::Partial),
            (0, false) => Err(Failure::fatal("not all pages are published")),
            (failed, _) => {
                Err(Failure::fatal(format!("files that could not be written: {failed}")))
            }
        }
    }
}

/// Returns the directory for the pages of a file system's users. It is `directory` if that has such pages
/// already, or if there are no others: a uid may have a home on several file systems.
fn place_of_users(directory: &Path, of: &FileSystemKey, are_several: bool) -> PathBuf {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_page = |path: &PathBuf| path.extension().is_some_and(|end| end == "html");
    let pages = entries.map(|entry| entry.path()).filter(is_page);
    let others = pages.filter_map(|path| {
        let mut head = Vec::new();
        let page = std::fs::File::open(path).ok()?;
        page.take(PAGE_HEAD as u64).read_to_end(&mut head).ok()?;
        file_system_of_page(&head)
    });
    let is_own = match others.into_iter().next() {
        Some(there) => there == *of,
        None => !are_several,
    };
    if is_own { directory.to_owned() } else { directory.join(of.to_string()) }
}

fn write_users(directory: &Path, pages: &Pages<'_>, problems: &mut Problems) {
    if let Err(error) = std::fs::create_dir_all(directory) {
        let directory = directory.display();
        return problems.note(Err(format!("--users: making the directory {directory}: {error}")));
    }
    sweep(directory);
    let path = |uid: u32| directory.join(format!("{uid}.html"));
    let without = pages.uids_without_page().into_iter().filter(|uid| path(*uid).exists());
    for uid in pages.uids().into_iter().chain(without) {
        let Some(page) = pages.of_user(uid) else { continue };
        match Output::named("--users", &path(uid)) {
            Ok(output) => problems.note(output.show(&page)),
            Err(failure) => problems.note(Err(failure)),
        }
    }
}
