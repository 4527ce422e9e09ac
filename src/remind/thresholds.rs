//! Time that an app may run before its owner is reminded, by instance type.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;

/// Default thresholds.
const DEFAULT: [(&str, SignedDuration); 2] =
    [("ml.t3.*", SignedDuration::from_hours(5 * 24)), ("*", SignedDuration::from_hours(24))];

/// The longest threshold: ten years.
const MAX_HOURS: i64 = 24 * 3660;

/// Patterns of instance types, each with a threshold; `None` means never. The most specific comes
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(Vec<(String, Option<SignedDuration>)>);

impl Default for Thresholds {
    fn default() -> Self {
        Self(DEFAULT.map(|(pattern, most)| (pattern.to_owned(), Some(most))).into())
    }
}

impl Thresholds {
    /// Checks a table of the configuration. An empty one gives the defaults.
    ///
    /// # Errors
    /// Names the wrong pattern or time.
    pub fn new(table: &BTreeMap<String, String>) -> Result<Self, String> {
        if table.is_empty() {
            return Ok(Self::default());
        }
        let entry = |(pattern, most): (&String, &String)| {
            check_pattern(pattern)?;
            let most = parse(most).map_err(|problem| format!("`{pattern}`: {problem}"))?;
            Ok::<_, String>((pattern.clone(), most))
        };
        let mut all: Vec<_> = table.iter().map(entry).collect::<Result<_, _>>()?;
        // Of several matching patterns, the one with most literal characters counts.
        all.sort_by_key(|(pattern, _)| {
            Reverse((!pattern.contains('*'), pattern.chars().filter(|c| *c != '*').count()))
        });
        Ok(Self(all))
    }

    /// Returns the threshold of an instance type; `None` if nobody is reminded of it.
    pub(super) fn of(&self, instance: &str) -> Option<SignedDuration> {
        self.0.iter().find(|(pattern, _)| matches(pattern, instance))?.1
    }
}

/// Checks the name of an instance type.
///
/// # Errors
/// If SageMaker has no type with such a name.
pub(super) fn check_instance_type(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    match text.starts_with("ml.") && (4..=64).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("`{text}` is no instance type like ml.t3.medium")),
    }
}

fn check_pattern(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-*".contains(c);
    let before = text.split('*').next().unwrap_or_default();
    // Every instance type begins with `ml.`.
    let may_match = before.starts_with("ml.") || (text.contains('*') && "ml.".starts_with(before));
    let sound = (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.contains("**");
    match sound && may_match {
        true => Ok(()),
        false => Err(format!("`{text}` is no pattern of instance types like ml.t3.* or *")),
    }
}

/// Parses `5d`, `12h`, `2w` or `never`.
fn parse(text: &str) -> Result<Option<SignedDuration>, String> {
    if text == "never" {
        return Ok(None);
    }
    let problem = || {
        format!("`{text}` is no time like 5d, 12h or 2w, of at least an hour and at most ten years")
    };
    let unit = text.chars().last().filter(char::is_ascii).ok_or_else(problem)?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 7 * 24,
        _ => return Err(problem()),
    };
    let number = &text[..text.len() - 1];
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<i64>().ok().filter(|_| digits);
    let hours = number.and_then(|number| number.checked_mul(hours));
    let hours = hours.filter(|hours| (1..=MAX_HOURS).contains(hours)).ok_or_else(problem)?;
    Ok(Some(SignedDuration::from_hours(hours)))
}

/// True if the text matches the pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    // The first place of each part leaves most text for the later ones.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(table: &[(&str, &str)], instance: &str) -> Option<i64> {
        let table = table.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Thresholds::new(&table).expect("sound").of(instance).map(|most| most.as_hours())
    }

    #[test]
    fn the_most_specific_pattern_counts() {
        assert_eq!(hours(&[], "ml.t3.medium"), Some(120));
        assert_eq!(hours(&[], "ml.t30.medium"), Some(24));
        assert_eq!(hours(&[], "ml.g5.xlarge"), Some(24));
        assert_eq!(hours(&[], ""), Some(24), "an app without an instance type");
        let table = [
            ("*", "1d"),
            ("ml.g5.*", "4h"),
            ("ml.*.48xlarge", "1h"),
            ("ml.g5.xlarge", "2w"),
            ("ml.t3.*", "never"),
        ];
        for (instance, want) in [
            ("ml.m5.large", Some(24)),
            ("ml.g5.2xlarge", Some(4)),
            ("ml.g5.48xlarge", Some(1)),
            ("ml.g5.xlarge", Some(336)),
            ("ml.t3.medium", None),
        ] {
            assert_eq!(hours(&table, instance), want, "{instance}");
        }
        assert_eq!(hours(&[("ml.g5.*", "4h")], "ml.m5.large"), None, "no pattern fits");
    }

    #[test]
    fn what_can_never_fit_is_refused() {
        for pattern in [
            "",
            " ",
            "t3.*",
            "ml.t3.[a-z]",
            "ML.t3.*",
            "ml",
            "ml.t3.*\n",
            "ml.?",
            "x*",
            "**",
            "ml.é",
        ] {
            let table = BTreeMap::from([(pattern.to_owned(), "1d".to_owned())]);
            assert!(Thresholds::new(&table).is_err(), "{pattern:?}");
        }
        for time in [
            "",
            "d",
            "5",
            "0d",
            "-1d",
            "+1d",
            "1.5d",
            "5 d",
            "5D",
            "99999999999999999999d",
            "9999d",
            "5é",
            "١d",
        ] {
            let table = BTreeMap::from([("*".to_owned(), time.to_owned())]);
            let said = Thresholds::new(&table).expect_err(time);
            assert!(said.starts_with("`*`: ") && said.lines().count() == 1, "{said}");
        }
    }
}
