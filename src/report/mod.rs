//! The report and its renderers, each a pure function from the report to text.

mod build;
mod csv;
mod du;
mod file_system;
pub mod html;
mod model;
mod money;
mod nfs;
mod owner_side;
mod page;
mod prometheus;
mod quota;
mod schema;
mod sums;
mod table;

pub use build::{Context, build};
pub(crate) use csv::name_cell;
pub use csv::{bytes_of_cell, csv, findings_csv};
pub use du::{Names as DuNames, du, du_size};
pub use file_system::{Cost, EfsSize, FileSystem, Part, Prices};
pub use model::*;
pub use money::{Basis, Money, Reclaimable};
pub use nfs::{MountHint, Nfs};
pub(crate) use owner_side::command_at;
pub use prometheus::prometheus;
pub use quota::Quotas;
pub use schema::json_schema;
pub use sums::SortKey;
pub use table::{Detail, table};
pub(crate) use table::{columns, percent, push_table, show_column, usd};
