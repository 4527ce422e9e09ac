//! Fuzz targets of `tests/fuzz` that need this module's private items.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::address::{Address, AddressTemplate, Addresses, Dashes};
use super::instance_prices::InstancePrices;
use super::ledger::{FILE, Reason, ReminderLedger, Topic};
use super::template::{About, Template};
use super::thresholds::Thresholds;
use super::{AppReminding, HomeWork, NewestRun, Others, Reminding, Work, preview, sort};
use crate::report::{Report, SamePeople};
use crate::state::State;
use crate::text::Shown;
use crate::units::AllocatedBytes;

fn files(directory: &Path) -> State {
    State::Directory(directory.to_owned())
}

/// Reads the ledger, uses and writes it, and reads it back. Returns the number of open ends.
pub(crate) fn ledger(data: &[u8], now: Timestamp) -> usize {
    thread_local! {
        // One for all inputs of a thread, because making a directory takes longer than reading it.
        static DIRECTORY: OnceCell<TempDir> = const { OnceCell::new() };
    }
    DIRECTORY.with(|directory| {
        let directory = directory.get_or_init(|| tempfile::tempdir().expect("a directory")).path();
        fs::write(directory.join(FILE), data).expect("written");
        let Ok(mut ledger) = ReminderLedger::open(files(directory), None, now) else { return 0 };
        let open = ledger.open_ends().len();
        let address = Address::new("alice@example.com").expect("good");
        let told = ledger.told(&address, None, Reason::Trash).cloned();
        ledger.is_listed("200005");
        let quota = [Topic { file_system: None, reason: Reason::Quota, run: "r" }];
        ledger.sending(&address, &quota).expect("written");
        let again =
            ReminderLedger::open(files(directory), None, now).expect("what was written is read");
        assert_eq!(again.told(&address, None, Reason::Trash).cloned(), told);
        // Whatever was there before, this reminder is recorded now.
        assert!(again.told(&address, None, Reason::Quota).is_some());
        ledger.withdraw(&address, &quota).expect("written");
        ledger.reported(["200005".to_owned()].into_iter()).expect("written");
        assert!(ledger.is_listed("200005") && ledger.open_ends().is_empty());
        open
    })
}

/// Returns every letter about a report, as `--dry-run` shows them.
pub(crate) fn letters(report: &Report, now: Timestamp) -> Shown {
    let made = AddressTemplate::new("{name}@example.com", Dashes::Keep).expect("a template");
    let reminding = Reminding {
        from: "efs-scan@example.com".to_owned(),
        admin: Address::new("admin@example.com").expect("good"),
        addresses: Addresses { template: Some(made), ..Addresses::default() },
        trash: Some(AllocatedBytes(0)),
        subject: Template::subject(
            "{name} {home} {size} {quota} {trash} {cost} {date} {root} {admin}",
            About::Homes,
        )
        .expect("one line"),
        body: Template::body("{reasons}\n{homes}\n{findings}\n{largest}", About::Homes)
            .expect("known fields"),
        apps: AppReminding {
            is_on: false,
            thresholds: Thresholds::default(),
            prices: InstancePrices::default(),
            copy: false,
            subject: Template::subject("{name}", About::Apps).expect("one line"),
            body: Template::body("{apps}", About::Apps).expect("known fields"),
        },
    };
    let book = reminding.addresses.open().expect("there is no file");
    let runs = NewestRun::all(
        (std::slice::from_ref(report), &[]),
        (1, &Others::None),
        None,
        reminding.trash,
    );
    let sorted = sort(&runs, &book, reminding.trash, SamePeople::ByDomain);
    let nowhere = tempfile::tempdir().expect("a directory");
    let ledger = ReminderLedger::open(files(nowhere.path()), None, now).expect("there is none");
    let homes = HomeWork { runs: &runs, sorted: &sorted };
    preview(&Work::new(&reminding, Some(homes), None, now, &ledger), &ledger)
}
