//! The lines of the table: homes, and the user profiles and spaces without a home of their own.

use std::collections::{HashMap, HashSet};

use super::members::{MemberLine, Place, StatusApp, storage_marks};
use super::view::{Change, StatusLine, StatusView};
use crate::aws::MemberKind;
use crate::columns::usd;
use crate::published::HomeLine;
use crate::report::{Coverage, DirectoryOwner, HomeKind};
use crate::text::printable;
use crate::units::{AllocatedBytes, human_change};

/// A line, and the names that others have as well.
pub(super) struct Row<'a> {
    of: Line<'a>,
    /// True if another line has the same name.
    ambiguous: bool,
}

enum Line<'a> {
    Home(&'a StatusLine),
    Member(&'a MemberLine),
}

/// The lines in order: each space below its owner, orphan homes last.
pub(super) fn rows(view: &StatusView) -> Vec<Row<'_>> {
    let members = view.members.iter().filter(|line| line.place != Place::Own).map(Line::Member);
    let mut lines: Vec<Line<'_>> = view.homes.iter().map(Line::Home).chain(members).collect();
    lines.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut named: HashMap<&str, usize> = HashMap::new();
    for line in lines.iter().filter(|line| !line.is_below()) {
        *named.entry(line.owner()).or_default() += 1;
    }
    let is_ambiguous = |line: &Line<'_>| named.get(line.owner()).is_some_and(|lines| *lines > 1);
    let ambiguous: Vec<bool> = lines.iter().map(is_ambiguous).collect();
    let rows = lines.into_iter().zip(ambiguous);
    rows.map(|(of, ambiguous)| Row { of, ambiguous }).collect()
}

impl Line<'_> {
    /// The key of its place: known owners, others, outside of homes, orphan homes; each by the name of
    /// its owner, whose spaces come after the owner's own lines.
    fn order(&self) -> (u8, &str, bool, &str) {
        match self {
            Self::Home(line) => (line.rank(), self.owner(), false, &line.home.name),
            Self::Member(line) => (0, self.owner(), self.is_below(), &line.member.name),
        }
    }

    /// The name of the owner.
    fn owner(&self) -> &str {
        match self {
            Self::Home(line) => line.home.owner.name.as_deref().unwrap_or_default(),
            Self::Member(line) => line.below.as_deref().unwrap_or(&line.member.name),
        }
    }

    /// True if it is a space that stands below its owner.
    fn is_below(&self) -> bool {
        matches!(self, Self::Member(line) if line.below.is_some())
    }
}

