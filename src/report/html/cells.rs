//! What a home consists of, as parts that do not overlap: its findings, its largest directories
//! less what of them is another part, and what is left, by class.

use std::cmp::Reverse;

use super::words::{Class, shown};
use crate::report::model::HomeReport;
use crate::text::bytes_of;

/// A part of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// A path below the home, or what it is.
    pub(super) label: String,
    pub(super) bytes: u64,
    pub(super) class: Class,
}

/// A place in the home that the report knows by its path.
struct Place {
    path: Vec<u8>,
    bytes: u64,
    class: Class,
}

/// The parts, largest first. They sum to no more than the home; the sizes of directories share
/// out hard links in another way than the home's own, so it may be a little less.
pub(super) fn cells(home: &HomeReport) -> Vec<Cell> {
    let places = own_bytes(places(home));
    let mut left = home.usage.allocated_bytes.0;
    let mut cells = Vec::with_capacity(places.len() + Class::ALL.len());
    let mut named = [0u64; Class::ALL.len()];
    let prefix = bytes_of(&home.name, home.name_base64.as_deref());
    for place in places {
        let bytes = place.bytes.min(left);
        left -= bytes;
        named[place.class as usize] += bytes;
        let below = place.path.strip_prefix(&prefix[..]).unwrap_or(&place.path);
        let label = shown(below.strip_prefix(b"/").unwrap_or(below));
        cells.push(Cell { label, bytes, class: place.class });
    }
    let shares = home.usage.by_class.shares();
    for (class, share) in Class::ALL.into_iter().zip(shares) {
        let all = if class == Class::Rest { left } else { share.allocated_bytes.0 };
        let bytes = all.saturating_sub(named[class as usize] * u64::from(class != Class::Rest));
        let bytes = bytes.min(left);
        left -= bytes;
        let label = match class {
            Class::Rest => "everything else".to_owned(),
            class => format!("other {}", class.name()),
        };
        cells.push(Cell { label, bytes, class });
    }
    cells.retain(|cell| cell.bytes > 0);
    cells.sort_by(|a, b| (Reverse(a.bytes), &a.label).cmp(&(Reverse(b.bytes), &b.label)));
    cells
}

/// By path, what lies in a directory behind it.
fn places(home: &HomeReport) -> Vec<Place> {
    let findings = home.findings.iter().map(|finding| Place {
        path: bytes_of(&finding.path, finding.path_base64.as_deref()),
        bytes: finding.usage.allocated_bytes.0,
        class: Class::of(finding),
    });
    let dirs = home.largest_dirs.iter().map(|dir| Place {
        path: bytes_of(&dir.path, dir.path_base64.as_deref()),
        bytes: dir.allocated_bytes.0,
        class: Class::Rest,
    });
    // A finding before the directory of the same path, which leaves its place to that.
    let mut places: Vec<Place> = findings.chain(dirs).collect();
    let key = |place: &Place| place.path.iter().copied().chain([b'/']).collect::<Vec<u8>>();
    places.sort_by_cached_key(key);
    places.dedup_by(|b, a| a.path == b.path);
    places
}

/// Takes from each place what lies in places below it, and hands its class down.
fn own_bytes(mut places: Vec<Place>) -> Vec<Place> {
    let mut above: Vec<usize> = Vec::new();
    for at in 0..places.len() {
        let is_in = |outer: &Place, inner: &Place| {
            inner.path.strip_prefix(&outer.path[..]).is_some_and(|below| below.starts_with(b"/"))
        };
        while above.last().is_some_and(|outer| !is_in(&places[*outer], &places[at])) {
            above.pop();
        }
        if let Some(outer) = above.last().copied() {
            places[outer].bytes = places[outer].bytes.saturating_sub(places[at].bytes);
            if places[at].class == Class::Rest {
                places[at].class = places[outer].class;
            }
        }
        above.push(at);
    }
    places
}
