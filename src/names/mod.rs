//! Owners of homes: maps uids to people, from several sources in order.

mod csv_map;
mod name_map;
mod sagemaker;

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;

use nix::unistd::{Group, Uid, User};

use crate::aws::{Aws, Member, MemberKind};
use crate::state::State;
use csv_map::CsvMap;
pub(crate) use csv_map::{lines_by_hand, read_by_hand};
use sagemaker::Studio;

pub(crate) use name_map::alike;
pub use name_map::{NameMap, Spelling, twins};

pub(crate) use sagemaker::domain_id;

/// A source of names, as written: `passwd`, `csv:FILE` or `sagemaker:DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// The system's user database, with everything that the name service switch adds.
    Passwd,
    /// A CSV file of `uid,name`.
    Csv(PathBuf),
    /// The user profiles and spaces of a SageMaker Studio domain, given by id or name.
    SageMaker(String),
}

impl FromStr for SourceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "passwd" => Ok(Self::Passwd),
            Some(("csv", path)) if !path.is_empty() => Ok(Self::Csv(path.into())),
            Some(("sagemaker", domain)) if !domain.is_empty() => {
                Ok(Self::SageMaker(domain.to_owned()))
            }
            _ => Err(format!(
                "`{text}` is not a source of names; use passwd, csv:FILE or sagemaker:DOMAIN"
            )),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passwd => f.write_str("passwd"),
            Self::Csv(path) => write!(f, "csv:{}", path.display()),
            Self::SageMaker(domain) => write!(f, "sagemaker:{domain}"),
        }
    }
}

/// Sources of groups, besides the column `group` of a CSV file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSources {
    /// The tag of SageMaker user profiles whose value is the group.
    pub tag: Option<String>,
    /// True to use primary groups from the system's user database.
    pub passwd: bool,
}

/// An open source.
#[derive(Debug)]
enum Source {
    Passwd { groups: bool },
    Csv(CsvMap),
    SageMaker(Studio),
}

/// Largest distance of a plausible uid from a known uid. People who left had uids near those of
/// others: SageMaker assigns uids consecutively from about 200000.
const AROUND: u32 = 1000;

/// Least number that may be a uid although all known uids near it are less, or all are more. Smaller
/// numbers are years, versions and counts more often: `2024` and `12` beside people from 1000 on.
const NO_COUNT: u32 = 100_000;

impl Source {
    /// The name of a uid, and its kind in SageMaker.
    fn name(&self, uid: u32) -> Option<(String, Option<MemberKind>)> {
        match self {
            Self::Passwd { .. } => {
                Some((User::from_uid(Uid::from_raw(uid)).ok().flatten()?.name, None))
            }
            Self::Csv(map) => Some((map.name(uid)?.to_owned(), None)),
            Self::SageMaker(studio) => {
                let member = studio.member(uid)?;
                Some((member.name.clone(), Some(member.kind)))
            }
        }
    }

    /// The group of a uid.
    fn group(&self, uid: u32) -> Option<String> {
        match self {
            Self::Passwd { groups: false } => None,
            Self::Passwd { groups: true } => {
                let user = User::from_uid(Uid::from_raw(uid)).ok().flatten()?;
                Some(Group::from_gid(user.gid).ok().flatten()?.name)
            }
            Self::Csv(map) => map.group(uid).map(str::to_owned),
            Self::SageMaker(studio) => studio.group(uid).map(str::to_owned),
        }
    }

    /// The known uids in a range. None from the system's user database: listing it may read the
    /// directory of a whole company.
    fn uids(&self, range: RangeInclusive<u32>) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::Passwd { .. } => Box::new(std::iter::empty()),
            Self::Csv(map) => Box::new(map.uids(range)),
            Self::SageMaker(studio) => Box::new(studio.uids(range)),
        }
    }

    /// True if the source knows a uid in the range, other than root, which is not a person.
    fn has_any(&self, range: RangeInclusive<u32>) -> bool {
        self.uids(range).any(|uid| uid != 0)
    }
}

