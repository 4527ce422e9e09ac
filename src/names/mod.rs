//! Finds the owners of homes: uid to person, from several sources in order.

mod csv_map;
mod sagemaker;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::unistd::{Uid, User};

use crate::aws::{Aws, MemberKind};
use csv_map::CsvMap;
pub(crate) use csv_map::lines_by_hand;
use sagemaker::Studio;

pub(crate) use sagemaker::domain_id;

/// A source as it is written: `passwd`, `csv:FILE` or `sagemaker:DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// The system's user database, including what the name service switch adds to it.
    Passwd,
    /// A CSV file of `uid,name`.
    Csv(PathBuf),
    /// The user profiles and spaces of a domain of SageMaker Studio, by its id or name.
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

/// A source that is open.
#[derive(Debug)]
enum Source {
    Passwd,
    Csv(CsvMap),
    SageMaker(Studio),
}

/// All sources in order; the first answer counts.
#[derive(Debug, Default)]
pub struct Names {
    sources: Vec<(SourceSpec, Source)>,
}

/// The owner of a uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedOwner {
    pub name: String,
    /// The source that knows the name, as it is written.
    pub source: String,
    /// Profile or space, if the source is SageMaker Studio.
    pub member: Option<MemberKind>,
}

/// A source of names that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("names from {spec}: {problem}")]
pub struct NamesError {
    spec: String,
    problem: String,
}

impl Names {
    /// Opens the sources. SageMaker's last answer is kept in `state_dir`.
    ///
    /// # Errors
    /// Names the source, and the line that is wrong in it.
    pub fn open(specs: &[SourceSpec], aws: &Aws, state_dir: &Path) -> Result<Self, NamesError> {
        let open = |spec: &SourceSpec| {
            let source = match spec {
                SourceSpec::Passwd => Ok(Source::Passwd),
                SourceSpec::Csv(path) => CsvMap::read(path).map(Source::Csv),
                SourceSpec::SageMaker(domain) => {
                    Studio::ask(domain, aws, state_dir).map(Source::SageMaker)
                }
            };
            match source {
                Ok(source) => Ok((spec.clone(), source)),
                Err(problem) => Err(NamesError { spec: spec.to_string(), problem }),
            }
        };
        let sources = specs.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { sources })
    }

    /// Looks up the owner of `uid`.
    pub fn owner(&self, uid: u32) -> Option<NamedOwner> {
        self.sources.iter().find_map(|(spec, source)| {
            let (name, member) = match source {
                Source::Passwd => (User::from_uid(Uid::from_raw(uid)).ok().flatten()?.name, None),
                Source::Csv(map) => (map.name(uid)?.to_owned(), None),
                Source::SageMaker(studio) => {
                    let member = studio.member(uid)?;
                    (member.name.clone(), Some(member.kind))
                }
            };
            let source = spec.to_string();
            Some(NamedOwner { name, source, member })
        })
    }

    /// Looks up the uids of a name, which may be several. The first source that has any counts.
    pub fn uids(&self, name: &str) -> Vec<u32> {
        let found = self.sources.iter().map(|(_, source)| match source {
            Source::Passwd => {
                let user = User::from_name(name).ok().flatten();
                user.map(|user| user.uid.as_raw()).into_iter().collect()
            }
            Source::Csv(map) => map.uids(name),
            Source::SageMaker(studio) => studio.uids(name),
        });
        found.into_iter().find(|uids: &Vec<u32>| !uids.is_empty()).unwrap_or_default()
    }

    /// True if a source should know the owner of every home, so a home without one is an orphan
    /// home. The system's user database does not count: users often come from a directory
    /// elsewhere.
    pub fn know_everybody(&self) -> bool {
        self.sources.iter().any(|(_, source)| match source {
            Source::Passwd => false,
            Source::Csv(_) => true,
            Source::SageMaker(studio) => studio.is_current(),
        })
    }
}
