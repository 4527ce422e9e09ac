//! Every command of every built-in rule, run on an example, with the real tool where the registries
//! have it: it frees what the finding said, changes nothing else, and the tool still works.
//!
//!     cargo test --test servers tools -- --nocapture
//!
//! prints the table of all rules, which is also in `target/rules-effects.txt`. A rule with a command
//! is run on its generated example if the command only removes, and needs a [`Case`] if it does not.

mod builds;
mod case;
mod effect;
#[path = "../../scan/rules/examples.rs"]
mod examples;
mod generated;
mod node;
mod python;
mod workshop;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use case::Case;
use efs_scan::usage::rule_file::{RuleSpec, built_in};
use efs_scan_testbed::*;
use workshop::Workshop;

/// Tools that no registry has: why their rules' commands are not run.
const NOT_TO_BE_HAD: &[(&str, &str)] =
    &[("conda", "neither PyPI, npm, crates.io nor Debian has conda")];

/// One line of the table: what became of one example of a rule.
pub(super) struct Row {
    /// The tool that made the example, with its version.
    by: String,
    said: u64,
    freed: u64,
    /// What else changed.
    effect: String,
}

fn cases() -> impl Iterator<Item = &'static Case> + Send {
    [python::CASES, node::CASES, builds::CASES].into_iter().flatten()
}

/// True if the command only removes its path, and needs no tool of its own.
fn only_removes(command: &str) -> bool {
    matches!(command.split(' ').next(), Some("rm" | "truncate"))
}

/// Tries every case, a few at a time, because tools mostly wait.
fn try_all(workshop: &Workshop) -> Vec<(&'static Case, Option<Result<Row, String>>)> {
    let left = Mutex::new(cases());
    let next = || left.lock().unwrap().next();
    let some = || {
        let mine = std::iter::from_fn(next);
        let able = |case| workshop.missing(case).is_none();
        mine.map(|case| (case, able(case).then(|| case::try_it(case, workshop))))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(some));
        let tried = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        tried.collect()
    })
}

#[test]
fn every_command_frees_what_its_finding_says_and_nothing_else() {
    let rules = built_in().unwrap();
    let commands: BTreeMap<&str, &str> = rules
        .iter()
        .filter_map(|rule| Some((rule.id.as_str(), rule.command.as_deref()?)))
        .collect();
    let mut wrong = Vec::new();
    let mut table = Table::default();
    let removers: Vec<&RuleSpec> =
        rules.iter().filter(|rule| rule.command.as_deref().is_some_and(only_removes)).collect();
    for (rule, row) in generated::try_all(&removers) {
        table.add(&rule, row, &mut wrong);
    }
    if let Some(workshop) = Workshop::open() {
        for (case, row) in try_all(&workshop) {
            assert!(
                commands.contains_key(case.rule),
                "{} has no command: drop its case",
                case.rule
            );
            match row {
                Some(row) => table.add(case.rule, row, &mut wrong),
                None => {
                    let missing = workshop.missing(case).unwrap_or_default();
                    table.skip(case.rule, format!("{missing} is not installed"));
                }
            }
        }
    }
    for (id, command) in &commands {
        if let Some((_, why)) = NOT_TO_BE_HAD.iter().find(|(tool, _)| command.starts_with(tool)) {
            table.skip(id, (*why).to_owned());
        } else if !only_removes(command) && !cases().any(|case| case.rule == *id) {
            wrong.push(format!("{id}: no case runs `{command}`"));
        }
    }
    let table = table.show(&rules);
    println!("{table}");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("rules-effects.txt");
    std::fs::write(place, table).unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<String, Vec<Row>>,
    skipped: BTreeMap<String, String>,
}

impl Table {
    fn add(&mut self, rule: &str, row: Result<Row, String>, wrong: &mut Vec<String>) {
        match row {
            Ok(row) => self.rows.entry(rule.to_owned()).or_default().push(row),
            Err(why) => wrong.push(format!("{rule}: {why}")),
        }
    }

    fn skip(&mut self, rule: &str, why: String) {
        skip_unless(false, &format!("the command of the rule {rule}"), &why);
        self.skipped.insert(rule.to_owned(), why);
    }

    /// Lists every rule in the order of the file.
    fn show(&self, rules: &[RuleSpec]) -> String {
        let mut lines = vec![
            ["rule", "class", "example by", "said", "freed", "else", "does"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for rule in rules {
            let class = match rule.class.is_hint() {
                true => "hint",
                false => rule.class.class().name(),
            };
            let mut line = |cells: [&str; 5]| {
                let cells = [&rule.id, class].into_iter().chain(cells);
                lines.push(cells.map(|cell| cell.replace('\n', " ")).collect());
            };
            let command = rule.command.as_deref();
            for row in self.rows.get(&rule.id).into_iter().flatten() {
                let (said, freed) = (row.said.to_string(), row.freed.to_string());
                line([&row.by, &said, &freed, &row.effect, command.unwrap_or_default()]);
            }
            let skipped = self.skipped.get(&rule.id).map(|why| format!("skipped: {why}"));
            match (command, skipped) {
                (Some(command), Some(why)) => line([&why, "-", "-", "-", command]),
                (None, _) => {
                    let advice = rule.advice.as_deref().unwrap_or_default();
                    line(["-", "-", "-", "-", &format!("advice: {advice}")]);
                }
                (Some(_), None) => {}
            }
        }
        let width =
            |at: usize| lines.iter().map(|line: &Vec<String>| line[at].chars().count()).max();
        let widths: Vec<usize> = (0..6).filter_map(width).collect();
        let pad = |line: &Vec<String>| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
            cells.collect::<String>() + &line[6]
        };
        lines.iter().map(|line| pad(line) + "\n").collect()
    }
}
