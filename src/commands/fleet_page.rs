//! The page about all file systems of a destination: `efs-scan report` writes it to a file, and whoever
//! publishes pages writes it beside them.

use std::time::Instant;

use jiff::Timestamp;

use super::file_systems::read_each;
use super::grown::Bounds;
use super::{facts, pages};
use crate::history;
use crate::log;
use crate::outbox::put_fleet_page;
use crate::pages::{Fleet, FleetMember, WhatGrew};
use crate::published::{FLEET_PAGE, PAGE_HEAD, file_systems, newest, page, run_of_page};
use crate::report::{FileSystemKey, SamePeople};
use crate::service_error::{ServiceResult, Trouble};
use crate::store::Store;
use crate::text::{Shown, printable};

/// Whether the page links to the pages of the file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// The page will be beside them.
    ToPages,
    /// The page may be anywhere.
    None,
}

/// Publishes the page, and returns true if it is there. It only logs what went wrong.
pub(super) fn put(store: &(dyn Store + Sync), same: SamePeople) -> bool {
    let put = put_fleet_page(store, &|| {
        let all = file_systems(store)?;
        let (fleet, _) = read(store, &all, same, Links::ToPages)?;
        Ok(page_of(store, &fleet).0)
    });
    match &put {
        Ok(()) => log::info!("published {}", store.name(FLEET_PAGE)),
        Err(error) => log::error!("{}", error.text),
    }
    put.is_ok()
}

/// Reads what the page shows of these file systems. Returns true as well if something of it is missing.
///
/// # Errors
/// If the newest run of one cannot be read now, but perhaps later, and the page is to replace another
/// one, which may have it. Else one that cannot be read is named on the page.
pub(super) fn read(
    store: &(dyn Store + Sync),
    of: &[FileSystemKey],
    same_people: SamePeople,
    links: Links,
) -> ServiceResult<(Fleet, bool)> {
    let mut fleet = Fleet { members: Vec::new(), broken: Vec::new(), same_people };
    let mut gaps = false;
    for (of, read) in of.iter().zip(read_each(of, |of| member(store, of, links))) {
        match read {
            Ok(Some((member, is_whole))) => {
                gaps |= !is_whole;
                fleet.members.push(member);
            }
            // It was removed since they were listed.
            Ok(None) => {}
            Err(error) if links == Links::None || error.trouble == Trouble::Refused => {
                log::error!("{}", printable(error.text.as_bytes()));
                gaps = true;
                fleet.broken.push(of.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok((fleet, gaps))
}

/// With more file systems than this, what grew is on their own pages only: each takes several requests.
const MOST: usize = 16;

/// Makes the page now, with what grew on each file system since the day before. Returns true as well if
/// something of that could not be read.
pub(super) fn page_of(store: &dyn Store, fleet: &Fleet) -> (Shown, bool) {
    let bounds = Bounds { most: pages::MOST, until: Some(Instant::now() + pages::MOST_TIME) };
    let grew = |member: &FleetMember| {
        let (of, latest) = ((&member.key, &member.latest.run), &member.latest);
        let facts = || facts::of_latest(latest);
        pages::grown_in_a_day(store, of, (&facts, latest.money.as_ref()), bounds)
    };
    let are_few = (2..=MOST).contains(&fleet.members.len());
    let members = fleet.members.iter().filter(|_| are_few);
    // One after the other: each takes memory for two tables.
    let grew: Vec<WhatGrew> = members.map(grew).collect();
    (fleet.page_grown(&grew, Timestamp::now()), grew.iter().any(WhatGrew::is_gap))
}

/// Reads one of them. Returns true as well if its trend lacks nothing.
fn member(
    store: &dyn Store,
    of: &FileSystemKey,
    links: Links,
) -> ServiceResult<Option<(FleetMember, bool)>> {
    let Some(latest) = newest(store, of)? else { return Ok(None) };
    // The page does without a trend rather than without the file system.
    let (trend, is_whole) = match history::trend(store, of, latest.run.finished) {
        Ok(history) => {
            let is_whole = history.is_whole();
            (history.runs, is_whole)
        }
        Err(error) => {
            log::warn!("no trend: {}", printable(error.text.as_bytes()));
            (Vec::new(), false)
        }
    };
    let is_linked = links == Links::ToPages
        && store.head(&page(of), PAGE_HEAD)?.is_some_and(|page| run_of_page(&page.bytes).is_some());
    Ok(Some((FleetMember { key: of.clone(), latest, trend, is_linked }, is_whole)))
}
