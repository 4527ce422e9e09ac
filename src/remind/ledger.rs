//! File of reminders in the state: recipients, reasons and times.
//!
//! SES has no idempotency token. If the program crashes after SES has accepted a message and before
//! this file records it, nobody knows if the message was sent. The ledger then counts it as sent: a
//! message is recorded as `Sending` before it is sent, and a `Sending` found later counts.
//! So nobody is reminded twice in a week. A recipient whose reminder was lost that way waits a
//! week, and the administrator is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::Address;
use crate::report::FileSystemKey;
use crate::service_error::{ServiceError, Trouble};
use crate::state::State;

/// Name and version of the schema.
const SCHEMA: &str = "efs-scan/reminders/2";

/// The schema of earlier versions, which reminded of one file system.
const SCHEMA_1: &str = "efs-scan/reminders/1";

/// The scope of reminders of apps, and of those that an earlier version noted. The latter count for every
/// file system: which one they were of is not known. It is not the key of one.
const ANY: &str = "*";

/// Name of the file.
pub(crate) const FILE: &str = "reminders.json";

/// Days between two reminders of one recipient for one reason. Whole days in UTC, so a weekly timer
/// that fires a minute early does not wait for another week.
const DAYS: i32 = 7;

/// The reason for a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reason {
    /// A home is over its quota.
    Quota,
    /// A home has more trash than the limit.
    Trash,
    /// Apps run for longer than the limit.
    Apps,
}

impl Reason {
    /// Returns the reason in words.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Quota => "over quota",
            Self::Trash => "much trash",
            Self::Apps => "apps that run for long",
        }
    }
}

/// The state of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReminderStep {
    /// The message is about to be sent.
    Sending,
    /// SES accepted it.
    Sent,
    /// It is unknown if the message was sent, and the administrator was told so.
    Unsure,
}

/// What a message is about: a reason, the file system of the homes that have it, and its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic<'a> {
    /// `None` for apps.
    pub(super) file_system: Option<&'a FileSystemKey>,
    pub(super) reason: Reason,
    pub(super) run: &'a str,
}

impl Topic<'_> {
    fn scope(&self) -> &str {
        self.file_system.map_or(ANY, FileSystemKey::as_str)
    }
}

/// The last reminder of one recipient for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastReminder {
    pub(super) at: Timestamp,
    pub(super) run: String,
    pub(super) step: ReminderStep,
}

/// The last reminder of each reason.
type Reasons = BTreeMap<Reason, LastReminder>;

/// Contents of the file in [`SCHEMA_1`].
#[derive(Deserialize)]
struct LedgerFile1 {
    people: BTreeMap<String, Reasons>,
    listed: BTreeMap<String, Timestamp>,
}

/// Contents of the file.
#[derive(Debug, Serialize, Deserialize)]
struct LedgerFile {
    schema: String,
    /// By address in lower case, and by the key of the file system or [`ANY`].
    people: BTreeMap<String, BTreeMap<String, Reasons>>,
    /// Homes that only the administrator was told of, by
    /// [`Untold::key`](super::people::Untold::key).
    listed: BTreeMap<String, Timestamp>,
}

impl LedgerFile {
    /// Reads the contents in either schema.
    fn of(book: Value) -> Result<Self, String> {
        let failed = |error: serde_json::Error| error.to_string();
        match book.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => serde_json::from_value(book).map_err(failed),
            Some(SCHEMA_1) => {
                let LedgerFile1 { people, listed } =
                    serde_json::from_value(book).map_err(failed)?;
                let people = people.into_iter();
                let people =
                    people.map(|(to, told)| (to, BTreeMap::from([(ANY.to_owned(), told)])));
                Ok(Self { schema: SCHEMA.to_owned(), people: people.collect(), listed })
            }
            Some(other) => Err(format!("it has the schema {other}")),
            None => Err("it names no schema".to_owned()),
        }
    }
}

