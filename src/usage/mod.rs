//! Accounts of a walk: from single entries to sums by home, class, age and rule.
//!
//! An engine tells a [`Listing`] each entry of a directory and commits it to the [`Ledger`]. The
//! ledger determines the [`Home`] and the [`Rule`] of the entry, adds the entry to their sums, and
//! returns [`Totals`] at the end. Nothing here depends on how an entry was found or on how the sums
//! are used.

mod above;
mod class;
mod closed;
mod dir;
mod dirs;
mod entry;
mod errors;
mod exclude;
mod export;
mod home;
mod ledger;
mod links;
mod listing;
mod notes;
mod owned;
mod rule_command;
pub mod rule_file;
mod rules;
mod scope;
mod seen;
mod shard;
mod sources;
mod spill;
mod tally;
mod together;
mod top;
mod trie;
mod whose;

pub use crate::text::uid_of_name;
pub use above::{AboveRoot, PathTrust};
pub use class::{AmountByClass, Class};
pub use dir::Dir;
pub use dirs::{DirRow, DirTable, Linked, Sums};
pub use entry::{Attrs, FileKind, Mount, Op, Probe};
pub use errors::{ErrorKind, Errors, Problem};
pub use exclude::Exclude;
pub use export::{Bare, Collected, EntryForm, Export, ReadState};
pub use home::{
    Books, Content, FindingAccount, FindingSums, FoundPlace, Home, HomeKind, LinkedTotal, RuleTotal,
};
pub use ledger::{Ledger, LedgerSetup, Totals, WalkProgress};
pub use links::{LinkMemory, LinkTotals};
pub use listing::Listing;
pub use rules::{Rule, RuleIndex, Rules};
pub use scope::{Mounts, Scope, Selection};
pub use seen::Extent;
pub use shard::{Cuts, Merge, Shard};
pub use tally::{Ages, Amount, Tally};
pub use together::{NamedFindings, Together};
pub use top::{Large, Top};
pub use whose::UidNames;
pub(crate) use whose::is_trash_of_root;
