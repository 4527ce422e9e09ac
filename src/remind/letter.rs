//! Messages: reminders to owners, and the summary to the administrator.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::app_letter::UntoldApp;
use super::ledger::Reason;
use super::people::{NewestRun, Recipient, Subject, Untold};
use super::template::{Field, Template};
use crate::report::{self, Finding, GrownPlace, HomeReport, Reader, Remedy, names_a_tool};
use crate::text::{Shown, plural, printable};
use crate::units::{AllocatedBytes, Usd};

/// Maximum numbers of lines in a message.
const MAX_FINDINGS: usize = 10;
const MAX_LARGEST: usize = 5;
const MAX_GREW: usize = 3;
pub(super) const MAX_HOMES: usize = 50;
const MAX_LISTED: usize = 200;

/// Findings that free less than the largest one divided by this are not worth a line.
const WORTH: u64 = 100;

/// Maximum characters of a name or a path, and of a subject.
const MAX_NAME: usize = 200;
pub(super) const MAX_SUBJECT: usize = 150;

/// Maximum bytes of a line with a command: a line of mail has at most 998 bytes (RFC 5322, 2.1.1).
/// A command is shown whole or not at all, because a truncated one deletes something else.
const MAX_COMMAND: usize = 900;

/// A subject and a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: Shown,
    pub(super) text: Shown,
}

/// The settings for letters about homes.
#[derive(Debug)]
pub(super) struct LetterWriter<'a> {
    pub(super) subject: &'a Template,
    pub(super) body: &'a Template,
    pub(super) admin: &'a str,
}

impl LetterWriter<'_> {
    /// Returns the reminder of a recipient.
    pub(super) fn reminder(&self, person: &Recipient<'_>) -> Letter {
        let value = |field| self.value(person, field);
        let subject = self.subject.fill(value);
        Letter {
            subject: Shown::line(&cut(&subject, MAX_SUBJECT)),
            text: Shown::lines(self.body.fill(value)),
        }
    }

    /// Returns the value of a placeholder. It is printable, so no name adds a line; blocks end
    /// without a newline.
    fn value(&self, person: &Recipient<'_>, field: Field) -> String {
        let homes = || person.subjects.iter().map(|subject| subject.home);
        let sum = |of: fn(&HomeReport) -> AllocatedBytes| homes().map(of).sum::<AllocatedBytes>();
        let runs = || person.subjects.iter().map(|subject| &subject.run.report.run);
        match field {
            Field::Name => short(person.name.as_bytes()),
            Field::Home => joined(person.subjects.iter().map(home_name)),
            Field::Size => sum(|home| home.usage.allocated_bytes).human(),
            Field::Quota => match homes().filter_map(|home| home.quota).next() {
                None => "none".to_owned(),
                Some(_) => joined(
                    homes().filter_map(|home| home.quota).map(|quota| quota.limit_bytes.human()),
                ),
            },
            Field::Trash => sum(|home| home.usage.by_class.trash.allocated_bytes).human(),
            Field::Cost => cost(homes().map(|home| home.cost_month))
                .map_or_else(|| "unknown".to_owned(), |usd| format!("{} a month", usd.human())),
            Field::Date => {
                distinct(runs().map(|run| run.finished.strftime("%Y-%m-%d").to_string()))
            }
            Field::Root => distinct(person.subjects.iter().map(root)),
            Field::Admin => self.admin.to_owned(),
            Field::Reasons => lines(person.subjects.iter().flat_map(reasons), MAX_HOMES),
            Field::Homes => lines(person.subjects.iter().map(home_line), MAX_HOMES),
            Field::Findings => self.findings(person),
            Field::Largest => largest(person),
            Field::Grew => grew(person),
            // These placeholders do not occur in templates about homes.
            Field::Count | Field::Apps | Field::Prices => String::new(),
        }
    }

    /// Lists the findings that free most, with each note once.
    fn findings(&self, person: &Recipient<'_>) -> String {
        let mut all: Vec<_> = person.subjects.iter().flat_map(findings_of).collect();
        all.retain(|(_, finding)| finding.frees_at_most().0 > 0);
        all.sort_by_key(|(_, finding)| (Reverse(finding.frees_at_most()), &finding.path));
        let found = all.len();
        let most = all.first().map_or(0, |(_, finding)| finding.frees_at_most().0);
        all.retain(|(_, finding)| finding.frees_at_most().0 >= most / WORTH);
        all.truncate(MAX_FINDINGS);
        if all.is_empty() {
            return "  (no findings)".to_owned();
        }
        // If a user has several homes, each one is at that path in another space.
        let is_only_home = person.uid_homes == 1;
        // Each note is written once.
        let mut noted: Vec<&str> = Vec::new();
        let mut out = Vec::new();
        let (mut has_paths_of_scan, mut names_tools) = (false, false);
        for (subject, finding) in &all {
            let home = subject.home;
            let path = subject.on(short(&finding.path_bytes()));
            let frees = finding.frees.allocated_bytes.human();
            let cost = month(finding.cost_month);
            let look = if finding.hint { ", worth a look" } else { "" };
            let rule = printable(finding.rule.as_bytes());
            out.push(format!("  {frees}{cost}  {rule}{look}: {path}"));
            let more = finding.frees_more(Reader::Owner);
            out.extend(more.iter().map(|more| format!("      and {}", short(more.as_bytes()))));
            let note = home.rules.iter().find(|rule| rule.rule == finding.rule);
            let remedy = remedy(subject, finding, is_only_home);
            has_paths_of_scan |= remedy.as_ref().is_some_and(|it| it.has_path_of_scan);
            names_tools |= remedy.as_ref().is_some_and(|it| it.names_tool);
            out.extend(remedy.map(|remedy| format!("      {}", remedy.line)));
            if let Some(note) = note.and_then(|rule| rule.note_of(finding))
                && !noted.contains(&note)
            {
                out.push(format!("      Note: {}", whole(note)));
                noted.push(note);
            }
        }
        if found > all.len() {
            let more = found - all.len();
            let free = plural(more as u64, "frees", "free");
            out.push(format!("  and {more} more that {free} less"));
        }
        if has_paths_of_scan {
            out.push(PATHS_OF_SCAN.to_owned());
        }
        if names_tools {
            out.push(HOME_OF_TOOLS.to_owned());
        }
        out.join("\n")
    }
}

