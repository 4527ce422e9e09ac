//! Sorts homes with a reason for a reminder by recipient, or as untold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;

use super::address::{Address, AddressBook};
use super::ledger::{Reason, ReminderLedger, Topic};
use crate::aws::MemberKind;
use crate::names::{Spelling, twins};
use crate::report::{
    Coverage, FileSystemKey, GrownPlace, HomeAt, HomeKind, HomeReport, OwnedHome, OwnerStatus,
    Payer, Report, SamePeople,
};
use crate::units::AllocatedBytes;

/// A file system whose homes are reminded of, by its newest run.
#[derive(Debug)]
pub(crate) struct NewestRun<'a> {
    pub(super) key: FileSystemKey,
    pub(super) report: &'a Report,
    /// The path under which owners see their home.
    pub(super) home_at: HomeAt<'a>,
    /// Growth in its homes, if that is known.
    pub(super) grew: Option<&'a Grew>,
    /// Its homes with a reason for a reminder.
    homes: Vec<HomeReport>,
    /// Its name, if there are several file systems.
    pub(super) name: Option<String>,
    /// False if another one has the same root elsewhere: its paths do not say which one they are on.
    pub(super) has_own_root: bool,
}

/// The file systems of the destination that nobody asked for. A home may be there under the same path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Others {
    /// There are none.
    #[default]
    None,
    /// Their roots.
    Roots(BTreeSet<Vec<u8>>),
    /// They could not be read.
    Unknown,
}

/// The places in which homes grew most since an earlier run.
#[derive(Debug)]
pub(crate) struct Grew {
    /// Start of that run.
    pub(crate) since: Timestamp,
    /// The places by the name of their home, the largest growth first.
    pub(crate) places: HashMap<Vec<u8>, Vec<GrownPlace>>,
}

impl<'a> NewestRun<'a> {
    /// Prepares the runs of `of` file systems, of which some may be missing. `grew` is in the order of the
    /// reports, and may lack some. More trash than `most_trash`
    /// is a reason.
    pub(crate) fn all(
        (reports, grew): (&'a [Report], &'a [Option<Grew>]),
        (of, others): (usize, &Others),
        home_at: Option<&'a Path>,
        most_trash: Option<AllocatedBytes>,
    ) -> Vec<Self> {
        let new = |(at, report): (usize, &'a Report)| {
            let key = report.file_system_key();
            let identity = report.run.identity.as_ref();
            let name = identity.and_then(|identity| identity.name.as_ref()).unwrap_or(&key);
            let root = report.run.root_bytes();
            let same_root = reports.iter().filter(|other| other.run.root_bytes() == root).count();
            let is_elsewhere = match others {
                Others::None => false,
                Others::Roots(roots) => roots.contains(&root),
                Others::Unknown => true,
            };
            Self {
                home_at: HomeAt::new(report, home_at),
                homes: report.homes.iter().filter(|home| has_reasons(home, most_trash)).collect(),
                name: (of > 1).then(|| name.to_string()),
                // One that could not be read may have the same root.
                has_own_root: same_root == 1 && reports.len() == of && !is_elsewhere,
                grew: grew.get(at).and_then(Option::as_ref),
                key,
                report,
            }
        };
        reports.iter().enumerate().map(new).collect()
    }
}

/// A home and the reasons to remind its owner.
#[derive(Clone, Debug)]
pub(super) struct Subject<'a> {
    /// The run of its file system.
    pub(super) run: &'a NewestRun<'a>,
    pub(super) home: &'a HomeReport,
    pub(super) reasons: Vec<Reason>,
}

impl Subject<'_> {
    /// `text`, with the file system if there are several.
    pub(super) fn on(&self, text: String) -> String {
        match &self.run.name {
            Some(name) => format!("{text} on {name}"),
            None => text,
        }
    }
}

/// An address, and all homes that its owner is to be reminded of.
#[derive(Clone, Debug)]
pub(super) struct Recipient<'a> {
    pub(super) address: Address,
    /// The owner's name as in the report.
    pub(super) name: String,
    /// The owners of the homes, by the rule for people of several file systems.
    persons: BTreeSet<Payer>,
    /// Number of uid homes in all reports with this address, with or without a reason.
    pub(super) uid_homes: usize,
    pub(super) subjects: Vec<Subject<'a>>,
}

