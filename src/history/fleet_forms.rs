//! The history of several file systems as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::{Result as Written, Write};

use serde::Serialize;

use super::fleet::{FleetHistory, More};
use super::months::Month;
use super::series::HomeSeries;
use super::spark::{Axis, Blocks};
use super::sums::SumBy;
use super::table::{cells, growth_remark, size_of};
use super::view::Outlook;
use crate::columns::{columns, push_table, show_column, usd};
use crate::published::{is_false, without};
use crate::report::{self, Coverage, FileSystemKey};
use crate::text::{Shown, plural, printable};
use crate::units::{AllocatedBytes, human_seconds};

/// Name and version of the schema. Keys are only added within a version.
const SCHEMA: &str = "efs-scan/fleet-history/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    from: &'a str,
    days: u32,
    /// File systems without a run that could be read.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unreadable: &'a [FileSystemKey],
    file_systems: Vec<Member<'a>>,
    /// The days with a run, oldest first.
    dates: Vec<&'a str>,
    total: Total,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_file_system: Option<Vec<Line<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<Line<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Line<'a>>>,
    months: &'a [Month],
}

#[derive(Serialize)]
struct Member<'a> {
    key: &'a FileSystemKey,
    age_seconds: Option<i64>,
    stale: bool,
    /// True if the summary of the newest run could not be read: sources of names and quotas are not known.
    #[serde(skip_serializing_if = "is_false")]
    summary_unreadable: bool,
    /// Coverage of the newest run.
    coverage: Option<Coverage>,
    runs: usize,
    not_comparable: &'a [String],
    unreadable: &'a [String],
}

#[derive(Serialize)]
struct Total {
    #[serde(flatten)]
    outlook: Option<Outlook>,
    /// One for each of `dates`; `null` if not every file system was read completely on that day.
    allocated_bytes: Vec<Option<AllocatedBytes>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: String,
    outside: bool,
    homes: u64,
    file_systems: &'a BTreeMap<FileSystemKey, Option<AllocatedBytes>>,
    #[serde(flatten)]
    outlook: Outlook,
    /// One for each of `dates`; `null` if it is not known for every file system.
    allocated_bytes: &'a [Option<AllocatedBytes>],
}

impl FleetHistory {
    /// Everything as JSON.
    pub(crate) fn json(&self) -> Result<Shown, String> {
        let (view, history) = (&self.view, &self.view.history);
        let of = |by: SumBy| {
            let lines = self.lines().map(|(home, more)| Line {
                name: String::from_utf8_lossy(&home.name).into_owned(),
                outside: home.outside,
                homes: more.homes,
                file_systems: &more.file_systems,
                outlook: view.of_home(home),
                allocated_bytes: &home.points,
            });
            (self.by == by).then(|| lines.collect())
        };
        let members = self.members.iter().map(|member| Member {
            key: &member.key,
            age_seconds: member.newest().map(|newest| view.now.duration_since(newest).as_secs()),
            stale: member.stale(view.now),
            summary_unreadable: member.summary_unreadable,
            coverage: member.history.runs.last().map(|run| run.coverage),
            runs: member.history.runs.len(),
            not_comparable: &member.history.not_comparable,
            unreadable: &member.history.unreadable,
        });
        report::json(&Document {
            schema: SCHEMA,
            from: &view.from,
            days: view.days,
            unreadable: &self.unreadable,
            file_systems: members.collect(),
            dates: history.runs.iter().map(|day| day.id.as_str()).collect(),
            total: Total {
                outlook: view.of_total(),
                allocated_bytes: history.runs.iter().map(|day| day.total).collect(),
            },
            by_file_system: of(SumBy::FileSystem),
            people: of(SumBy::Person),
            groups: of(SumBy::Group),
            months: &self.months,
        })
    }

    fn lines(&self) -> impl Iterator<Item = (&HomeSeries, &More)> {
        self.view.history.homes.iter().zip(&self.more)
    }

    /// The growth of each line, as a table.
    pub(crate) fn table(&self, blocks: Blocks) -> Shown {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_table(&mut out, blocks);
        Shown::lines(out)
    }

    /// What was held in each month, as a table.
    pub(crate) fn monthly(&self) -> Shown {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_months(&mut out);
        Shown::lines(out)
    }

