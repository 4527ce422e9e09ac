//! User profiles and spaces of a domain of SageMaker Studio.
//!
//! An outage never stops a scan: what SageMaker said last is kept, and used with a warning. Then
//! nobody is called an orphan, because somebody new may have come since.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::aws::{Aws, Member};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// What is kept of a domain.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    asked: Timestamp,
    members: Vec<Member>,
}

/// Who is in a domain.
#[derive(Debug, Default)]
pub(super) struct Studio {
    by_uid: BTreeMap<u32, Member>,
    current: bool,
}

impl Studio {
    /// Asks SageMaker, or falls back to what it said last.
    ///
    /// An error only where the domain does not exist.
    pub(super) fn ask(domain: &str, aws: &Aws, state: &Path) -> Result<Self, String> {
        let file = state.join(format!("names-{}.json", file_name(domain)));
        let kept = std::fs::read(&file).ok();
        let kept: Option<Kept> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let known = kept.as_ref().map_or(&[][..], |kept| &kept.members);
        match members(domain, aws, known) {
            Ok(members) if members.is_empty() => {
                tracing::warn!(
                    "sagemaker:{domain} has neither user profiles nor spaces: no names from it, \
                     and no home is called an orphan"
                );
                Ok(Self::default())
            }
            Ok(members) => {
                let kept = Kept { asked: Timestamp::now(), members };
                let bytes = serde_json::to_vec(&kept).map_err(|error| error.to_string())?;
                // An administrator without write access to the state has the names all the same.
                let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
                if let Err(error) = made.and_then(|()| atomic::replace(&file, 0o600, &bytes)) {
                    tracing::info!("keeping names in {}: {error}", file.display());
                }
                Ok(Self::of(kept.members, true))
            }
            Err(error) if error.trouble == Trouble::Missing => Err(error.text),
            Err(error) => {
                let (since, members) = match kept {
                    Some(Kept { asked, members }) => {
                        (format!("names as of {}", asked.strftime("%Y-%m-%d %H:%M UTC")), members)
                    }
                    None => ("no names".to_owned(), Vec::new()),
                };
                tracing::warn!("{}; {since}, and no home is called an orphan", error.text);
                Ok(Self::of(members, false))
            }
        }
    }

    fn of(members: Vec<Member>, current: bool) -> Self {
        let mut by_uid = BTreeMap::new();
        for member in members {
            // A private space has the home of its owner, whose profile comes first in order.
            if let Some(uid) = member.uid {
                by_uid.entry(uid).or_insert(member);
            }
        }
        Self { by_uid, current }
    }

    pub(super) fn member(&self, uid: u32) -> Option<&Member> {
        self.by_uid.get(&uid)
    }

    pub(super) fn uids(&self, name: &str) -> Vec<u32> {
        let same = |(uid, member): (&u32, &Member)| (member.name == name).then_some(*uid);
        self.by_uid.iter().filter_map(same).collect()
    }

    /// Whether SageMaker itself said so just now, and all of it.
    pub(super) fn is_current(&self) -> bool {
        self.current
    }
}

fn members(domain: &str, aws: &Aws, known: &[Member]) -> ServiceResult<Vec<Member>> {
    aws.members(&domain_id(domain, aws)?, known)
}

/// The id of a domain that is given by id or name.
///
/// # Errors
/// If there is none of that name, or several.
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

/// A name of a file that holds no path.
fn file_name(domain: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    domain.chars().map(plain).collect()
}
