//! The homes that `--user` selects.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::aws::{Member, MemberKind};
use crate::exit::Failure;
use crate::log;
use crate::names::{NamedOwner, Names};
use crate::published::{SelectedBy, selected};
use crate::scan::{Ended, Engine};
use crate::stop::Stop;
use crate::text::printable;
use crate::usage::{Errors, Home, Ledger, Op, Problem, Totals, uid_of_name};

/// Refuses text that is not a name, a uid or the path of a home.
pub(super) fn check_users(users: &[String]) -> Result<(), Failure> {
    let is_bad = |user: &&String| user.split('/').any(|part| ["", ".", ".."].contains(&part));
    match users.iter().find(is_bad) {
        None => Ok(()),
        Some(user) => Err(Failure::usage(format!("--user `{user}` is neither a name nor a uid"))),
    }
}

/// The homes of the selected users.
pub(super) struct AskedHomes {
    /// Their paths below the root.
    pub(super) paths: BTreeSet<Vec<u8>>,
    /// True if there may be more, because something could not be read.
    pub(super) may_lack: bool,
}

/// Finds the homes of `users`. A home is also theirs if they own its directory, so this lists the
/// directories above the homes, and reads the owner of each home. `ledger` is that of a survey.
pub(super) fn find(
    users: &[String],
    names: &Names,
    (engine, root): (&dyn Engine, &Path),
    ledger: &Arc<Ledger>,
    stop: &Arc<Stop>,
) -> Result<AskedHomes, Failure> {
    let ended = engine.walk(ledger, stop).map_err(Failure::fatal)?;
    let Totals { homes, errors, .. } = ledger.finish();
    let homes: Vec<&Home> =
        homes.iter().map(|home| &**home).filter(|home| home.is_home()).collect();
    let owner = |home: &&Home| home.uid.and_then(|uid| names.owner(uid));
    let owners: Vec<Option<NamedOwner>> = homes.iter().map(owner).collect();
    let by = homes.iter().zip(&owners).map(|(home, owner)| SelectedBy {
        path: (&*home.path).into(),
        uid: home.uid,
        names: owner.iter().flat_map(NamedOwner::names).collect(),
        is_home: true,
    });
    let (keep, missing) = selected(&by.collect::<Vec<_>>(), users);
    // An interrupted walk may not have reached a home.
    if ended == Ended::Complete && !missing.is_empty() {
        let missing: Vec<String> = missing.iter().map(|user| named(user, names)).collect();
        let (root, missing) = (root.display(), missing.join(", "));
        return Err(Failure::usage(format!("no home below {root} for {missing}")));
    }
    let kept = homes.iter().zip(keep).filter(|(_, keep)| *keep);
    let paths = kept.map(|(home, _)| home.path.to_vec()).collect();
    Ok(AskedHomes { paths, may_lack: may_lack(&errors, names) })
}

/// Formats a user without a home, with SageMaker's information: a member may have no home yet.
fn named(user: &str, names: &Names) -> String {
    let of_user = |member: &Member| {
        member.name == user || member.uid.is_some_and(|uid| uid.to_string() == user)
    };
    let found = names.members().find(|(_, member)| of_user(member));
    match found.map(|(source, member)| (source, member.kind)) {
        Some((source, MemberKind::Profile)) => format!("{user} (a user profile of {source})"),
        Some((source, MemberKind::Space)) => format!("{user} (a space of {source})"),
        None => user.to_owned(),
    }
}

/// True if an unreadable entry may be anybody's home. A home named by a uid has a known owner.
fn may_lack(errors: &Errors, names: &Names) -> bool {
    let is_named = |problem: &&Problem| {
        let last = problem.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        problem.op == Op::Stat && uid_of_name(last).is_some_and(|uid| names.may_be_uid(uid, uid))
    };
    let mut others = errors.samples.iter().filter(|problem| !is_named(problem));
    let all_known = errors.samples.len() as u64 == errors.count;
    match (others.next(), all_known) {
        (None, true) => return false,
        (None, false) => log::warn!("homes may be missing: the owners of homes could not be read"),
        (Some(problem), _) => {
            log::warn!("homes may be missing: {}: {}", printable(&problem.path), problem.message)
        }
    }
    true
}