/// The file and its contents.
#[derive(Debug)]
pub(crate) struct ReminderLedger {
    state: State,
    book: LedgerFile,
    now: Timestamp,
}

impl ReminderLedger {
    /// Reads the file. A missing file counts as empty. `before` is where the file was kept earlier,
    /// and is read if there is none.
    ///
    /// # Errors
    /// If it cannot be read: starting again would remind everybody twice.
    pub(crate) fn open(
        state: State,
        before: Option<&State>,
        now: Timestamp,
    ) -> Result<Self, ServiceError> {
        let failed = |trouble, problem: String| {
            let text = format!("{problem}; without it everybody would be reminded again");
            ServiceError::new(trouble, text)
        };
        let mut book = None;
        for place in [Some(&state), before].into_iter().flatten() {
            let read = place.read::<Value>(FILE);
            let Some(read) = read.map_err(|error| failed(error.trouble, error.text))? else {
                continue;
            };
            let named = |problem: String| {
                failed(Trouble::Refused, format!("{}: {problem}", place.name(FILE)))
            };
            book = Some(LedgerFile::of(read).map_err(named)?);
            break;
        }
        let book = book.unwrap_or_else(|| LedgerFile {
            schema: SCHEMA.to_owned(),
            people: BTreeMap::new(),
            listed: BTreeMap::new(),
        });
        Ok(Self { state, book, now })
    }

    /// Returns the last reminder of this address for this reason, of homes on this file system or of
    /// apps, if it is less than a week old.
    pub(super) fn told(
        &self,
        address: &Address,
        file_system: Option<&FileSystemKey>,
        reason: Reason,
    ) -> Option<&LastReminder> {
        let scopes = self.book.people.get(&address.key())?;
        let told =
            |scope| scopes.get(scope)?.get(&reason).filter(|told| !is_over(told.at, self.now));
        file_system.and_then(|key| told(key.as_str())).or_else(|| told(ANY))
    }

    /// True if the administrator was told of `what` less than a week ago.
    pub(super) fn is_listed(&self, what: &str) -> bool {
        self.book.listed.get(what).is_some_and(|at| !is_over(*at, self.now))
    }

    /// Returns reminders that may or may not have been sent, because of a crash or a lost answer.
    pub(super) fn open_ends(&self) -> Vec<(String, Timestamp)> {
        let mut open = Vec::new();
        for (address, scopes) in &self.book.people {
            let all = scopes.values().flat_map(BTreeMap::values);
            let ends = all.filter(|told| told.step == ReminderStep::Sending);
            open.extend(ends.map(|told| (address.clone(), told.at)).max_by_key(|end| end.1));
        }
        open
    }