/// All sources in order; the first answer takes precedence.
#[derive(Debug, Default)]
pub struct Names {
    sources: Vec<(SourceSpec, Source)>,
    /// The first names of all uids, hashed by [`spelled`], each with its uid, sorted.
    uids: OnceLock<Vec<(u64, u32)>>,
}

/// The owner of a uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedOwner {
    pub name: String,
    /// Different names in later sources that are not another uid's first name: a source may still
    /// have the former owner of a uid.
    pub aliases: Vec<String>,
    /// The source of the name, as written.
    pub source: String,
    /// Profile or space, if the source is SageMaker Studio.
    pub member: Option<MemberKind>,
    /// The group that pays, from the first source that has one.
    pub group: Option<String>,
    /// True if another uid has the same name, or one that differs only in its spelling.
    pub has_namesake: bool,
}

/// True for a year, and for one from 2010 on with a month, or with month and day: `2024`, `202402`,
/// `20240229`.
/// The first uids of SageMaker, from 200000 on, would be months of earlier years.
fn reads_as_date(number: u32) -> bool {
    let is_year = |year: u32| (2010..2100).contains(&year);
    let is_month = |month: u32| (1..=12).contains(&month);
    match number {
        ..=9999 => (1900..2100).contains(&number),
        10_000..=999_999 => is_year(number / 100) && is_month(number % 100),
        _ => {
            let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
            is_year(year) && is_month(month) && (1..=31).contains(&day)
        }
    }
}

/// Hashes a name in its normalized spelling. A list of hashes takes a tenth of the names' memory;
/// if two names have the same hash, each is looked up with its exact spelling.
fn spelled(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name_map::alike(name).hash(&mut hasher);
    hasher.finish()
}

impl NamedOwner {
    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.name].into_iter().chain(&self.aliases).map(String::as_str)
    }
}

/// A source of names that is unusable.
#[derive(Debug, thiserror::Error)]
#[error("names from {spec}: {problem}")]
pub struct NamesError {
    spec: String,
    problem: String,
}