impl Row<'_> {
    /// All cells but the apps.
    pub(super) fn cells(&self, view: &StatusView) -> Vec<String> {
        match self.of {
            Line::Home(line) => self.home(line),
            Line::Member(line) => self.member(line, view),
        }
    }

    fn home(&self, line: &StatusLine) -> Vec<String> {
        let home = &line.home;
        let name = match (&home.owner.name, self.ambiguous) {
            (Some(_), true) => format!("{} ({})", home.label(), home.printable_name()),
            _ => home.label(),
        };
        vec![
            name,
            group(home),
            home.uid.map(|uid| uid.to_string()).unwrap_or_default(),
            home.allocated_bytes.human(),
            or_dash(home.trash_bytes),
            or_dash(home.cache_bytes),
            home.quota.map(|quota| quota.human()).unwrap_or_default(),
            usd(home.cost_month),
            change(line.change.day),
            change(line.change.week),
            marks(line).join(", "),
        ]
    }

    fn member(&self, line: &MemberLine, view: &StatusView) -> Vec<String> {
        let member = &line.member;
        let text = |text: &str| printable(text.as_bytes());
        let name = match (line.below.is_some(), self.ambiguous) {
            (true, _) => format!("  {}", text(&member.name)),
            (false, true) => format!("{} ({})", text(&member.name), text(&member.source)),
            (false, false) => text(&member.name),
        };
        let mut marks = Vec::new();
        if member.kind == MemberKind::Space {
            marks.push(match &member.owner {
                Some(owner) => format!("space of {}", text(owner)),
                None => "space".to_owned(),
            });
        }
        let size = match &line.place {
            Place::Missing => {
                let no_home = if view.saw_all_homes { "no home yet" } else { "no home seen" };
                // The data of a space with a volume is on that.
                if member.ebs_bytes.is_none() {
                    marks.push(no_home.to_owned());
                }
                AllocatedBytes(0).human()
            }
            Place::Shared(other) if line.below.is_none() => {
                marks.push(format!("home of {}", text(other)));
                String::new()
            }
            // The home is in the line of its owner.
            Place::Shared(_) | Place::Own => String::new(),
        };
        marks.extend(storage_marks(member).map(|mark| text(&mark)));
        let uid = member.uid.map(|uid| uid.to_string()).unwrap_or_default();
        // The group is in the line of the home.
        let mut cells = vec![name, String::new(), uid, size];
        // Trash, cache, quota, costs and changes.
        cells.resize(10, String::new());
        cells.push(marks.join(", "));
        cells
    }

    /// The space that the line is about.
    pub(super) fn space(&self) -> Option<&str> {
        let (kind, name) = match self.of {
            Line::Home(StatusLine { home, .. }) => (home.owner.member, home.owner.name.as_deref()),
            Line::Member(MemberLine { member, .. }) => (Some(member.kind), Some(&*member.name)),
        };
        name.filter(|_| kind == Some(MemberKind::Space))
    }

    /// The apps of the line. Those of a space that has a line of its own are there.
    pub(super) fn apps(&self, spaces: &Spaces<'_>) -> impl Iterator<Item = &StatusApp> {
        let (apps, is_home) = match self.of {
            Line::Home(line) => (&line.apps, true),
            Line::Member(line) => (&line.apps, false),
        };
        apps.iter().filter(move |app| {
            let space = app.app.space.as_deref().filter(|_| is_home);
            space.is_none_or(|space| !spaces.0.contains(&(app.source.as_str(), space)))
        })
    }
}

/// The spaces that have lines of their own, by source and name.
pub(super) struct Spaces<'a>(HashSet<(&'a str, &'a str)>);

impl<'a> Spaces<'a> {
    pub(super) fn of(view: &'a StatusView) -> Self {
        let members = view.members.iter().filter(|line| line.place != Place::Own);
        let spaces = members.filter(|line| line.member.kind == MemberKind::Space);
        Self(spaces.map(|line| (&*line.member.source, &*line.member.name)).collect())
    }
}

fn marks(line: &StatusLine) -> Vec<String> {
    let home = &line.home;
    let mut marks = Vec::new();
    if home.owner.member == Some(MemberKind::Space) {
        marks.push("space".to_owned());
    }
    if line.new {
        marks.push("NEW".to_owned());
    }
    if home.quota.is_some_and(|quota| quota.over) {
        marks.push("OVER QUOTA".to_owned());
    }
    let other = home.directory_owner.as_ref().filter(|owner| owner.is_another_person());
    marks.extend(other.map(DirectoryOwner::mark));
    if home.coverage != Coverage::Complete {
        marks.push(home.coverage.name().to_uppercase());
    }
    let storage = line.members.iter().flat_map(storage_marks);
    marks.extend(storage.map(|mark| printable(mark.as_bytes())));
    marks
}

/// The group that pays, or a dash; empty for everything outside of homes.
fn group(home: &HomeLine) -> String {
    match (&home.owner.group, home.kind) {
        (Some(group), _) => printable(group.as_bytes()),
        (None, HomeKind::Outside) => String::new(),
        (None, _) => "-".to_owned(),
    }
}

pub(super) fn or_dash(bytes: AllocatedBytes) -> String {
    if bytes.0 == 0 { "-".to_owned() } else { bytes.human() }
}

/// `+1.2 GiB`, with `~` if one of the runs did not read everything.
pub(super) fn change(change: Option<Change>) -> String {
    let Some(Change { bytes, exact }) = change else { return String::new() };
    let about = if exact { "" } else { "~" };
    format!("{about}{}", human_change(bytes))
}
