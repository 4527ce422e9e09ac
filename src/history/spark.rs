//! Sparklines: a series as a line of block characters.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::series::RunPoint;
use crate::units::AllocatedBytes;

/// Maximum number of columns.
const WIDTH: usize = 30;

/// A series whose range is at most its maximum divided by this is drawn flat.
const FLAT: u64 = 100;

/// The characters, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks([char; 8]);

impl Blocks {
    pub(super) const UNICODE: Self = Self(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']);
    pub(super) const ASCII: Self = Self(['_', '.', '-', '~', '=', '+', '*', '#']);

    /// Chosen by the first locale variable that is set (POSIX, "Environment Variables"). Cron and
    /// systemd set none.
    pub(crate) fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
        let locale = set.find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
        match locale.contains("utf-8") || locale.contains("utf8") {
            true => Self::UNICODE,
            false => Self::ASCII,
        }
    }
}

/// The time axis from the first run to the last. All lines share it, so they can be compared.
#[derive(Debug)]
pub(super) struct Axis {
    /// The column of each run.
    columns: Vec<usize>,
    width: usize,
    blocks: Blocks,
}

impl Axis {
    pub(super) fn new(runs: &[RunPoint], blocks: Blocks) -> Self {
        let day = |at: Timestamp| -> Date { TimeZone::UTC.to_datetime(at).date() };
        let first = runs.first().map(|run| day(run.started));
        let after = |at: Timestamp| {
            let days = first.and_then(|first| day(at).since(first).ok());
            days.and_then(|span| usize::try_from(span.get_days()).ok()).unwrap_or(0)
        };
        let days: Vec<usize> = runs.iter().map(|run| after(run.started)).collect();
        let all = days.last().map_or(1, |last| last + 1);
        let width = all.min(WIDTH);
        let columns = days.into_iter().map(|day| day.min(all - 1) * width / all).collect();
        Self { columns, width, blocks }
    }

    /// Draws one size for each run. The last size of a column counts; a column without a size is a
    /// gap.
    pub(super) fn draw(&self, sizes: impl Iterator<Item = Option<AllocatedBytes>>) -> String {
        let mut drawn = vec![None; self.width];
        for (column, size) in self.columns.iter().zip(sizes) {
            if let Some(AllocatedBytes(size)) = size {
                drawn[*column] = Some(size);
            }
        }
        let known = || drawn.iter().flatten().copied();
        let (Some(least), Some(most)) = (known().min(), known().max()) else {
            return String::new();
        };
        let range = most - least;
        let flat = range <= most / FLAT;
        let block = |size: u64| match flat {
            true => self.blocks.0[0],
            false => {
                let steps = self.blocks.0.len() as u128 - 1;
                let twice = 2 * steps * u128::from(size - least) + u128::from(range);
                self.blocks.0[(twice / (2 * u128::from(range))) as usize]
            }
        };
        drawn.iter().map(|size| size.map_or(' ', block)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Coverage;
    use proptest::prelude::*;

    fn axis(days: &[i64], blocks: Blocks) -> Axis {
        let run = |day: &i64| RunPoint {
            id: String::new(),
            started: Timestamp::from_second(day * 86_400 + 7200).expect("a time"),
            coverage: Coverage::Complete,
            total: None,
        };
        Axis::new(&days.iter().map(run).collect::<Vec<_>>(), blocks)
    }

    fn draw(axis: &Axis, sizes: &[u64]) -> String {
        axis.draw(sizes.iter().map(|size| Some(AllocatedBytes(*size))))
    }

    #[test]
    fn a_line_rises_and_missing_days_are_gaps() {
        let week = axis(&[0, 1, 2, 3, 4, 5, 6, 7], Blocks::UNICODE);
        assert_eq!(draw(&week, &[10, 11, 12, 13, 14, 15, 16, 17]), "▁▂▃▄▅▆▇█");
        let gaps = axis(&[0, 1, 4, 4, 6], Blocks::ASCII);
        assert_eq!(draw(&gaps, &[0, 700, 1, 200, 700]), "_#  - #");
        assert_eq!(draw(&gaps, &[1000, 1001, 1002, 1003, 1009]), "__  _ _");
    }

    #[test]
    fn a_long_time_fits_and_nothing_is_no_line() {
        let year: Vec<i64> = (0..365).collect();
        let long = axis(&year, Blocks::UNICODE);
        let line = draw(&long, &year.iter().map(|day| *day as u64).collect::<Vec<_>>());
        assert_eq!(line.chars().count(), 30);
        assert!(line.starts_with('▁') && line.ends_with('█'), "{line}");
        assert_eq!(long.draw(std::iter::repeat_n(None, 365)), "");
        assert_eq!(draw(&axis(&[], Blocks::ASCII), &[]), "");
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let locale = |set: &[(&str, &str)]| {
            Blocks::of_locale(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(locale(&[]), Blocks::ASCII);
        assert_eq!(locale(&[("LANG", "en_US.UTF-8")]), Blocks::UNICODE);
        assert_eq!(locale(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]), Blocks::UNICODE);
        assert_eq!(locale(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Blocks::ASCII);
    }

    proptest! {
        #[test]
        fn any_sizes_can_be_drawn(sizes in proptest::collection::vec(any::<u64>(), 1..400)) {
            let days: Vec<i64> = (0..sizes.len() as i64).collect();
            let axis = axis(&days, Blocks::ASCII);
            prop_assert_eq!(draw(&axis, &sizes).len(), sizes.len().min(WIDTH));
        }
    }
}
