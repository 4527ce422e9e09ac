//! Sorts homes with a reason for a reminder by recipient, or as untold.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{Address, AddressBook};
use super::ledger::Reason;
use crate::aws::MemberKind;
use crate::names::{Spelling, twins};
use crate::report::{Coverage, HomeKind, HomeReport, OwnerStatus, Report};
use crate::units::AllocatedBytes;

/// A home and the reasons to remind its owner.
#[derive(Clone, Debug)]
pub(super) struct Subject<'a> {
    pub(super) home: &'a HomeReport,
    pub(super) reasons: Vec<Reason>,
}

/// An address, and all homes that its owner is to be reminded of.
#[derive(Clone, Debug)]
pub(super) struct Recipient<'a> {
    pub(super) address: Address,
    /// The owner's name as in the report.
    pub(super) name: String,
    /// Number of uid homes in the report with this address, with or without a reason.
    pub(super) uid_homes: usize,
    pub(super) subjects: Vec<Subject<'a>>,
}

impl Recipient<'_> {
    /// Returns all reasons, each once.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        let all = self.subjects.iter().flat_map(|subject| &subject.reasons);
        let mut all: Vec<Reason> = all.copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns the recipient with only these reasons and their homes.
    pub(super) fn only(&self, reasons: &[Reason]) -> Self {
        let mut person = self.clone();
        for subject in &mut person.subjects {
            subject.reasons.retain(|reason| reasons.contains(reason));
        }
        person.subjects.retain(|subject| !subject.reasons.is_empty());
        person
    }
}

/// Reason that nobody is reminded of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The directory belongs to this person, but its name is another person's uid.
    TwoOwners(String),
    /// The home is not named by a uid, and holds mostly files of others than its owner.
    Shared,
    /// No source of names knows the owner, so a mapped address may now belong to somebody else.
    Orphan,
    /// No source of names knows the owner's name, and no map has the uid.
    NoName,
    /// The owner is a space that no map has.
    Space,
    /// The owner is a system account, by its uid, and no map has it.
    Service,
    /// No address can be made from the name, and no map has it.
    BadName,
    /// There is no template, and no map has the name.
    NotMapped,
    /// The home was not read completely, so its figures are too small.
    Unread(Coverage),
}

impl Why {
    pub(super) fn text(&self) -> String {
        match self {
            Self::TwoOwners(other) => {
                format!("its name says one owner, but its directory is owned by {other}")
            }
            Self::Shared => {
                "not its owner's home: most of what it holds belongs to others".to_owned()
            }
            Self::Orphan => "an orphan: nobody known owns it".to_owned(),
            Self::NoName => "its owner has no name".to_owned(),
            Self::Space => "a space that no map of addresses has".to_owned(),
            Self::Service => "owned by an account of a system, not of a person".to_owned(),
            Self::BadName => "its owner's name makes no address, and no map has one".to_owned(),
            Self::NotMapped => "no map of addresses has its owner".to_owned(),
            Self::Unread(Coverage::Interrupted) => {
                "the scan was interrupted in it: no figure to remind anybody of".to_owned()
            }
            Self::Unread(_) => {
                "part of it could not be read: no figure to remind anybody of".to_owned()
            }
        }
    }
}

/// A home with a reason for a reminder, but without a recipient.
#[derive(Clone, Debug)]
pub(super) struct Untold<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) why: Why,
}

impl Untold<'_> {
    /// Returns the home's key in the ledger, by which the administrator is told once a week. If a
    /// text of [`Why`] or [`Reason`] changes, so does the key, and the administrator is told once
    /// more.
    pub(super) fn key(&self) -> String {
        let reasons: Vec<&str> = self.subject.reasons.iter().map(|reason| reason.text()).collect();
        format!(
            "{}: {}: {}",
            self.subject.home.printable_name(),
            self.why.text(),
            reasons.join(", ")
        )
    }
}

/// All recipients, and all homes without a recipient.
#[derive(Debug, Default)]
pub(crate) struct Sorted<'a> {
    /// By address in lower case.
    pub(super) people: BTreeMap<String, Recipient<'a>>,
    pub(super) untold: Vec<Untold<'a>>,
}