    /// Records that a message is about to be sent.
    ///
    /// # Errors
    /// If the file cannot be written. The message must not be sent then.
    pub(super) fn sending(
        &mut self,
        address: &Address,
        topics: &[Topic<'_>],
    ) -> Result<(), String> {
        self.note(address, topics, ReminderStep::Sending);
        self.write()
    }

    /// Records that SES accepted a message.
    ///
    /// # Errors
    /// If the file cannot be written. The message still counts as sent.
    pub(super) fn sent(&mut self, address: &Address, topics: &[Topic<'_>]) -> Result<(), String> {
        self.note(address, topics, ReminderStep::Sent);
        self.write()
    }

    /// Removes a message that SES did not accept, so it may be retried at any time.
    ///
    /// # Errors
    /// If the file cannot be written. The message then waits for a week.
    pub(super) fn withdraw(
        &mut self,
        address: &Address,
        topics: &[Topic<'_>],
    ) -> Result<(), String> {
        if let Some(scopes) = self.book.people.get_mut(&address.key()) {
            for topic in topics {
                scopes.get_mut(topic.scope()).and_then(|told| told.remove(&topic.reason));
            }
        }
        self.write()
    }

    /// Records what the administrator was told.
    ///
    /// # Errors
    /// If the file cannot be written. The administrator is then told again.
    pub(super) fn reported(&mut self, listed: impl Iterator<Item = String>) -> Result<(), String> {
        for what in listed {
            self.book.listed.insert(what, self.now);
        }
        let scopes = self.book.people.values_mut().flat_map(BTreeMap::values_mut);
        let told = scopes.flat_map(BTreeMap::values_mut);
        told.filter(|told| told.step == ReminderStep::Sending)
            .for_each(|told| told.step = ReminderStep::Unsure);
        self.write()
    }

    fn note(&mut self, address: &Address, topics: &[Topic<'_>], step: ReminderStep) {
        let scopes = self.book.people.entry(address.key()).or_default();
        for topic in topics {
            let told = scopes.entry(topic.scope().to_owned()).or_default();
            let run = topic.run.to_owned();
            told.insert(topic.reason, LastReminder { at: self.now, run, step });
        }
    }

    fn write(&mut self) -> Result<(), String> {
        let now = self.now;
        // Drop entries older than a week, except for open ends that nobody was told of.
        for scopes in self.book.people.values_mut() {
            for told in scopes.values_mut() {
                told.retain(|_, told| told.step == ReminderStep::Sending || !is_over(told.at, now));
            }
            scopes.retain(|_, told| !told.is_empty());
        }
        self.book.people.retain(|_, scopes| !scopes.is_empty());
        self.book.listed.retain(|_, at| !is_over(*at, now));
        self.state.write(FILE, &self.book)
    }
}

/// True if the times are a week apart, in either direction: a time that far ahead comes from a
/// wrong clock.
fn is_over(at: Timestamp, now: Timestamp) -> bool {
    let date = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
    // The difference of any two dates of a Timestamp fits.
    let days = date(at).until(date(now)).map_or(DAYS, |span| span.get_days());
    days.abs() >= DAYS
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn files(dir: &tempfile::TempDir) -> State {
        State::Directory(dir.path().to_owned())
    }

    fn address() -> Address {
        Address::new("Alice@example.com").expect("good")
    }

    fn about(reason: Reason) -> [Topic<'static>; 1] {
        [Topic { file_system: None, reason, run: "r" }]
    }

    #[test]
    fn a_week_is_seven_days_of_the_calendar() {
        let told = at("2026-11-24T23:30:00Z");
        for (now, over) in [
            ("2026-11-24T23:30:01Z", false),
            ("2026-11-30T23:59:59Z", false),
            ("2026-12-01T00:00:00Z", true),
            ("2027-11-24T00:00:00Z", true),
            // The clock was ahead, a little and by months.
            ("2026-11-23T00:00:00Z", false),
            ("2026-08-24T00:00:00Z", true),
        ] {
            assert_eq!(is_over(told, at(now)), over, "{now}");
        }
        assert!(is_over(Timestamp::MIN, Timestamp::MAX) && is_over(Timestamp::MAX, Timestamp::MIN));
    }

    #[test]
    fn reasons_are_apart_and_addresses_are_the_same_in_any_case() {
        let dir = tempfile::tempdir().expect("a directory");
        let open = |now: &str| ReminderLedger::open(files(&dir), None, at(now)).expect("a ledger");
        let mut ledger = open("2026-11-24T10:00:00Z");
        ledger.sending(&address(), &about(Reason::Quota)).expect("written");
        let crashed = open("2026-11-25T10:00:00Z");
        let step =
            |ledger: &ReminderLedger, reason| ledger.told(&address(), None, reason).map(|t| t.step);
        assert_eq!(step(&crashed, Reason::Quota), Some(ReminderStep::Sending));
        assert_eq!(step(&crashed, Reason::Trash), None);
        let ends = crashed.open_ends();
        assert_eq!(ends, [("alice@example.com".to_owned(), at("2026-11-24T10:00:00Z"))]);
        ledger.sent(&address(), &about(Reason::Quota)).expect("written");
        let other = Address::new("alice@EXAMPLE.com").expect("good");
        let mut later = open("2026-11-30T10:00:00Z");
        assert_eq!(
            later.told(&other, None, Reason::Quota).map(|told| told.step),
            Some(ReminderStep::Sent)
        );
        later.sending(&other, &about(Reason::Trash)).expect("written");
        later.withdraw(&other, &about(Reason::Trash)).expect("written");
        assert_eq!(step(&open("2026-11-30T11:00:00Z"), Reason::Trash), None);
        assert_eq!(step(&open("2026-11-30T11:00:00Z"), Reason::Quota), Some(ReminderStep::Sent));
        assert_eq!(step(&open("2026-12-01T10:00:00Z"), Reason::Quota), None, "a week is over");
    }

    #[test]
    fn what_is_over_is_forgotten_but_not_what_nobody_heard_of() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut ledger =
            ReminderLedger::open(files(&dir), None, at("2026-11-01T10:00:00Z")).expect("a ledger");
        ledger.sent(&address(), &about(Reason::Quota)).expect("written");
        ledger.sending(&address(), &about(Reason::Trash)).expect("written");
        let mut ledger =
            ReminderLedger::open(files(&dir), None, at("2026-11-24T10:00:00Z")).expect("a ledger");
        ledger.reported(["orphan 7".to_owned()].into_iter()).expect("written");
        assert!(ledger.is_listed("orphan 7") && !ledger.is_listed("orphan 8"));
        assert!(ledger.open_ends().is_empty(), "it was told");
        let mut ledger =
            ReminderLedger::open(files(&dir), None, at("2026-12-24T10:00:00Z")).expect("a ledger");
        assert!(!ledger.is_listed("orphan 7"));
        ledger.reported(std::iter::empty()).expect("written");
        let text = fs::read_to_string(dir.path().join(FILE)).expect("there");
        assert_eq!(text, r#"{"schema":"efs-scan/reminders/2","people":{},"listed":{}}"#);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_empty_one() {
        let dir = tempfile::tempdir().expect("a directory");
        for text in ["", "{", "[]", r#"{"schema":"efs-scan/reminders/3","people":{},"listed":{}}"#]
        {
            fs::write(dir.path().join(FILE), text).expect("written");
            let said = ReminderLedger::open(files(&dir), None, at("2026-11-24T10:00:00Z"))
                .expect_err(text)
                .text;
            assert!(said.contains("everybody would be reminded again"), "{said}");
        }
    }

    #[test]
    fn file_systems_are_apart_and_an_earlier_ledger_counts_for_all() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = |text| FileSystemKey::new(text).expect("a key");
        let (prod, stage) = (key("prod"), key("stage"));
        let earlier = r#"{"schema":"efs-scan/reminders/1","people":{"alice@example.com":
            {"trash":{"at":"2026-11-20T10:00:00Z","run":"r","step":"sent"}}},"listed":{}}"#;
        fs::write(dir.path().join(FILE), earlier).expect("written");
        let open = |now: &str| ReminderLedger::open(files(&dir), None, at(now)).expect("a ledger");
        let mut ledger = open("2026-11-24T10:00:00Z");
        let told = |ledger: &ReminderLedger, of: &FileSystemKey, reason| {
            ledger.told(&address(), Some(of), reason).is_some()
        };
        let quota = Topic { file_system: Some(&prod), reason: Reason::Quota, run: "r" };
        ledger.sending(&address(), &[quota]).expect("written");
        for ledger in [ledger, open("2026-11-24T10:00:00Z")] {
            assert!(told(&ledger, &prod, Reason::Trash) && told(&ledger, &stage, Reason::Trash));
            assert!(told(&ledger, &prod, Reason::Quota) && !told(&ledger, &stage, Reason::Quota));
        }
        let later = open("2026-11-27T10:00:00Z");
        assert!(!told(&later, &prod, Reason::Trash) && told(&later, &prod, Reason::Quota));
    }
}
