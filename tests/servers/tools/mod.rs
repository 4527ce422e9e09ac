//! Every command of every built-in rule, run on an example, with the real tool if the registries
//! have it: it frees what the finding said, changes nothing else, and the tool still works.
//!
//!     cargo test --test servers tools -- --nocapture
//!
//! prints the table of all rules, which is also in `target/rules-effects.txt`. Every command is run
//! on the example generated from its rule, and on the tool's own output, if there is a [`Case`]. A
//! case names no rule: the command or advice of its finding is used.

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

/// A row of the table: the result of one example of a rule.
pub(super) struct Row {
    /// The tool that made the example, with its version.
    by: String,
    said: u64,
    /// `None` if nothing was done.
    freed: Option<u64>,
    /// Other changes.
    effect: String,
}

fn cases() -> impl Iterator<Item = &'static Case> + Send {
    [python::CASES, node::CASES, builds::CASES].into_iter().flatten()
}

/// Result of a case: the rule, and its row.
type Tried = Result<(String, Row), String>;

/// Tries every case, several at a time, because tools mostly wait. For a case that cannot run,
/// returns the missing program.
fn try_all(workshop: &Workshop, rules: &[RuleSpec]) -> Vec<Result<Tried, &'static str>> {
    let left = Mutex::new(cases());
    let next = || left.lock().unwrap().next();
    let one = |case| match workshop.missing(case) {
        Some(program) => Err(program),
        None => Ok(case::try_it(case, workshop, rules)),
    };
    let some = || std::iter::from_fn(next).map(one).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(some));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_command_frees_what_its_finding_says_and_nothing_else() {
    let rules = built_in().unwrap();
    let mut wrong = Vec::new();
    let mut table = Table::default();
    let commanded: Vec<&RuleSpec> = rules.iter().filter(|rule| rule.command.is_some()).collect();
    for (rule, row) in generated::try_all(&commanded) {
        match row {
            Ok(row) => table.rows.entry(rule).or_default().push(row),
            Err(why) => wrong.push(format!("{rule}: {why}")),
        }
    }
    let mut missing = Vec::new();
    let workshop = Workshop::open();
    if let Some(workshop) = &workshop {
        for tried in try_all(workshop, &rules) {
            match tried {
                Ok(Ok((rule, row))) => table.rows.entry(rule).or_default().push(row),
                Ok(Err(why)) => wrong.push(why),
                Err(program) => missing.push(program),
            }
        }
    }
    for program in missing {
        skip_unless(false, &format!("rules' commands on what {program} makes"), "not installed");
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
}

impl Table {
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
            let advice = || format!("advice: {}", rule.advice.as_deref().unwrap_or_default());
            let does = rule.command.clone().unwrap_or_else(advice);
            let rows = self.rows.get(&rule.id);
            for row in rows.into_iter().flatten() {
                let freed = row.freed.map_or("-".to_owned(), |freed| freed.to_string());
                line([&row.by, &row.said.to_string(), &freed, &row.effect, &does]);
            }
            if rows.is_none() {
                line(["-", "-", "-", "-", &does]);
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