    fn name(&self) -> &'static str {
        match self.by {
            SumBy::FileSystem => "FILE SYSTEM",
            SumBy::Person => "NAME",
            SumBy::Group => "GROUP",
        }
    }

    /// What a reader must know before any figure.
    fn heading(&self, out: &mut String) -> Written {
        let now = self.view.now;
        out.push_str(&without(&self.unreadable));
        for member in &self.members {
            let (key, history) = (&member.key, &member.history);
            let Some(last) = history.runs.last() else { continue };
            let age = human_seconds(now.duration_since(last.started).as_secs().max(0));
            if member.stale(now) {
                writeln!(out, "!!! STALE: the newest run of {key} is {age} old !!!")?;
            }
            if member.summary_unreadable {
                writeln!(out, "!!! The summary of the newest run of {key} cannot be read !!!")?;
            }
            if last.coverage != Coverage::Complete {
                let coverage = last.coverage.name().to_uppercase();
                writeln!(out, "!!! The newest run of {key} is {coverage} !!!")?;
            }
        }
        let blank = if out.is_empty() { "" } else { "\n" };
        let (from, count) = (printable(self.view.from.as_bytes()), self.members.len());
        let systems = plural(count as u64, "file system", "file systems");
        write!(out, "{blank}{from}  {count} {systems}")?;
        let days = &self.view.history.runs;
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            write!(out, ", {} {}", days.len(), plural(days.len() as u64, "day", "days"))?;
            write!(out, " from {} to {}", first.id, last.id)?;
        }
        writeln!(out, "\n")
    }

    fn write_table(&self, out: &mut String, blocks: Blocks) -> Written {
        self.heading(out)?;
        let (view, history) = (&self.view, &self.view.history);
        let quotas = history.homes.iter().any(|line| line.quota.is_some());
        let limit = if quotas { "QUOTA" } else { "BUDGET" };
        let head = [
            self.name(),
            "HOMES",
            "SIZE",
            "TREND",
            "7 D, PER DAY",
            "30 D, PER DAY",
            limit,
            "FORECAST",
            "FILE SYSTEMS",
            "",
        ];
        let mut table = columns(&head, &[1, 2, 4, 5, 6]);
        show_column(&mut table, 6, quotas || view.budget.is_some());
        show_column(&mut table, 7, quotas || view.budget.is_some());
        show_column(&mut table, 8, self.by != SumBy::FileSystem);
        let axis = Axis::new(&history.runs, blocks);
        let row = |name: String, homes: u64, places: String, values: Vec<String>| {
            let [size, trend, week, month, limit, forecast, marks] = values.try_into().ok()?;
            let homes = homes.to_string();
            Some([name, homes, size, trend, week, month, limit, forecast, places, marks])
        };
        if let Some(outlook) = view.of_total() {
            let homes = self.more.iter().map(|more| more.homes).sum();
            let known = history.runs.iter().rev().find_map(|day| Some((day.started, day.total?)));
            let newest = history.runs.last().is_some_and(|day| day.total.is_some());
            let mark = known.filter(|_| !newest).map(|(at, _)| size_of(at)).unwrap_or_default();
            let trend = axis.draw(history.runs.iter().map(|day| day.total));
            let values = cells(known.map(|(_, size)| size), trend, outlook, mark);
            table.add_row(
                row("total".to_owned(), homes, String::new(), values).into_iter().flatten(),
            );
        }
        for (home, more) in self.lines().filter(|(home, _)| !home.gone) {
            let last = home.last(&history.runs);
            let trend = axis.draw(home.points.iter().copied());
            let newest = home.points.last().is_some_and(Option::is_some);
            let mut marks = Vec::new();
            if home.newest != Some(Coverage::Complete) {
                marks.push("PARTIAL".to_owned());
            }
            marks.extend(last.filter(|_| !newest).map(|(at, _)| size_of(at)));
            let size = last.map(|(_, size)| size);
            let values = cells(size, trend, view.of_home(home), marks.join(", "));
            let places = more.file_systems.iter().map(|(key, size)| {
                let size = size.map_or_else(|| "?".to_owned(), AllocatedBytes::human);
                format!("{key} {size}")
            });
            let places: Vec<String> = places.collect();
            let name = printable(&home.name);
            table.add_row(row(name, more.homes, places.join(", "), values).into_iter().flatten());
        }
        push_table(out, &table)?;
        writeln!(out, "\n{}", growth_remark())?;
        writeln!(
            out,
            "A day counts where each file system of a line has a complete run on it, by the last one."
        )?;
        if self.by != SumBy::FileSystem {
            writeln!(
                out,
                "FILE SYSTEMS has the newest sizes, which may be those of a later day than SIZE."
            )?;
        }
        self.remarks(out)
    }

    fn write_months(&self, out: &mut String) -> Written {
        self.heading(out)?;
        let head = ["MONTH", "DAYS", self.name(), "HOMES", "SIZE", "METERED", "USD/MONTH"];
        let mut table = columns(&head, &[1, 3, 4, 5, 6]);
        let lines = || {
            self.months.iter().flat_map(|month| month.held.iter().map(move |held| (month, held)))
        };
        show_column(&mut table, 6, lines().any(|(_, held)| held.cost_month.is_some()));
        for (month, held) in lines() {
            table.add_row([
                month.month.clone(),
                month.days.to_string(),
                printable(held.name.as_bytes()),
                format!("{:.1}", held.homes),
                held.allocated_bytes.human(),
                held.metered_bytes.human(),
                usd(held.cost_month),
            ]);
        }
        push_table(out, &table)?;
        writeln!(
            out,
            "\nA month is the mean of its days with a run, and a day the mean of its runs. Costs are \
             estimates. DAYS is\nthat of the file system with the fewest."
        )?;
        self.remarks(out)
    }

    fn remarks(&self, out: &mut String) -> Written {
        let history = &self.view.history;
        let notes = [
            ("Runs", history.not_comparable.len(), "of another root, or left out other things"),
            ("Runs", history.unreadable.len(), "broken and left out"),
            ("Days", history.unlisted, "whose runs could not be listed"),
        ];
        let mut notes = notes.into_iter().filter(|(_, count, _)| *count > 0);
        notes.try_for_each(|(of, count, what)| writeln!(out, "{of}: {count} {what}."))
    }
}
