//! Clean-up candidates: findings with the command that reclaims them, or with advice.

use std::cmp::{Ordering, Reverse};

use maud::{Markup, html};

use super::words::{cents, command, label, many, path_of, shown, usd};
use crate::report::{Finding, OWNED_BY_ROOT_STILL, Reader, Report, RuleReport, first};

/// Number of findings on the page about everybody. A user's page has all of theirs.
const SHOWN: usize = 100;

/// A line of the table.
pub(super) struct FindingLine<'a> {
    pub(super) finding: &'a Finding,
    /// The command for the readers of the page.
    pub(super) command: Option<String>,
    /// What to do where there is no command.
    pub(super) advice: Option<&'a str>,
    /// The owner, on a page about several people.
    pub(super) whose: Option<String>,
}

/// Shows the largest findings of all homes.
pub(super) fn section(report: &Report) -> Markup {
    let all = report.homes.iter().flat_map(|mut home| {
        let (mut findings, whose) = (std::mem::take(&mut home.findings), label(&home));
        if home.is_roots() {
            for finding in findings.iter_mut().filter(|finding| finding.command.is_some()) {
                finding.command = None;
                finding.advice = Some(OWNED_BY_ROOT_STILL.to_owned());
            }
        }
        findings.into_iter().map(move |finding| (finding, whose.clone()))
    });
    let shown = first(all, SHOWN, |(a, _), (b, _)| order(a, b));
    let lines = shown.iter().map(|(finding, whose)| FindingLine {
        finding,
        command: finding.command.clone(),
        advice: finding.advice.as_deref(),
        whose: Some(whose.clone()),
    });
    let lines: Vec<FindingLine<'_>> = lines.collect();
    html! {
        section id="findings" aria-labelledby="findings-title" {
            h2 id="findings-title" { "Clean-up candidates" }
            @if lines.is_empty() { p.none { "No rule found anything." } } @else {
                p { "The " (many(lines.len() as u64, "finding that frees", "findings that free")) " most. \
                    Owners run the commands, or the administrator as the owner (" code { "setpriv --reuid=UID --regid=65534 --clear-groups" } "), \
                    never as root: an owner may have put a link there meanwhile. Paths are those of the machine that \
                    scanned." }
                form.tools hidden data-for="findings-table" {
                    label { "Filter " input type="search" name="text" autocomplete="off"
                        placeholder="owner, rule, class or path"; }
                    span role="status" { (many(lines.len() as u64, "finding", "findings")) }
                }
                div.scroll tabindex="0" role="region" aria-label="Findings, as a table" {
                    (table(&lines, &report.rules, Some("findings-table")))
                }
            }
        }
    }
}

/// Sorts by the bytes that deleting frees, most first.
pub(super) fn sort(lines: &mut [FindingLine<'_>]) {
    lines.sort_by(|a, b| order(a.finding, b.finding));
}

fn order(a: &Finding, b: &Finding) -> Ordering {
    let frees = |finding: &Finding| Reverse(finding.frees.allocated_bytes);
    (frees(a), &a.path).cmp(&(frees(b), &b.path))
}

/// Shows the table of findings. Their notes come from `rules`.
pub(super) fn table(lines: &[FindingLine<'_>], rules: &[RuleReport], id: Option<&str>) -> Markup {
    let costs = lines.iter().any(|line| line.finding.cost_month.is_some());
    let owners = lines.iter().any(|line| line.whose.is_some());
    html! {
        table.findings id=[id] {
            thead { tr {
                th.n scope="col" data-sort="number" aria-sort="descending" { "Frees" }
                @if costs { th.n scope="col" data-sort="number" { "USD/month" } }
                @if owners { th scope="col" data-sort="text" { "Owner" } }
                th scope="col" data-sort="text" { "Rule" }
                th scope="col" data-sort="text" { "Path" }
                th scope="col" { "How to reclaim" }
            } }
            tbody { @for line in lines { (row(line, rules, costs, owners)) } }
        }
    }
}

fn row(line: &FindingLine<'_>, rules: &[RuleReport], costs: bool, owners: bool) -> Markup {
    let FindingLine { finding, command: to_run, advice, whose } = line;
    let (frees, holds) = (finding.frees.allocated_bytes, finding.usage.allocated_bytes);
    let cost = finding.cost_month;
    let rule = rules.iter().find(|rule| rule.rule == finding.rule);
    let note = rule.and_then(|rule| rule.note_of(finding));
    let reader = if whose.is_some() { Reader::Administrator } else { Reader::Owner };
    let class = finding.counted_class();
    html! {
        tr {
            td.n data-v=(frees.0) {
                (frees.human())
                @if frees != holds { " " small { "of " (holds.human()) } }
                @for more in finding.frees_more(reader) { small.note { "+ " (more) } }
            }
            @if costs {
                td.n data-v=[cost.map(cents)] {
                    (cost.map_or_else(|| "–".to_owned(), usd))
                }
            }
            @if owners { td { bdi { (whose.as_deref().unwrap_or_default()) } } }
            td { span.swatch.(class.name()) {} (shown(finding.rule.as_bytes())) " "
                @if finding.hint { small { "a hint" } }
                @else if finding.rule != class.name() { small { (class.name()) } }
            }
            td.path { (path_of(&finding.path_bytes())) }
            td.command {
                @match (to_run, advice) {
                    (Some(text), _) => code.cmd { (command(text)) },
                    // A `span` gets no copy button, because advice is not for a shell.
                    (None, Some(text)) => span { (command(text)) },
                    (None, None) => "–",
                }
                @if let Some(note) = note { small.note { (command(note)) } }
            }
        }
    }
}
