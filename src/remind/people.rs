//! Sorts homes with a reason for a reminder: by recipient, or as untold.

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
    /// How many uid homes of the report have this address, whether there is a reason or not.
    pub(super) uid_homes: usize,
    pub(super) subjects: Vec<Subject<'a>>,
}

impl Recipient<'_> {
    /// All reasons, each once.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        let all = self.subjects.iter().flat_map(|subject| &subject.reasons);
        let mut all: Vec<Reason> = all.copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The same with only these reasons and their homes.
    pub(super) fn only(&self, reasons: &[Reason]) -> Self {
        let mut person = self.clone();
        for subject in &mut person.subjects {
            subject.reasons.retain(|reason| reasons.contains(reason));
        }
        person.subjects.retain(|subject| !subject.reasons.is_empty());
        person
    }
}

/// Why nobody is reminded of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Another person owns its directory than the one whose uid is its name: this one.
    TwoOwners(String),
    /// It is no uid home, and holds mostly what belongs to others than its owner.
    Shared,
    /// No source of names knows the owner, and a mapped address may belong to somebody else now.
    Orphan,
    /// No source of names knows the owner's name, and no map has the uid.
    NoName,
    /// The owner is a space, and no map has it.
    Space,
    /// The owner is an account of a system, by its uid, and no map has it.
    Service,
    /// The name makes no address, and no map has it.
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
    /// Identifies it in the ledger, which tells the administrator once a week. Changed texts of [`Why`]
    /// or [`Reason`] make another key, and the administrator is told once more.
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

/// All recipients, and all homes without one.
#[derive(Debug, Default)]
pub(crate) struct Sorted<'a> {
    /// By address in lower case.
    pub(super) people: BTreeMap<String, Recipient<'a>>,
    pub(super) untold: Vec<Untold<'a>>,
}

impl Sorted<'_> {
    /// Keeps the recipients to be reminded of one of `homes`, by their paths, and of the homes
    /// without a recipient only these. A message stays whole: it is about all homes of its recipient.
    pub(crate) fn keep(&mut self, homes: &BTreeSet<Vec<u8>>) {
        let is_asked = |subject: &Subject<'_>| homes.contains(&subject.home.name_bytes());
        self.people.retain(|_, person| person.subjects.iter().any(is_asked));
        self.untold.retain(|untold| is_asked(&untold.subject));
    }

    /// The homes that nobody is reminded of because they are not one person's.
    pub(super) fn not_personal(&self) -> impl Iterator<Item = &Untold<'_>> {
        let is = |untold: &&Untold<'_>| matches!(untold.why, Why::TwoOwners(_) | Why::Shared);
        self.untold.iter().filter(is)
    }
}

/// True if there is a reason to remind the owner of the home.
pub(crate) fn has_reasons(home: &HomeReport, most_trash: Option<AllocatedBytes>) -> bool {
    home.kind != HomeKind::Outside && !reasons(home, most_trash).is_empty()
}

/// Sorts these `homes` of the report. More trash than `most_trash` is a reason, if given.
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

/// True for uids that systems give to services, root among them (`UID_MIN` of login.defs(5)), and for
/// the one that stands for nobody.
fn is_service(uid: u32) -> bool {
    uid < 1000 || uid == 65_534
}

/// The address for a home, and the name to call its owner by.
fn address(
    home: &HomeReport,
    book: &AddressBook<'_>,
    twins: &BTreeSet<&str>,
) -> Result<(Address, String), Why> {
    let owner = &home.owner;
    if let Some(other) = home.other_owner() {
        return Err(Why::TwoOwners(other.human()));
    }
    // Before the maps: an entry may be older than the owner's departure.
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

/// The address of a home's owner, and the name to call them by, whatever is the matter with the home.
fn reached(
    home: &HomeReport,
    book: &AddressBook<'_>,
    twins: &BTreeSet<&str>,
) -> Result<(Address, String), Why> {
    let owner = &home.owner;
    let name = owner.name.as_deref();
    if let Some(address) =
        book.mapped(home.uid, name, Spelling::of(name.unwrap_or_default(), twins))
    {
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