impl Sorted<'_> {
    /// Keeps only the recipients to be reminded of one of `homes`, given by their paths, and only
    /// these homes without a recipient. A message stays whole: it is about all homes of its
    /// recipient.
    pub(crate) fn keep(&mut self, homes: &BTreeSet<Vec<u8>>) {
        let is_asked = |subject: &Subject<'_>| homes.contains(&subject.home.name_bytes());
        self.people.retain(|_, person| person.subjects.iter().any(is_asked));
        self.untold.retain(|untold| is_asked(&untold.subject));
    }

    /// Returns the homes that nobody is reminded of because they are not one person's.
    pub(super) fn not_personal(&self) -> impl Iterator<Item = &Untold<'_>> {
        let is = |untold: &&Untold<'_>| matches!(untold.why, Why::TwoOwners(_) | Why::Shared);
        self.untold.iter().filter(is)
    }
}

/// True if there is a reason to remind the owner of the home.
pub(crate) fn has_reasons(home: &HomeReport, most_trash: Option<AllocatedBytes>) -> bool {
    home.kind != HomeKind::Outside && !reasons(home, most_trash).is_empty()
}

/// Sorts these `homes` of the report. If `most_trash` is given, more trash than that is a reason.
pub(crate) fn sort<'a>(
    report: &Report,
    homes: &'a [HomeReport],
    book: &AddressBook<'_>,
    most_trash: Option<AllocatedBytes>,
) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    let names: BTreeSet<String> = report.homes.iter().filter_map(|home| home.owner.name).collect();
    let twins = twins(names.iter().map(String::as_str));
    for home in homes.iter().filter(|home| has_reasons(home, most_trash)) {
        let reasons = reasons(home, most_trash);
        let subject = Subject { home, reasons };
        match address(home, book, &twins) {
            Err(why) => sorted.untold.push(Untold { subject, why }),
            Ok((address, name)) => {
                let person = sorted.people.entry(address.key()).or_insert_with(|| Recipient {
                    address,
                    name,
                    uid_homes: 0,
                    subjects: Vec::new(),
                });
                person.subjects.push(subject);
            }
        }
    }
    for home in report.homes.iter().filter(|home| home.kind == HomeKind::Uid) {
        if let Ok((address, _)) = reached(&home, book, &twins)
            && let Some(person) = sorted.people.get_mut(&address.key())
        {
            person.uid_homes += 1;
        }
    }
    sorted
}

fn reasons(home: &HomeReport, most_trash: Option<AllocatedBytes>) -> Vec<Reason> {
    let quota = home.quota.is_some_and(|quota| quota.over).then_some(Reason::Quota);
    let trash = most_trash.is_some_and(|most| home.usage.by_class.trash.allocated_bytes > most);
    quota.into_iter().chain(trash.then_some(Reason::Trash)).collect()
}

/// True for uids of services, including root (`UID_MIN` of login.defs(5)), and for nobody's uid.
fn is_service(uid: u32) -> bool {
    uid < 1000 || uid == 65_534
}

/// Returns the address for a home, and the name for its owner's salutation.
fn address(
    home: &HomeReport,
    book: &AddressBook<'_>,
    twins: &BTreeSet<&str>,
) -> Result<(Address, String), Why> {
    let owner = &home.owner;
    if let Some(other) = home.other_owner() {
        return Err(Why::TwoOwners(other.human()));
    }
    // Checked before the maps, because an entry may be older than the owner's departure.
    if owner.status == OwnerStatus::Orphan {
        return Err(Why::Orphan);
    }
    if home.coverage != Coverage::Complete {
        return Err(Why::Unread(home.coverage));
    }
    if home.is_mostly_others() {
        return Err(Why::Shared);
    }
    reached(home, book, twins)
}

/// Returns the address of a home's owner and the name for the salutation, without checking the
/// home.
fn reached(
    home: &HomeReport,
    book: &AddressBook<'_>,
    twins: &BTreeSet<&str>,
) -> Result<(Address, String), Why> {
    let owner = &home.owner;
    let name = owner.name.as_deref();
    // Runs of earlier versions do not say who has a namesake.
    let has_twin = name.is_some_and(|name| twins.contains(name));
    let spelling = Spelling::of_person(owner.has_namesake || has_twin);
    if let Some(address) = book.mapped(home.uid, name, spelling) {
        let called = name.unwrap_or_else(|| address.as_str());
        return Ok((address.clone(), called.to_owned()));
    }
    let name = name.ok_or(Why::NoName)?;
    if owner.member == Some(MemberKind::Space) {
        return Err(Why::Space);
    }
    if owner.source.as_deref() == Some("passwd") && home.uid.is_none_or(is_service) {
        return Err(Why::Service);
    }
    let made = book.made(name).ok_or(Why::NotMapped)?;
    Ok((made.ok_or(Why::BadName)?, name.to_owned()))
}