impl<'a> Recipient<'a> {
    /// Returns what there is to say: each reason of each file system once.
    pub(super) fn topics(&self) -> Vec<Topic<'a>> {
        let topics = self.subjects.iter().flat_map(|Subject { run, reasons, .. }| {
            let (key, id) = (&run.key, run.report.run.id.as_str());
            let of =
                move |reason: &Reason| Topic { file_system: Some(key), reason: *reason, run: id };
            reasons.iter().map(of)
        });
        let mut topics: Vec<Topic<'_>> = topics.collect();
        topics.sort_unstable_by_key(|topic| (topic.file_system, topic.reason));
        topics.dedup();
        topics
    }

    /// Returns the recipient with only the reasons that `ledger` does not have of the last week, and
    /// their homes.
    pub(super) fn untold(&self, ledger: &ReminderLedger) -> Self {
        let mut person = self.clone();
        for subject in &mut person.subjects {
            let key = &subject.run.key;
            let is_due = |reason: &Reason| ledger.told(&self.address, Some(key), *reason).is_none();
            subject.reasons.retain(is_due);
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
    /// The address made from the name would be that of another person, too, and no map has it.
    Namesake,
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
            Self::Namesake => {
                "another owner's name makes the same address, and no map has this one".to_owned()
            }
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
        format!("{}: {}", self.subject.run.key, self.key_1())
    }

    /// Returns the key that earlier versions used, which reminded of one file system.
    pub(super) fn key_1(&self) -> String {
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
    /// By address in lower case. An address of several people, who are not known to be the same one,
    /// has a recipient on each of their file systems.
    people: BTreeMap<String, Vec<Recipient<'a>>>,
    pub(super) untold: Vec<Untold<'a>>,
}

impl<'a> Sorted<'a> {
    /// Returns all recipients.
    pub(super) fn people(&self) -> impl Iterator<Item = &Recipient<'a>> {
        self.people.values().flatten()
    }

    /// Keeps only the recipients to be reminded of one of `homes`, given by their paths on each file
    /// system, and only these homes without a recipient. A message stays whole: it is about all homes of
    /// its recipient.
    pub(crate) fn keep(&mut self, homes: &BTreeMap<FileSystemKey, BTreeSet<Vec<u8>>>) {
        let is_asked = |subject: &Subject<'_>| {
            let homes = homes.get(&subject.run.key);
            homes.is_some_and(|homes| homes.contains(&subject.home.name_bytes()))
        };
        for people in self.people.values_mut() {
            people.retain(|person| person.subjects.iter().any(is_asked));
        }
        self.untold.retain(|untold| is_asked(&untold.subject));
    }

    /// Says that a path in a space may be that of a home on another file system, so that no home is known
    /// to be the only one there.
    pub(crate) fn has_several_file_systems(&mut self) {
        self.people.values_mut().flatten().for_each(|person| person.uid_homes = 0);
    }

    /// Adds a recipient of the next file system, to whom of the same address is the same person.
    fn add(&mut self, person: Recipient<'a>) {
        let people = self.people.entry(person.address.key()).or_default();
        let is_same = |other: &Recipient<'a>| !other.persons.is_disjoint(&person.persons);
        let (mut same, others): (Vec<_>, Vec<_>) =
            std::mem::take(people).into_iter().partition(is_same);
        same.push(person);
        *people = others;
        people.extend(same.into_iter().reduce(|mut all, next| {
            all.persons.extend(next.persons);
            all.subjects.extend(next.subjects);
            all
        }));
    }

    /// Returns the homes that nobody is reminded of because they are not one person's.
    pub(super) fn not_personal(&self) -> impl Iterator<Item = &Untold<'_>> {
        let is = |untold: &&Untold<'_>| matches!(untold.why, Why::TwoOwners(_) | Why::Shared);
        self.untold.iter().filter(is)
    }
}

/// True if there is a reason to remind the owner of the home.
fn has_reasons(home: &HomeReport, most_trash: Option<AllocatedBytes>) -> bool {
    home.kind != HomeKind::Outside && !reasons(home, most_trash).is_empty()
}

