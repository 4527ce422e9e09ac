//! Finds long-running apps and their owners.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::domains::{SOURCE, apps_of, domains_of};
use crate::aws::Aws;
use crate::config::Readers;
use crate::exit::Failure;
use crate::log;
use crate::names::{GroupSources, Names, SourceSpec, domain_id};
use crate::published::{SelectedBy, selected};
use crate::remind::{AddressBook, LongRunning, Reminding, long_running};
use crate::report::Report;
use crate::service_error::ServiceError;

/// Long-running apps of the domains that answered.
pub(super) struct Found {
    pub(super) apps: Vec<LongRunning>,
    /// True if a domain did not answer.
    pub(super) unanswered: bool,
}

/// Asks the configured domains, or else those that named the homes of the runs.
pub(super) fn find(
    readers: &Readers,
    reports: &[Report],
    reminding: &Reminding,
    book: &AddressBook<'_>,
    aws: &Aws,
    now: Timestamp,
) -> Result<Found, Failure> {
    let of_runs = || domains_of(reports.iter().flat_map(|report| &report.run.names));
    let domains = match readers.domains.is_empty() {
        true => of_runs(),
        false => readers.domains.clone(),
    };
    if domains.is_empty() {
        let problem = "reminders of apps need a domain: names = [\"sagemaker:DOMAIN\"]";
        return Err(Failure::usage(problem));
    }
    let found = apps_of(&domains, aws)?;
    let mut apps = long_running(found.apps, &reminding.apps, now);
    let mut unanswered = found.unanswered;
    if let Err(error) = name_owners(&mut apps, readers, book, aws) {
        log::warn!("the uids of the apps' owners are not known: {}", error.problem);
        unanswered = true;
        // Without the uid, the message might go to another address than the one of its owner's
        // home.
        apps.clear();
    }
    Ok(Found { apps, unanswered })
}

/// Sets the uid of each app's owner, and the owner's name in a source before the domain. Only if
/// addresses depend on uids; otherwise the profile's name is enough.
fn name_owners(
    apps: &mut [LongRunning],
    readers: &Readers,
    book: &AddressBook<'_>,
    aws: &Aws,
) -> Result<(), Failure> {
    let is_domain = |spec: &&SourceSpec| matches!(spec, SourceSpec::SageMaker(_));
    let before: Vec<SourceSpec> =
        readers.names.iter().take_while(|spec| !is_domain(spec)).cloned().collect();
    let names_first = before.len() < readers.names.len() && !before.is_empty();
    if apps.is_empty() || (!names_first && !book.has_uids()) {
        return Ok(());
    }
    let before = if names_first { &before[..] } else { &[] };
    // None of these is a domain, whose answers are kept.
    let names = Names::open(before, &GroupSources::default(), aws, None);
    let names = names.map_err(Failure::usage)?;
    let failed = |error: ServiceError| Failure::fatal(error.text);
    let mut uids: HashMap<(String, String), Option<u32>> = HashMap::new();
    for app in apps {
        let Some(profile) = app.profile() else { continue };
        let key = (app.source.clone(), profile.to_owned());
        let uid = match uids.get(&key) {
            Some(uid) => *uid,
            None => {
                let domain = key.0.strip_prefix(SOURCE).unwrap_or(&key.0);
                let id = domain_id(domain, aws).map_err(failed)?;
                let uid = aws.profile_uid(&id, profile).map_err(failed)?;
                uids.insert(key, uid);
                uid
            }
        };
        app.uid = uid;
        let owner = uid.and_then(|uid| names.owner(uid));
        app.owner_has_namesake = owner.as_ref().is_some_and(|owner| owner.has_namesake);
        app.owner_name = owner.map(|owner| owner.name);
    }
    Ok(())
}

/// Keeps the apps of these users. Returns the users in `missing` without an app.
pub(super) fn keep<'u>(
    apps: Option<&mut Vec<LongRunning>>,
    users: &'u [String],
    missing: Vec<&'u str>,
) -> Vec<&'u str> {
    let Some(apps) = apps.filter(|_| !users.is_empty()) else { return missing };
    let by = apps.iter().map(|app| {
        let names = [app.profile(), app.owner_name.as_deref(), app.app.space.as_deref()];
        SelectedBy {
            path: app.app.space.as_deref().unwrap_or_default().as_bytes().into(),
            uid: app.uid,
            names: names.into_iter().flatten().collect(),
            is_home: true,
        }
    });
    let (keep, without) = selected(&by.collect::<Vec<_>>(), users);
    let mut keep = keep.into_iter();
    apps.retain(|_| keep.next().unwrap_or(false));
    missing.into_iter().filter(|user| without.contains(user)).collect()
}