/// Says whose paths the commands have, if nobody said where people see their homes.
const PATHS_OF_SCAN: &str = "  The paths in these commands are those of the machine that scanned: in a SageMaker \
                             Studio\n  space, your home is ~/user-default-efs or ~ instead.";

/// Says which home the tools act on that advice names.
const HOME_OF_TOOLS: &str = "  By hand, a tool acts on the home that HOME names. If that is another one, as in a space \
                             with a disk\n  of its own, put HOME= and the path of this one before the command.";

/// A command or advice for a finding in a message.
struct RemedyLine {
    line: String,
    /// True if words name a tool.
    names_tool: bool,
    /// True if it is a command with a path as the machine that scanned sees it.
    has_path_of_scan: bool,
}

/// Returns the command for the owner, with paths as the owner sees them, or advice. `is_only_home` is
/// true if the owner has no other uid home, which might be at the same path in another space.
fn remedy(subject: &Subject<'_>, finding: &Finding, is_only_home: bool) -> Option<RemedyLine> {
    let (run, home) = (subject.run, subject.home);
    let known = (is_only_home, run.has_own_root);
    let words =
        |line: String, names_tool| Some(RemedyLine { line, names_tool, has_path_of_scan: false });
    let command = match report::remedy(run.report, (home, finding), &run.home_at, known)? {
        Remedy::ByHand(advice) => {
            return words(format!("By hand: {}", whole(advice)), names_a_tool(advice));
        }
        Remedy::Command(command) => command,
    };
    // Commands of this program are printable, because it quotes paths. Commands of configured
    // rules may not be.
    match command.len() <= MAX_COMMAND && !command.chars().any(char::is_control) {
        true => {
            let has_path_of_scan = !run.home_at.is_set();
            Some(RemedyLine { line: command, names_tool: false, has_path_of_scan })
        }
        false => {
            words("(the path is too long for a message: ask for the command)".to_owned(), false)
        }
    }
}

/// Returns the first lines of a summary about the homes of these runs.
pub(super) fn head(runs: &[NewestRun<'_>]) -> String {
    let line = |of: &NewestRun<'_>| {
        let run = &of.report.run;
        let root = short(&run.root_bytes());
        let when = run.finished.strftime("%Y-%m-%d %H:%M UTC");
        let name = of.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        format!("{name}{root}, scanned {when} ({}).", run.coverage.name())
    };
    lines(runs.iter().map(line), MAX_LISTED)
}

