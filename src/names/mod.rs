//! Who a home belongs to: uid to person, from several sources in order.

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
    /// The system's user database, with whatever the name service switch adds to it.
    Passwd,
    /// A file of `uid,name` lines.
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
                "`{text}` is no source of names; use passwd, csv:FILE or sagemaker:DOMAIN"
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

/// A source that can be asked.
#[derive(Debug)]
enum Source {
    Passwd,
    Csv(CsvMap),
    SageMaker(Studio),
}

/// All sources, the first answer wins.
#[derive(Debug, Default)]
pub struct Names {
    sources: Vec<(SourceSpec, Source)>,
}

/// A person, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The source.
    pub source: String,
    /// What it is in SageMaker Studio, if the source is that.
    pub member: Option<MemberKind>,
}

/// What could not be used as a source of names.
#[derive(Debug, thiserror::Error)]
#[error("names from {spec}: {problem}")]
pub struct NamesError {
    spec: String,
    problem: String,
}

impl Names {
    /// Opens the sources. What SageMaker said last is kept in `state`.
    ///
    /// # Errors
    /// Names the source, and the line that is wrong in it.
    pub fn open(specs: &[SourceSpec], aws: &Aws, state: &Path) -> Result<Self, NamesError> {
        let open = |spec: &SourceSpec| {
            let source = match spec {
                SourceSpec::Passwd => Source::Passwd,
                SourceSpec::Csv(path) => Source::Csv(CsvMap::read(path).map_err(|problem| {
                    let spec = spec.to_string();
                    NamesError { spec, problem }
                })?),
                SourceSpec::SageMaker(domain) => {
                    let studio = Studio::ask(domain, aws, state);
                    Source::SageMaker(studio.map_err(|problem| {
                        let spec = spec.to_string();
                        NamesError { spec, problem }
                    })?)
                }
            };
            Ok((spec.clone(), source))
        };
        let sources = specs.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { sources })
    }

    /// Who has `uid`.
    pub fn person(&self, uid: u32) -> Option<Person> {
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
            Some(Person { name, source, member })
        })
    }

    /// The uids that a name stands for. Sources may disagree, and one person may have several.
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

    /// Whether a source was given that should know everybody who has a home, so that a home it
    /// does not know is an orphan. The system's user database is none: people come from a
    /// directory elsewhere.
    pub fn know_everybody(&self) -> bool {
        self.sources.iter().any(|(_, source)| match source {
            Source::Passwd => false,
            Source::Csv(_) => true,
            Source::SageMaker(studio) => studio.is_current(),
        })
    }
}
