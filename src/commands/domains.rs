//! Apps of several SageMaker Studio domains.

use std::collections::BTreeSet;

use crate::aws::{App, Aws};
use crate::exit::Failure;
use crate::log;
use crate::names::domain_id;

/// Prefix of a domain among sources of names.
pub(super) const SOURCE: &str = "sagemaker:";

/// Apps of the domains that answered.
pub(super) struct DomainApps {
    /// Each with its domain's source of names: `sagemaker:DOMAIN`.
    pub(super) apps: Vec<(String, App)>,
    /// True if a domain did not answer.
    pub(super) unanswered: bool,
}

/// Returns the domains among sources of names, as written.
pub(super) fn domains_of<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.filter_map(|name| name.strip_prefix(SOURCE)).map(str::to_owned).collect()
}

/// Lists the apps of domains, given by id or name. Warns of a domain that does not answer.
///
/// # Errors
/// No domain answers.
pub(super) fn apps_of(domains: &[String], aws: &Aws) -> Result<DomainApps, Failure> {
    let mut apps = Vec::new();
    let mut failed = Vec::new();
    let mut asked = BTreeSet::new();
    for domain in domains {
        let found = domain_id(domain, aws).and_then(|id| match asked.insert(id.clone()) {
            true => aws.apps(&id),
            // A domain may be listed by its id and by its name.
            false => Ok(Vec::new()),
        });
        let source = format!("{SOURCE}{domain}");
        match found {
            Ok(found) => apps.extend(found.into_iter().map(|app| (source.clone(), app))),
            Err(error) => failed.push(error.text),
        }
    }
    if failed.len() == domains.len()
        && let Some(problem) = failed.first()
    {
        return Err(Failure::fatal(problem));
    }
    for problem in &failed {
        log::warn!("apps are missing: {problem}");
    }
    Ok(DomainApps { apps, unanswered: !failed.is_empty() })
}
