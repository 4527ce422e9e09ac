//! User profiles and spaces of a SageMaker Studio domain.
//!
//! An outage never stops a scan: the last answer is cached, and used with a warning. In that case
//! no home is an orphan home, because its owner may have joined since.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::{Aws, Member, MemberKind};
use crate::log;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::state::State;

/// The last answer about a domain, kept as a file of the state.
#[derive(Debug, Serialize, Deserialize)]
struct CachedMembers {
    asked: Timestamp,
    members: Vec<Member>,
}

/// The members of a domain.
#[derive(Debug, Default)]
pub(super) struct Studio {
    members: Vec<Member>,
    /// Index of the member that gives a uid its name.
    by_uid: BTreeMap<u32, usize>,
    /// The tag of user profiles whose value is the group.
    group_tag: Option<String>,
    /// Why the groups are not current.
    groups_problem: Option<String>,
    /// Why the members are not current or not complete.
    problem: Option<String>,
}

/// Reads the last answer, if there is one.
fn kept(state: &State, file: &str) -> Option<CachedMembers> {
    let kept = state.read(file).inspect_err(|error| log::warn!("the last answer in {error}"));
    kept.ok().flatten()
}

impl Studio {
    /// Asks SageMaker, or falls back to its last answer in the state, if there is one.
    /// Groups are the values of the tag `group_tag` of the user profiles.
    ///
    /// # Errors
    /// The domain does not exist.
    pub(super) fn ask(
        domain: &str,
        group_tag: Option<&str>,
        aws: &Aws,
        state: Option<&State>,
    ) -> Result<Self, String> {
        let studio = Self::members_of(domain, group_tag, aws, state)?;
        Ok(Self { group_tag: group_tag.map(str::to_owned), ..studio })
    }

    fn members_of(
        domain: &str,
        group_tag: Option<&str>,
        aws: &Aws,
        state: Option<&State>,
    ) -> Result<Self, String> {
        let file = format!("names-{}.json", file_name(domain));
        let cached = state.and_then(|state| kept(state, &file));
        let known = cached.as_ref().map_or(&[][..], |cached| &cached.members);
        match members(domain, aws, known) {
            Ok(members) if members.is_empty() => {
                let problem = format!("sagemaker:{domain} has neither user profiles nor spaces");
                log::warn!("{problem}: no names from it, and no home is called an orphan");
                Ok(Self::of(members, Some(problem)))
            }
            Ok(mut members) => {
                let untagged = group_tag.and_then(|key| tag(&mut members, key, domain, aws).err());
                let answer = CachedMembers { asked: Timestamp::now(), members };
                // A user who cannot write there still gets the names.
                if let Some(Err(problem)) = state.map(|state| state.write(&file, &answer)) {
                    log::info!("the names are not kept: {problem}");
                }
                Ok(Self { groups_problem: untagged, ..Self::of(answer.members, None) })
            }
            Err(error) if error.trouble == Trouble::Missing => Err(error.text),
            Err(error) => {
                let (since, members) = match cached {
                    Some(CachedMembers { asked, members }) => {
                        (format!("names as of {}", asked.strftime("%Y-%m-%d %H:%M UTC")), members)
                    }
                    None => ("no names".to_owned(), Vec::new()),
                };
                log::warn!("{}; {since}, and no home is called an orphan", error.text);
                Ok(Self::of(members, Some(error.text)))
            }
        }
    }

    fn of(members: Vec<Member>, problem: Option<String>) -> Self {
        let mut by_uid = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            // A private space shares the home of its owner, whose profile comes first.
            if let Some(uid) = member.uid {
                by_uid.entry(uid).or_insert(at);
            }
        }
        Self { members, by_uid, problem, ..Self::default() }
    }

    pub(super) fn member(&self, uid: u32) -> Option<&Member> {
        self.by_uid.get(&uid).and_then(|at| self.members.get(*at))
    }

    /// The group of a uid: that of the user profile, or of a space's owner.
    pub(super) fn group(&self, uid: u32) -> Option<&str> {
        let key = self.group_tag.as_deref()?;
        let member = self.member(uid)?;
        let profile = match (member.kind, &member.owner) {
            (MemberKind::Profile, _) => member,
            (MemberKind::Space, Some(owner)) => {
                let is_owner =
                    |other: &&Member| other.kind == MemberKind::Profile && other.name == *owner;
                self.members.iter().find(is_owner)?
            }
            (MemberKind::Space, None) => return None,
        };
        // The last answer may have the values of another tag.
        let tag = profile.tag.as_ref().filter(|tag| tag.key == key)?;
        Some(tag.value.trim()).filter(|group| !group.is_empty())
    }

    /// All members: user profiles first, each kind by name.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The uids in a range, in order.
    pub(super) fn uids(&self, range: RangeInclusive<u32>) -> impl Iterator<Item = u32> {
        self.by_uid.range(range).map(|(uid, _)| *uid)
    }

    /// Why the groups are not current; `None` if they are, or if there are none.
    pub(super) fn groups_problem(&self) -> Option<&str> {
        self.groups_problem.as_deref()
    }

    /// Why the members are not current or not complete; `None` if they are.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// Asks for the tags with the groups. If there is no answer, keeps those of the last one.
fn tag(members: &mut [Member], key: &str, domain: &str, aws: &Aws) -> Result<(), String> {
    aws.tag_profiles(members, key).map_err(|error| {
        let kept = members.iter().any(|member| member.tag.is_some());
        let since = if kept { "groups as of the last answer" } else { "no groups" };
        log::warn!("the tag {key} of the profiles of sagemaker:{domain}: {}; {since}", error.text);
        error.text
    })
}

fn members(domain: &str, aws: &Aws, known: &[Member]) -> ServiceResult<Vec<Member>> {
    aws.members(&domain_id(domain, aws)?, known)
}

/// Finds the id of a domain by its id or name.
///
/// # Errors
/// No domain has the name, or several do.
pub(crate) fn domain_id(domain: &str, aws: &Aws) -> ServiceResult<String> {
    let is_id = |rest: &str| rest.len() >= 6 && rest.chars().all(|c| c.is_ascii_alphanumeric());
    if domain.strip_prefix("d-").is_some_and(is_id) {
        return Ok(domain.to_owned());
    }
    let domains = aws.domains()?;
    let mut same = domains.iter().filter(|other| other.name == domain);
    let problem = match (same.next(), same.next()) {
        (Some(one), None) => return Ok(one.id.clone()),
        (Some(_), Some(_)) => "several domains have this name; give the id of one",
        (None, _) => "there is no such domain in this region",
    };
    let all = domains.iter().map(|other| format!("{} ({})", other.id, other.name));
    let all: Vec<String> = all.collect();
    let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let text = format!("SageMaker domain `{domain}`: {problem}. There are: {all}");
    Err(ServiceError::new(Trouble::Missing, text))
}

/// Makes `domain` a part of a file name.
fn file_name(domain: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    domain.chars().map(plain).collect()
}
