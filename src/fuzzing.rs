//! Entry points of the fuzz targets in `tests/fuzz` for data that is read back from a destination
//! or the state directory: arbitrary bytes must not panic, and must not reach a terminal, a mail or
//! a page unescaped. [`crate::scan::fuzzing`] has those of the nfs engine's decoders.

mod memory;

use jiff::{SignedDuration, Timestamp};

use crate::changes;
use crate::dirs::{About, DirRow, DirsReader, DirsWriter, ReadProblem};
use crate::history::{self, Blocks, FleetHistory, HistoryView, MemberHistory, SumBy};
use crate::outbox::{self, CloudWatch, Job, MetricsOf};
use crate::pages::Pages;
use crate::published::{
    Keys, aliases, immutable, latest, latest_key, newest, newest_report, pointer,
};
use crate::remind;
use crate::report::{self, Detail, DuNames, FileSystemKey, HomeKind, Report, SamePeople};
use crate::status::{self, Bases, StatusView};
use crate::text::is_raw;
use crate::units::AllocatedBytes;
use memory::Memory;

/// 2026-11-24 12:00:00 UTC. A fixed time, so that an input has the same effect on every day.
const NOW: Timestamp = Timestamp::constant(1_795_521_600, 0);

/// Largest number of tables in an input.
const MAX_TABLES: usize = 8;

/// The file system that inputs belong to.
fn fuzzed() -> FileSystemKey {
    FileSystemKey::of_root(b"/mnt/efs")
}

/// Reads `data` as the summary of a file system, and formats it as the commands do. Returns the
/// number of homes.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn latest_json(data: &[u8]) -> usize {
    let store = Memory::default();
    let of = fuzzed();
    store.add(&latest_key(&of), data);
    // A publisher reads less of it than a reader.
    if let Ok(Some((pointer, _))) = pointer(&store, &of) {
        pointer.rank(NOW);
    }
    let Ok(Some(newest)) = newest(&store, &of) else { return 0 };
    let homes = newest.homes.len();
    aliases(&newest.homes);
    let bases = Bases::read(&store, &of, &newest);
    let mut view = StatusView::new("s3://b".to_owned(), newest, bases, Some(Vec::new()), NOW);
    harmless(&status::table(&view));
    report::json(&view).expect("a status is JSON");
    view.restrict(&["200005".to_owned()]);
    harmless(&status::table(&view));
    homes
}

/// Reads `data` as tables of homes of consecutive days, each ended by a NUL; after a byte 1 comes
/// the beginning of the run's report. Returns the number of homes.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn homes_table(data: &[u8]) -> usize {
    let (store, of) = (Memory::default(), fuzzed());
    for (day, part) in data.split(|byte| *byte == 0).take(MAX_TABLES).enumerate() {
        let started = NOW - SignedDuration::from_hours(24 * (MAX_TABLES - day) as i64);
        let (dt, id) = (started.strftime("%Y-%m-%d"), started.strftime("%Y%m%dT%H%M%S%.6fZ"));
        let mut parts = part.splitn(2, |byte| *byte == 1);
        store.add(&format!("homes/fs={of}/dt={dt}/{id}.csv"), parts.next().unwrap_or_default());
        store.add(&format!("runs/fs={of}/dt={dt}/{id}.json"), parts.next().unwrap_or_default());
    }
    histories(&store, &of)
}

/// Reads `data` as the Parquet table of homes of the day after a run with a CSV table. Returns the
/// number of homes.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn homes_parquet(data: &[u8]) -> usize {
    let (store, of) = (Memory::default(), fuzzed());
    store.add(&Keys::of_id(&of, "20261123T120000.000000Z").expect("an id").homes, data);
    let csv = b"home,kind,uid,owner,coverage,allocated_bytes\n200005,uid,200005,,complete,1\n";
    store.add(&format!("homes/fs={of}/dt=2026-11-22/20261122T120000.000000Z.csv"), csv);
    histories(&store, &of)
}

/// Reads the history in every form.
fn histories(store: &Memory, of: &FileSystemKey) -> usize {
    let Ok(history) = history::read(store, of, 30, NOW) else { return 0 };
    let homes = history.homes.len();
    let mut view = HistoryView {
        from: "s3://b".to_owned(),
        days: 30,
        history,
        budget: Some(AllocatedBytes(1 << 40)),
        restricted: false,
        summary_unreadable: false,
        now: NOW,
    };
    harmless(&history::table(&view, Blocks::of_locale(|_| Some("C.UTF-8".to_owned()))));
    history::json(&view).expect("a history is JSON");
    let mut csv = Vec::new();
    history::csv(&view, DuNames::Printable, &mut csv).expect("memory takes all");
    harmless(&String::from_utf8(csv).expect("printable text is UTF-8"));
    view.restrict(&["200005".to_owned()], &Default::default());
    harmless(&history::table(&view, Blocks::of_locale(|_| None)));
    for by in [SumBy::FileSystem, SumBy::Person, SumBy::Group] {
        let (history, sums) =
            history::read_sums(store, of, 30, NOW, Some(by)).expect("it was read");
        let (sources, group_quotas) = Default::default();
        let member = MemberHistory {
            key: of.clone(),
            history,
            sums,
            sources,
            group_quotas,
            summary_unreadable: false,
        };
        let view = HistoryView { history: Default::default(), from: String::new(), ..view };
        let fleet = FleetHistory::new((vec![member], Vec::new()), by, SamePeople::ByName, view);
        harmless(&fleet.table(Blocks::of_locale(|_| None)));
        harmless(&fleet.monthly());
        fleet.json().expect("a history is JSON");
    }
    homes
}

