//! What entries add up to: homes, rules, hard links, and the sums of directories.

mod class;
mod dir;
mod entry;
mod errors;
mod export;
mod home;
mod ledger;
mod links;
mod listing;
pub mod rule_file;
mod rules;
mod scope;
mod tally;
mod top;
mod trie;

pub use class::{Class, PartByClass};
pub use dir::Dir;
pub use entry::{Attrs, FileKind, Mount, Op, Probe};
pub use errors::{ErrorKind, Errors, Problem};
pub use export::{Export, ExportHead};
pub use home::{Books, Finding, FindingSums, Found, Home, HomeKind, LinkedTotal, RuleTotal};
pub use ledger::{Ledger, Progress, Task, Totals, uid_of_name};
pub use links::LinkTotals;
pub use listing::Listing;
pub use rules::{Listed, Rule, RuleIndex, Rules};
pub use scope::{Exclude, Mounts, Scope};
pub use tally::{Ages, Part, Tally};
pub use top::{Large, Top};
