//! Which two runs are compared.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::published::DirsTable;

/// A run, as --since and --until name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// So long before the run that the changes end with, or before now.
    Ago(SignedDuration),
    /// A day, in UTC.
    Day(Date),
    /// The id of a run.
    Run(String),
}

impl When {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "yesterday" {
            return Ok(Self::Ago(SignedDuration::from_hours(24)));
        }
        let unit = |unit: char| Some((text.strip_suffix(unit)?.parse::<u16>().ok()?, unit));
        if let Some((count, unit)) = ['h', 'd', 'w'].into_iter().find_map(unit) {
            let hours = match unit {
                'h' => 1,
                'd' => 24,
                _ => 7 * 24,
            };
            return Ok(Self::Ago(SignedDuration::from_hours(i64::from(count) * hours)));
        }
        match text.parse::<Date>() {
            // Such an id begins with a date.
            Ok(day) if !text.contains('T') => Ok(Self::Day(day)),
            _ if text.ends_with('Z') => Ok(Self::Run(text.to_owned())),
            _ => Err(format!(
                "`{text}` is no time: write 7d, 12h, 2w, yesterday, a day like 2026-11-24, or the id of \
                 a run"
            )),
        }
    }
}

/// The two runs, as indexes of `tables`, which are in order of time.
pub(super) fn choose(
    tables: &[DirsTable],
    since: &When,
    until: Option<&When>,
    now: Timestamp,
) -> Result<(usize, usize), String> {
    let none = |what: String| Err(format!("{what}; {}", there(tables)));
    let of_run = |id: &str| tables.iter().position(|table| table.run == id);
    // Beyond what a timestamp can hold, there are no runs.
    let begin = |day: &Date| {
        let far = if day.year() > 1970 { Timestamp::MAX } else { Timestamp::MIN };
        TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(far)
    };
    let end = match until {
        None => tables.len().checked_sub(1),
        Some(When::Run(id)) => of_run(id),
        Some(When::Ago(ago)) => nearest(tables, now - *ago),
        Some(When::Day(day)) => {
            let next = day.tomorrow().map_or(Timestamp::MAX, |day| begin(&day));
            tables.iter().rposition(|table| table.started < next)
        }
    };
    let Some(end) = end else {
        return none("--until: no run there with a table of directories".to_owned());
    };
    let before = &tables[..end];
    let start = match since {
        When::Run(id) => of_run(id),
        When::Ago(ago) => nearest(before, tables[end].started - *ago),
        When::Day(day) => {
            let first = begin(day);
            before.iter().position(|table| table.started >= first)
        }
    };
    match start {
        Some(start) if start < end => Ok((start, end)),
        Some(_) => none("--since is not before --until".to_owned()),
        None if before.is_empty() => none("there is no earlier run to compare with".to_owned()),
        None => none("--since: no such run there with a table of directories".to_owned()),
    }
}

/// The run that started nearest to a time.
fn nearest(tables: &[DirsTable], at: Timestamp) -> Option<usize> {
    let away = |at_index: &usize| tables[*at_index].started.duration_since(at).abs();
    (0..tables.len()).min_by_key(away)
}

/// Says which runs have a table.
pub(super) fn there(tables: &[DirsTable]) -> String {
    match tables {
        [] => "no run there has a table of directories".to_owned(),
        [one] => format!("only the run {} has a table of directories", one.run),
        [first, .., last] => format!(
            "{} runs there have a table of directories, from {} to {}",
            tables.len(),
            first.run,
            last.run
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(ids: &[&str]) -> Vec<DirsTable> {
        let table = |id: &&str| DirsTable {
            key: String::new(),
            run: format!("202611{id}:00Z"),
            started: format!("2026-11-{id}:00Z").parse().expect("a time"),
        };
        ids.iter().map(table).collect()
    }

    fn chosen(since: &str, until: Option<&str>) -> Result<(usize, usize), String> {
        let tables = tables(&["01T03:00", "07T03:00", "08T03:00", "08T15:00", "09T03:00"]);
        let when = |text: &str| When::parse(text).expect(text);
        let now = "2026-11-09T12:00:00Z".parse().expect("a time");
        choose(&tables, &when(since), until.map(when).as_ref(), now)
    }

    #[test]
    fn runs_are_named_by_age_day_or_id() {
        for (since, until, runs) in [
            ("yesterday", None, (2, 4)),
            ("12h", None, (3, 4)),
            ("7d", None, (0, 4)),
            ("1w", Some("2026-11-08"), (0, 3)),
            ("2026-11-08", None, (2, 4)),
            ("2026-11-02", None, (1, 4)),
            ("1d", Some("yesterday"), (1, 3)),
            ("20261107T03:00:00Z", Some("20261108T03:00:00Z"), (1, 2)),
        ] {
            assert_eq!(chosen(since, until), Ok(runs), "{since} {until:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let said = |since, until| chosen(since, until).expect_err(since);
        let there = "; 5 runs there have a table of directories, from 20261101T03:00:00Z to \
                     20261109T03:00:00Z";
        let begins = |text: String, start: &str| {
            assert_eq!(text, format!("{start}{there}"));
        };
        begins(said("20261109T03:00:00Z", Some("2026-11-08")), "--since is not before --until");
        begins(
            said("20260101T03:00:00Z", None),
            "--since: no such run there with a table of directories",
        );
        begins(said("9999-12-31", None), "--since: no such run there with a table of directories");
        begins(said("1d", Some("2026-10-01")), "--until: no run there with a table of directories");
        begins(said("1d", Some("2026-11-01")), "there is no earlier run to compare with");
        for wrong in ["", "d", "7", "-7d", "7y", "tomorrow", "2026-13-01"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(super::there(&[]), "no run there has a table of directories");
    }
}