/// Summary of one invocation for the administrator.
#[derive(Debug, Default)]
pub(super) struct Summary<'a> {
    /// Reminders that SES accepted.
    pub(super) sent: usize,
    /// Addresses whose reminder SES refused, with the reason.
    pub(super) refused: Vec<(String, String)>,
    /// Addresses whose reminder may or may not have been sent, with the time of the attempt.
    pub(super) unsure: Vec<(String, Timestamp)>,
    /// Homes that nobody was reminded of.
    pub(super) untold: Vec<&'a Untold<'a>>,
    /// Apps that nobody was reminded of.
    pub(super) untold_apps: Vec<&'a UntoldApp<'a>>,
}

impl Summary<'_> {
    /// True if there is nothing to report: sent reminders alone need no summary.
    pub(super) fn is_empty(&self) -> bool {
        let untold = self.untold.len() + self.untold_apps.len();
        self.refused.is_empty() && self.unsure.is_empty() && untold == 0
    }

    /// Returns the message; `head` is its first line.
    pub(super) fn letter(&self, head: &str) -> Letter {
        let Self { sent, refused, unsure, untold, untold_apps } = self;
        let (refusals, homes) = (refused.len(), untold.len());
        let mut text = format!("{head}\n\nReminders sent: {sent}.\n");
        let mut section = |head: &str, all: Vec<String>| {
            if !all.is_empty() {
                text += &format!("\n{head}\n{}\n", lines(all.into_iter(), MAX_LISTED));
            }
        };
        section(
            "Refused by SES, and tried again next time:",
            refused.iter().map(|(to, why)| format!("  {to}: {}", short(why.as_bytes()))).collect(),
        );
        section(
            "Perhaps sent, perhaps not: the answer was lost. They are not tried again for a week:",
            unsure
                .iter()
                .map(|(to, at)| format!("  {to}, {}", at.strftime("%Y-%m-%d %H:%M UTC")))
                .collect(),
        );
        section(
            "Homes that nobody was reminded of (each is listed once a week):",
            untold.iter().map(|untold| untold_line(untold)).collect(),
        );
        section(
            "Apps that nobody was reminded of (each is listed once a week):",
            untold_apps.iter().map(|untold| untold.line()).collect(),
        );
        let apps = match untold_apps.len() {
            0 => String::new(),
            apps => format!(", {apps} {} without", plural(apps as u64, "app", "apps")),
        };
        Letter {
            subject: Shown::line(&format!(
                "efs-scan reminders: {sent} sent, {refusals} refused, {} unsure, {homes} {} \
                 without{apps}",
                unsure.len(),
                plural(homes as u64, "home", "homes"),
            )),
            text: Shown::lines(text),
        }
    }
}

fn untold_line(untold: &Untold<'_>) -> String {
    let Untold { subject, why } = untold;
    let Subject { home, reasons, .. } = subject;
    let reasons = joined(reasons.iter().map(|reason| reason.text().to_owned()));
    let owner = match &home.owner.name {
        Some(owner) => format!(" ({})", short(owner.as_bytes())),
        None => String::new(),
    };
    let name = format!("{}{owner}", home_name(subject));
    format!("{}; {reasons}; {}", home_figures(home, &name), why.text())
}

/// Returns a line for each reason of a home.
fn reasons<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = String> + 'a {
    let home = subject.home;
    let name = home_name(subject);
    let usage = &home.usage;
    // A trash at the root is not a home.
    let what = if home.is_trash() { "directory" } else { "home" };
    subject.reasons.iter().map(move |reason| match (reason, home.quota) {
        (Reason::Quota, Some(quota)) => format!(
            "Your home {name} is over its quota: it holds {} of {} ({:.1} %).",
            usage.allocated_bytes.human(),
            quota.limit_bytes.human(),
            quota.used_percent,
        ),
        (Reason::Quota, None) => format!("Your home {name} is over its quota."),
        // Reminders of apps are never about a home.
        (Reason::Apps, _) => String::new(),
        (Reason::Trash, _) => format!(
            "Your {what} {name} holds {} of trash: deleted, but still stored and billed.",
            usage.by_class.trash.allocated_bytes.human(),
        ),
    })
}

/// Formats a home: ` 200005 12 GiB of 10 GiB, trash 1 GiB, 3.60 USD a month`.
fn home_line(subject: &Subject<'_>) -> String {
    let name = home_name(subject);
    match subject.home.is_trash() {
        true => home_figures(subject.home, &format!("{name} (trash, not a home)")),
        false => home_figures(subject.home, &name),
    }
}

/// Returns the name of a home, with its file system if there are several.
fn home_name(subject: &Subject<'_>) -> String {
    subject.on(cut(&subject.home.printable_name(), MAX_NAME))
}