/// Sorts the homes of all runs with a reason. `same` says who is one person on several file systems.
pub(crate) fn sort<'a>(
    runs: &'a [NewestRun<'a>],
    book: &AddressBook<'_>,
    most_trash: Option<AllocatedBytes>,
    same: SamePeople,
) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    let mut uid_homes: BTreeMap<String, usize> = BTreeMap::new();
    for run in runs {
        let homes = &run.report.homes;
        let names: BTreeSet<String> = homes.iter().filter_map(|home| home.owner.name).collect();
        let namesakes = Namesakes::new(names.iter().map(String::as_str), book);
        let mut here: BTreeMap<String, Recipient<'a>> = BTreeMap::new();
        for home in &run.homes {
            let subject = Subject { run, home, reasons: reasons(home, most_trash) };
            match address(home, book, &namesakes) {
                Err(why) => sorted.untold.push(Untold { subject, why }),
                Ok((address, name)) => {
                    let person = here.entry(address.key()).or_insert_with(|| Recipient {
                        address,
                        name,
                        persons: BTreeSet::new(),
                        uid_homes: 0,
                        subjects: Vec::new(),
                    });
                    person.persons.insert(payer(run, home, same));
                    person.subjects.push(subject);
                }
            }
        }
        here.into_values().for_each(|person| sorted.add(person));
        for home in homes.iter().filter(|home| home.kind == HomeKind::Uid) {
            if let Ok((address, _)) = reached(&home, book, &namesakes) {
                *uid_homes.entry(address.key()).or_default() += 1;
            }
        }
    }
    for (address, people) in &mut sorted.people {
        let homes = uid_homes.get(address).copied().unwrap_or_default();
        people.iter_mut().for_each(|person| person.uid_homes = homes);
    }
    sorted
}

/// The owners of a file system's homes whose names differ only in their spelling.
struct Namesakes<'n> {
    names: BTreeSet<&'n str>,
    /// Addresses in lower case that the template makes of several of them that no map has. It is not
    /// known whose each is.
    shared: BTreeSet<String>,
}

impl<'n> Namesakes<'n> {
    /// Finds them among all names.
    fn new(names: impl Iterator<Item = &'n str>, book: &AddressBook<'_>) -> Self {
        let names = twins(names);
        let is_mapped = |name: &str| book.mapped(None, Some(name), Spelling::Exact).is_some();
        let unmapped = names.iter().filter(|name| !is_mapped(name));
        let made = unmapped.filter_map(|name| book.made(name).flatten());
        let mut seen = BTreeSet::new();
        let shared = made.map(|address| address.key()).filter(|key| !seen.insert(key.clone()));
        Self { shared: shared.collect(), names }
    }
}

/// Returns the person that a home belongs to.
fn payer(run: &NewestRun<'_>, home: &HomeReport, same: SamePeople) -> Payer {
    let name = home.printable_name();
    let (owner, source) = (home.owner.name.as_deref(), home.owner.source.as_deref());
    same.payer(&run.key, OwnedHome { home: &name, owner, source, uid: home.uid })
}

fn reasons(home: &HomeReport, most_trash: Option<AllocatedBytes>) -> Vec<Reason> {
    // Runs of earlier versions gave a trash at the root the quota of a home.
    let quota = home.quota.filter(|quota| quota.over && !home.is_trash()).map(|_| Reason::Quota);
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
    namesakes: &Namesakes<'_>,
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
    reached(home, book, namesakes)
}

/// Returns the address of a home's owner and the name for the salutation, without checking the
/// home.
fn reached(
    home: &HomeReport,
    book: &AddressBook<'_>,
    namesakes: &Namesakes<'_>,
) -> Result<(Address, String), Why> {
    let owner = &home.owner;
    let name = owner.name.as_deref();
    // Runs of earlier versions do not say who has a namesake.
    let has_twin = name.is_some_and(|name| namesakes.names.contains(name));
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
    let made = book.made(name).ok_or(Why::NotMapped)?.ok_or(Why::BadName)?;
    match namesakes.shared.contains(&made.key()) {
        true => Err(Why::Namesake),
        false => Ok((made, name.to_owned())),
    }
}
