//! What is stored of runs at a destination, both ways: what is written there, and how it is read
//! back.

mod homes_table;
mod latest;
mod layout;
mod newest;

pub use homes_table::{HomeRow, HomesTable, Listed, homes_tables};
pub use latest::{HomeLine, Latest, SCHEMA as LATEST_SCHEMA};
pub use layout::{DU_LATEST, Keys, LATEST, PAGE, page_of_user};
pub(crate) use layout::{du_latest, immutable, latest};
pub(crate) use newest::named;
pub use newest::{newest, newest_report, nothing_there};
