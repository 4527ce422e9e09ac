//! The user profiles and spaces of SageMaker Studio in the status, and what runs for them.

use std::collections::HashMap;

use serde::Serialize;

use super::view::StatusLine;
use crate::aws::{App, MemberKind};
use crate::published::SelectedBy;
use crate::report::{HomeKind, StudioMember};

/// An app and its domain.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StatusApp {
    #[serde(flatten)]
    pub(crate) app: App,
    /// The domain as a source of names: `sagemaker:DOMAIN`.
    pub(crate) source: String,
}

/// A user profile or a space.
#[derive(Debug, Serialize)]
pub(super) struct MemberLine {
    #[serde(flatten)]
    pub(super) member: StudioMember,
    /// The home of its uid, below the root. A private space has its owner's.
    pub(super) home: Option<String>,
    pub(super) apps: Vec<StatusApp>,
    #[serde(skip)]
    pub(super) place: Place,
    /// The name in the line that this one stands below: the owner's of a space.
    #[serde(skip)]
    pub(super) below: Option<String>,
    /// More names that `--user` finds it by: its owner's.
    #[serde(skip)]
    owner_names: Vec<String>,
}

/// The line of the home of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the member's own, and shows what is known of it.
    Own,
    /// Its home is that of another line, with this name.
    Shared(String),
    /// It has no home in the run.
    Missing,
}

impl MemberLine {
    fn named(&self) -> Named {
        (self.member.kind, self.member.name.clone())
    }
}

/// What a line adds on a member: its volume, and its other file systems.
pub(super) fn storage_marks(member: &StudioMember) -> impl Iterator<Item = String> {
    let ebs = member.ebs_bytes.map(|bytes| format!("EBS volume of {}", bytes.human()));
    let attached = member.file_systems.iter().map(|id| format!("custom EFS {id}"));
    ebs.into_iter().chain(attached)
}

impl<'a> From<&'a MemberLine> for SelectedBy<'a> {
    fn from(line: &'a MemberLine) -> Self {
        let names = [&line.member.name].into_iter().chain(&line.owner_names);
        SelectedBy {
            path: line.member.name.as_bytes().into(),
            uid: line.member.uid,
            names: names.map(String::as_str).collect(),
            is_home: true,
        }
    }
}

/// Finds the home of each member among the lines, and notes the member there if it is its own.
pub(super) fn lines(members: Vec<StudioMember>, homes: &mut [StatusLine]) -> Vec<MemberLine> {
    let mut by_uid: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, line) in homes.iter().enumerate().filter(|(_, line)| line.is_home()) {
        if let Some(uid) = line.home.uid {
            by_uid.entry(uid).or_default().push(at);
        }
    }
    let mut lines = Vec::with_capacity(members.len());
    for member in members {
        let of_uid = member.uid.and_then(|uid| by_uid.get(&uid)).map_or(&[][..], Vec::as_slice);
        let own = of_uid.iter().find(|at| is_own(&homes[**at], &member)).copied();
        let home = own.or_else(|| of_uid.first().copied());
        let place = match (own, home) {
            (Some(_), _) => Place::Own,
            (None, Some(at)) => Place::Shared(homes[at].owner_or_name().to_owned()),
            (None, None) => Place::Missing,
        };
        if let Some(at) = own {
            homes[at].members.push(member.clone());
        }
        let home = home.map(|at| homes[at].home.name.clone());
        let (below, owner_names, apps) = (None, Vec::new(), Vec::new());
        lines.push(MemberLine { member, home, apps, place, below, owner_names });
    }
    stand_below_owners(&mut lines, homes);
    lines
}

/// True if the home of this line is named after the member.
fn is_own(line: &StatusLine, member: &StudioMember) -> bool {
    let owner = &line.home.owner;
    let other_domain = owner
        .source
        .as_deref()
        .is_some_and(|source| source.starts_with("sagemaker:") && source != member.source);
    let same_kind = owner.member.is_none_or(|kind| kind == member.kind);
    !other_domain && same_kind && owner.names().any(|name| name == member.name)
}

