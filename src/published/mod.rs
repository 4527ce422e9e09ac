//! The published form of runs at a destination: the objects that are written there, and how they
//! are read back.

mod age;
mod day_before;
mod dirs_table;
mod expected;
mod findings_parquet;
mod fleet;
mod homes_csv;
mod homes_parquet;
mod homes_table;
mod latest;
mod layout;
mod newest;
mod order;
mod page;
mod people;
mod runs;
mod selection;

pub(crate) use age::{OLD, is_future, is_old, is_stale};
pub(crate) use day_before::day_before;
pub(crate) use dirs_table::{DirsTable, dirs_tables, table_before};
pub(crate) use expected::expected_inodes;
pub(crate) use findings_parquet::write_findings;
pub(crate) use fleet::without;
pub use fleet::{FLEET_PAGE, is_fleet_page};
pub(crate) use homes_parquet::write_homes;
pub use homes_table::{HomeRow, HomesTable, TableCoverage, homes_tables};
pub(crate) use latest::is_false;
pub use latest::{HomeLine, Latest, SCHEMA as LATEST_SCHEMA};
pub use layout::{DU_LATEST, Keys, LATEST_V1, du_key, latest_key};
pub(crate) use layout::{DU_OF_SEVERAL, Form, Unchanging, du_latest, id_of_key, immutable, latest};
pub(crate) use newest::{
    OldRun, Pointer, is_version_1, old_run, parsed, pointer, refuse_version_1,
};
pub use newest::{file_systems, newest, newest_report, nothing_there};
pub(crate) use order::{ID, Rank, rank, started_of};
pub(crate) use page::{FILE_SYSTEM_META, FLEET_META, PAGE_HEAD, RUN_META, file_system_of_page};
pub use page::{page, page_of_user, run_of_page};
pub(crate) use people::{GroupQuotas, Sums, added, group_quotas, groups, people};
pub(crate) use runs::comparable;
pub(crate) use selection::{SelectedBy, aliases, selected};