/// Reads `data` as a table of directories, and shows what changed since one with a single home. Returns
/// the number of rows.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn dirs_table(data: &[u8]) -> usize {
    let open = |data: Vec<u8>| DirsReader::open(bytes::Bytes::from(data));
    let mut writer = DirsWriter::new(Vec::new(), &About::default()).expect("memory takes all");
    let home = DirRow { kind: HomeKind::Named, home: b"alice".to_vec(), ..DirRow::default() };
    writer.push(&home).expect("memory takes all");
    let old = writer.finish().expect("memory takes all");
    let mut rows = 0;
    let mut count = || -> Result<(), ReadProblem> {
        let mut reader = open(data.to_vec())?;
        while reader.next_row()?.is_some() {
            rows += 1;
        }
        Ok(())
    };
    if let Err(problem) = count() {
        harmless(&problem.to_string());
    }
    let Ok(new) = open(data.to_vec()) else { return rows };
    let options = changes::Options {
        scope: changes::Scope::default(),
        limit: 20,
        min: crate::units::MeteredBytes(0),
    };
    let runs = [&About::default(), new.about()].map(|about| changes::Compared::new(about, None));
    let old = open(old).expect("it was just written");
    if let Ok(explained) = changes::explain(old, new, &options) {
        explained.grew_most(1);
        let (of, facts) = ((None, fuzzed().to_string()), Default::default());
        let view = changes::ChangesView::new(explained, &options, of, runs, &facts, None);
        harmless(changes::table(&view).as_str());
        report::json(&view).expect("changes are JSON");
    }
    rows
}

/// Reads `data` as a run in the spool, and makes everything that is sent or published of it.
/// Returns the number of homes.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn spool(data: &[u8]) -> usize {
    let Ok(job) = serde_json::from_slice::<Job>(data) else { return 0 };
    let report = &job.report;
    let store = Memory::default();
    for object in immutable(report) {
        let mut bytes = Vec::new();
        (object.write)(report, &mut bytes).expect("a report has its forms");
        assert!(bytes.starts_with(if object.key.ends_with(".json") { b"{" } else { b"PAR1" }));
    }
    let mut summary = Vec::new();
    latest(report, true, &mut summary).expect("a report has a summary");
    if outbox::publish(&store, report).is_ok()
        && newest_report(&store, &report.file_system_key()).is_ok()
    {
        latest_json(&summary);
    }
    for of in [MetricsOf::All(true), MetricsOf::default()] {
        let to = CloudWatch {
            namespace: "EfsScan".to_owned(),
            file_system: "fs-0123456789abcdef0".to_owned(),
            users: of.clone(),
            groups: of,
        };
        outbox::missing(report, &to);
        let all = outbox::metrics(report, &to);
        let sent: usize = outbox::batches(&all).into_iter().map(<[_]>::len).sum();
        assert_eq!(sent, all.len());
        assert!(all.iter().flat_map(|datum| &datum.dimensions).all(|(_, text)| text.is_ascii()));
    }
    harmless(&outbox::compose(report, &outbox::Over::default(), &Default::default()).text);
    harmless(&remind::fuzzing::letters(report, NOW));
    forms(report);
    report.homes.len()
}

/// Formats a report in every form and as every page.
fn forms(report: &Report) {
    for detail in [Detail::Lines(Some(3)), Detail::Pages] {
        let mut text = Vec::new();
        report::table(report, detail, &mut text).expect("memory takes all");
        harmless(&String::from_utf8(text).expect("the table is UTF-8"));
    }
    let du = report::du(report, DuNames::Printable);
    harmless(&String::from_utf8(du).expect("printable text is UTF-8").replace('\t', " "));
    report::prometheus(report, &mut Vec::new()).expect("memory takes all");
    let history = history::History::default();
    let pages = Pages::new(report, &history, NOW);
    harmless(&pages.overview());
    for uid in pages.uids().into_iter().chain(pages.uids_without_page()).take(8) {
        harmless(&pages.of_user(uid).expect("it has a home"));
    }
}

/// Reads `data` as the ledger of reminders, uses and writes it, and reads the result back. Returns
/// the number of reminders with an unknown end.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn ledger(data: &[u8]) -> usize {
    remind::fuzzing::ledger(data, NOW)
}

/// Checks that a terminal only shows the lines, and does not act on them.
fn harmless(text: &str) {
    let hostile = text.split('\n').find(|line| !is_raw(line));
    assert_eq!(hostile, None);
}

#[cfg(test)]
mod tests;