fn home_figures(home: &HomeReport, name: &str) -> String {
    let usage = &home.usage;
    let quota = home.quota.map(|quota| format!(" of {}", quota.limit_bytes.human()));
    format!(
        "  {name}  {}{}, trash {}, caches {}{}",
        usage.allocated_bytes.human(),
        quota.unwrap_or_default(),
        usage.by_class.trash.allocated_bytes.human(),
        usage.by_class.cache.allocated_bytes.human(),
        month(home.cost_month),
    )
}

fn largest(person: &Recipient<'_>) -> String {
    let dirs = person
        .subjects
        .iter()
        .flat_map(|subject| subject.home.largest_dirs.iter().map(move |dir| (subject, dir)));
    let mut dirs: Vec<_> = dirs.collect();
    dirs.sort_by_key(|(_, dir)| (Reverse(dir.allocated_bytes), &dir.path));
    let line = |(subject, dir): &(&Subject<'_>, &crate::report::LargeDir)| {
        let path = subject.on(short(&dir.path_bytes()));
        format!("  {}  {path}", dir.allocated_bytes.human())
    };
    match dirs.is_empty() {
        true => "  (no directory below the home)".to_owned(),
        false => dirs.iter().take(MAX_LARGEST).map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// Returns a line for each of the places that grew most. They are in the person's own homes, and have no
/// command: what grew may be what is needed most.
fn grew(person: &Recipient<'_>) -> String {
    let mut all = Vec::new();
    let mut is_known = false;
    for subject in &person.subjects {
        let Some(grew) = subject.run.grew else { continue };
        is_known = true;
        let places = grew.places.get(&subject.home.name_bytes()).into_iter().flatten();
        all.extend(places.map(|place| (subject, grew.since, place)));
    }
    all.sort_by_key(|(_, _, place)| Reverse(place.allocated_bytes));
    let line = |(subject, since, place): &(&Subject<'_>, Timestamp, &GrownPlace)| {
        let home = subject.home.printable_name();
        let path = match (&*home, place.printable_path()) {
            (_, path) if path.is_empty() => format!("{}, directly in it", home_name(subject)),
            (".", path) => subject.on(cut(&path, MAX_NAME)),
            (home, path) => subject.on(cut(&format!("{home}/{path}"), MAX_NAME)),
        };
        let new = if place.new { ", new" } else { "" };
        let day = since.strftime("%Y-%m-%d");
        format!("  +{} since {day}  {path}{new}", place.allocated_bytes.human())
    };
    match all.is_empty() {
        true if is_known => "  (nothing grew much)".to_owned(),
        true => "  (not known)".to_owned(),
        false => all.iter().take(MAX_GREW).map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// Pairs a home with each of its findings.
fn findings_of<'a>(
    subject: &'a Subject<'_>,
) -> impl Iterator<Item = (&'a Subject<'a>, &'a Finding)> {
    subject.home.findings.iter().map(move |finding| (subject, finding))
}

/// Returns the root that the paths of a home are below, with its file system if there are several.
fn root(subject: &Subject<'_>) -> String {
    let root = short(&subject.run.report.run.root_bytes());
    match &subject.run.name {
        Some(name) => format!("{root} ({name})"),
        None => root,
    }
}

/// Joins the texts that differ, in their order.
fn distinct(texts: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    texts.for_each(|text| {
        if !all.contains(&text) {
            all.push(text);
        }
    });
    joined(all.into_iter())
}

/// Formats a monthly cost: `, 1.20 USD a month`, or nothing if unknown.
fn month(cost: Option<Usd>) -> String {
    cost.map(|cost| format!(", {} a month", cost.human())).unwrap_or_default()
}

/// Returns the sum if every part is known.
fn cost(parts: impl Iterator<Item = Option<Usd>>) -> Option<Usd> {
    parts.map(|part| part.map(|usd| usd.0)).sum::<Option<f64>>().map(Usd)
}

pub(super) fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Joins at most `most` lines, and adds the number of those left out.
pub(super) fn lines(all: impl Iterator<Item = String>, most: usize) -> String {
    let mut all: Vec<String> = all.collect();
    if all.len() > most {
        let more = all.len() - most;
        all.truncate(most);
        all.push(format!("  and {more} more"));
    }
    all.join("\n")
}

/// Returns instructions whole or not at all: they may hold a command.
fn whole(text: &str) -> String {
    let text = printable(text.as_bytes());
    match text.len() <= MAX_COMMAND {
        true => text,
        false => "(too long for a message: ask for it)".to_owned(),
    }
}

pub(super) fn short(bytes: &[u8]) -> String {
    cut(&printable(bytes), MAX_NAME)
}

pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