impl Names {
    /// Opens the sources. If `state` is given, SageMaker's last answer is kept there.
    ///
    /// # Errors
    /// Names the source, and the line of the problem in it.
    pub fn open(
        specs: &[SourceSpec],
        groups: &GroupSources,
        aws: &Aws,
        state: Option<&State>,
    ) -> Result<Self, NamesError> {
        let open = |spec: &SourceSpec| {
            let source = match spec {
                SourceSpec::Passwd => Ok(Source::Passwd { groups: groups.passwd }),
                SourceSpec::Csv(path) => CsvMap::read(path).map(Source::Csv),
                SourceSpec::SageMaker(domain) => {
                    Studio::ask(domain, groups.tag.as_deref(), aws, state).map(Source::SageMaker)
                }
            };
            match source {
                Ok(source) => Ok((spec.clone(), source)),
                Err(problem) => Err(NamesError { spec: spec.to_string(), problem }),
            }
        };
        let sources = specs.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { sources, ..Self::default() })
    }

    /// Looks up the owner of `uid`.
    pub fn owner(&self, uid: u32) -> Option<NamedOwner> {
        let mut found = self.sources.iter().filter_map(|(spec, source)| {
            let (name, member) = source.name(uid)?;
            let (group, source) = (source.group(uid), spec.to_string());
            let has_namesake = false;
            Some(NamedOwner { name, aliases: Vec::new(), source, member, group, has_namesake })
        });
        let mut owner = found.next()?;
        owner.has_namesake = self.is_anothers(&owner.name, uid);
        for NamedOwner { name, group, .. } in found {
            if name != owner.name && self.is_anothers(&name, uid) {
                continue;
            }
            owner.group = owner.group.or(group);
            if name != owner.name && !owner.aliases.contains(&name) {
                owner.aliases.push(name);
            }
        }
        Some(owner)
    }

    /// True if the name belongs to another uid, by the first source that knows that uid. Names are
    /// compared as SageMaker compares them.
    pub(crate) fn is_anothers(&self, name: &str, uid: u32) -> bool {
        self.alike(name).any(|other| other != uid)
    }

    /// The uids whose first name differs at most in its spelling.
    fn alike(&self, name: &str) -> impl Iterator<Item = u32> {
        let uids = self.uids.get_or_init(|| {
            let mut named = BTreeSet::new();
            let mut uids = Vec::new();
            for (_, source) in &self.sources {
                for uid in source.uids(0..=u32::MAX).filter(|uid| named.insert(*uid)) {
                    let name = source.name(uid).map(|(name, _)| name);
                    uids.push((spelled(&name.unwrap_or_default()), uid));
                }
            }
            uids.sort_unstable();
            uids
        });
        let name = spelled(name);
        let first = uids.partition_point(|(other, _)| *other < name);
        uids[first..].iter().take_while(move |(other, _)| *other == name).map(|(_, uid)| *uid)
    }

    /// True if a directory called `name` that `uid` owns is called like somebody else: its owner's own
    /// name is another one, or differs in its spelling while another person's does not.
    pub(crate) fn is_called_like_another(&self, name: &str, uid: u32) -> bool {
        let own = self.owner(uid).map(|owner| owner.name);
        let is_own = own.as_ref().is_some_and(|own| {
            let is_alike = || alike(own) == alike(name) && !self.is_spelled_by_another(name, uid);
            own == name || is_alike()
        });
        !is_own && self.is_anothers(name, uid)
    }

    /// True if another uid has exactly this name.
    fn is_spelled_by_another(&self, name: &str, uid: u32) -> bool {
        let is_spelled = |other: u32| self.owner(other).is_some_and(|owner| owner.name == name);
        self.alike(name).any(|other| other != uid && is_spelled(other))
    }

    /// The user profiles and spaces of all domains, with or without a home, each with its source as
    /// written.
    pub fn members(&self) -> impl Iterator<Item = (String, &Member)> {
        self.sources.iter().flat_map(|(spec, source)| {
            let members = match source {
                Source::SageMaker(studio) => studio.members(),
                Source::Passwd { .. } | Source::Csv(_) => &[],
            };
            members.iter().map(|member| (spec.to_string(), member))
        })
    }

    /// Reasons of sources whose current answer is missing or incomplete.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter_map(|(_, source)| match source {
            Source::SageMaker(studio) => studio.problem(),
            Source::Passwd { .. } | Source::Csv(_) => None,
        })
    }

    /// Reasons of sources that did not return groups.
    pub fn groups_problems(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter_map(|(_, source)| match source {
            Source::SageMaker(studio) => studio.groups_problem(),
            Source::Passwd { .. } | Source::Csv(_) => None,
        })
    }

    /// True if a directory named `uid` may be the home of that uid, though that uid may not own it: a
    /// source knows the uid, or uids within 1,000 of it, below as well as above it if it is less than
    /// 100,000. The system's user database has uids of services in every range, so only
    /// its own uids count. If no other source has uids, every number may be one. A date is none where
    /// root owns the directory, as `202402` beside people with uids from 201500 on, if no source
    /// knows it.
    pub fn may_be_uid(&self, uid: u32, directory_owner: u32) -> bool {
        let any = |range: RangeInclusive<u32>| {
            self.sources.iter().any(|(_, source)| source.has_any(range.clone()))
        };
        let is_date = directory_owner == 0 && reads_as_date(uid);
        let is_after = any(uid.saturating_sub(AROUND)..=uid);
        let is_before = any(uid..=uid.saturating_add(AROUND));
        let is_near = is_after && is_before || uid >= NO_COUNT && (is_after || is_before);
        !is_date && is_near || !any(0..=u32::MAX) || self.owner(uid).is_some()
    }

    /// True if the owners of all homes are known, so that a home without a known owner is an orphan
    /// home: there are sources that should know everybody, and all of them answered. One that did
    /// not answer may know the owner. The system's user database does not count: users often come
    /// from a directory elsewhere.
    pub fn know_everybody(&self) -> bool {
        let mut complete = self.sources.iter().filter_map(|(_, source)| match source {
            Source::Passwd { .. } => None,
            Source::Csv(_) => Some(true),
            Source::SageMaker(studio) => Some(studio.problem().is_none()),
        });
        // `all` alone is true if there are no sources.
        complete.next().is_some_and(|first| first && complete.all(|answered| answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(maps: &[&str]) -> Names {
        let source = |text: &&str| {
            let map = CsvMap::parse(text.as_bytes()).expect(text);
            (SourceSpec::Csv("map".into()), Source::Csv(map))
        };
        Names { sources: maps.iter().map(source).collect(), ..Names::default() }
    }

    #[test]
    fn a_number_far_from_all_known_uids_is_not_a_uid() {
        let one = names(&["200005,alice\n200900,bob\n"]);
        for (uid, is) in [
            (199_004, false),
            (199_005, true),
            (200_001, true),
            (200_500, true),
            (201_900, true),
            (201_901, false),
            (2024, false),
            (202_401, false),
            (20_240_131, false),
            (0, false),
        ] {
            assert_eq!(one.may_be_uid(uid, 1), is, "{uid}");
        }
        // A service with a distant uid does not make the numbers between plausible, and root is not
        // a person.
        let two = names(&["0,root\n5000,svc\n200005,alice\n"]);
        for (uid, is) in
            [(0, true), (2024, false), (4500, false), (100_000, false), (200_006, true)]
        {
            assert_eq!(two.may_be_uid(uid, 1), is, "{uid}");
        }
        for none in [&[][..], &[""], &["0,root\n"]] {
            assert!(names(none).may_be_uid(2024, 0), "{none:?} has no range");
        }
        let passwd = vec![(SourceSpec::Passwd, Source::Passwd { groups: false })];
        let system = Names { sources: passwd, ..Names::default() };
        assert!(system.may_be_uid(2024, 0));
    }

    #[test]
    fn a_date_that_root_owns_is_a_uid_only_if_a_source_knows_it() {
        let uids = names(&["1500,alice\n2500,erin\n201800,bob\n202401,carol\n20240100,dave\n"]);
        for (number, of_root, of_others) in [
            (2024, false, true),
            (1999, false, true),
            (1899, true, true),
            (1499, false, false),
            (12, false, false),
            (2501, false, false),
            (202_402, false, true),
            (202_413, true, true),
            (202_401, true, true),
            (201_900, true, true),
            (20_240_131, false, true),
            (20_240_132, true, true),
            (200_007, false, false),
        ] {
            let judged = (uids.may_be_uid(number, 0), uids.may_be_uid(number, 1500));
            assert_eq!(judged, (of_root, of_others), "{number}");
        }
        assert!(names(&["200005,alice\n"]).may_be_uid(200_007, 0), "one who left");
    }

    #[test]
    fn the_first_source_names_the_owner_and_the_others_add_names() {
        let three = names(&["1,asmith\n", "1,alice\n2,bob\n", "1,asmith\n2,bob\n"]);
        let owner = |uid| three.owner(uid).map(|owner| (owner.name, owner.aliases));
        assert_eq!(owner(1), Some(("asmith".to_owned(), vec!["alice".to_owned()])));
        assert_eq!(owner(2), Some(("bob".to_owned(), Vec::new())));
        assert_eq!(owner(3), None);
        // A uid that bob had before carol.
        let reused = names(&["1,carol\n2,Bob\n", "1,bob\n2,robert\n3,bob\n"]);
        let aliases = |uid| reused.owner(uid).map(|owner| owner.aliases);
        assert_eq!(aliases(1), Some(Vec::new()));
        assert_eq!(aliases(2), Some(vec!["robert".to_owned()]));
    }

    #[test]
    fn the_first_source_with_a_group_has_it_and_a_former_owner_has_none() {
        let head = "uid,name,group\n";
        let all = names(&[
            &format!("{head}1,asmith,\n2,bob,lab\n3,carol,\n"),
            &format!("{head}1,alice,physics\n2,bob,theory\n3,bob,theory\n"),
        ]);
        let group = |uid| all.owner(uid).and_then(|owner| owner.group);
        assert_eq!(group(1).as_deref(), Some("physics"));
        assert_eq!(group(2).as_deref(), Some("lab"));
        assert_eq!(group(3), None, "bob had this uid before carol");
    }
}