/// Gives each space the names of its owner, and of the owner's home.
fn stand_below_owners(lines: &mut [MemberLine], homes: &[StatusLine]) {
    let mut owners: HashMap<(String, String), Vec<String>> = HashMap::new();
    for line in lines.iter().filter(|line| line.member.kind == MemberKind::Profile) {
        let key = (line.member.source.clone(), line.member.name.clone());
        owners.insert(key, vec![line.member.name.clone()]);
    }
    for home in homes {
        for member in &home.members {
            let key = (member.source.clone(), member.name.clone());
            if let (MemberKind::Profile, Some(names)) = (member.kind, owners.get_mut(&key)) {
                *names = home.home.owner.names().map(str::to_owned).collect();
            }
        }
    }
    for line in lines.iter_mut().filter(|line| line.member.kind == MemberKind::Space) {
        let Some(owner) = &line.member.owner else { continue };
        let names = owners.get(&(line.member.source.clone(), owner.clone()));
        line.owner_names = names.cloned().unwrap_or_else(|| vec![owner.clone()]);
        line.below = line.owner_names.first().cloned();
    }
}

/// A member's kind and name.
type Named = (MemberKind, String);

/// The homes by the names that they answer to, each with the domain that the name is from. A name of
/// another source has none, and is the same person in every domain.
struct HomesByName(HashMap<Named, Vec<(Option<String>, usize)>>);

impl HomesByName {
    fn of(homes: &[StatusLine]) -> Self {
        let mut by_name: HashMap<Named, Vec<_>> = HashMap::new();
        for (at, line) in homes.iter().enumerate() {
            let owner = &line.home.owner;
            let domain = owner.source.clone().filter(|source| source.starts_with("sagemaker:"));
            let kind = owner.member.unwrap_or(MemberKind::Profile);
            let named = owner.name.clone().map(|name| (kind, name, domain));
            let members = line.members.iter();
            let members = members.map(|it| (it.kind, it.name.clone(), Some(it.source.clone())));
            for (kind, name, domain) in named.into_iter().chain(members) {
                by_name.entry((kind, name)).or_default().push((domain, at));
            }
        }
        Self(by_name)
    }

    /// The first home that answers to this name in this domain.
    fn find(&self, named: &Named, source: &str) -> Option<usize> {
        let mut homes = self.0.get(named)?.iter();
        let found = homes.find(|(domain, _)| domain.as_deref().is_none_or(|it| it == source));
        found.map(|(_, at)| *at)
    }
}

/// Puts the apps below the homes and the members that they run for; returns those of nobody here.
pub(super) fn place_apps(
    apps: Vec<StatusApp>,
    homes: &mut [StatusLine],
    members: &mut [MemberLine],
) -> Vec<StatusApp> {
    let of_home = HomesByName::of(homes);
    let key = |line: &MemberLine| (line.member.source.clone(), line.named());
    let of_member: HashMap<(String, Named), usize> =
        members.iter().enumerate().map(|(at, line)| (key(line), at)).collect();
    let mut others = Vec::new();
    for app in apps {
        let space = app.app.space.clone().map(|name| (MemberKind::Space, name));
        let profile = app.app.profile.clone().map(|name| (MemberKind::Profile, name));
        let mut of_name = space.iter().chain(&profile);
        let home = of_name.find_map(|named| of_home.find(named, &app.source));
        // The profile of a space's app is the space's owner.
        let member = space.or(profile);
        let member = member.and_then(|named| of_member.get(&(app.source.clone(), named)));
        if let Some(at) = home {
            homes[at].apps.push(app.clone());
        }
        match (member, home) {
            (Some(at), _) => members[*at].apps.push(app),
            (None, Some(_)) => {}
            (None, None) => others.push(app),
        }
    }
    others
}

impl StatusLine {
    pub(super) fn is_home(&self) -> bool {
        self.home.kind != HomeKind::Outside
    }

    fn owner_or_name(&self) -> &str {
        self.home.owner.name.as_deref().unwrap_or(&self.home.name)
    }
}
