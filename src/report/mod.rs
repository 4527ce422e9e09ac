//! The report and its text forms: each form is a pure function from the report to text, except
//! [`ncdu`], whose entries are written during the walk.

mod bill;
mod build;
mod csv;
mod du;
mod file_system;
mod format;
mod groups;
mod growth;
mod home_at;
mod home_detail;
mod identity;
mod json;
mod model;
mod money;
mod ncdu;
mod nfs;
mod owner;
mod pack;
mod person;
mod prices;
mod prometheus;
mod quota;
mod schema;
mod sums;
mod table;
mod throughput;
mod withheld;

pub use crate::packed::PackedList;
pub use bill::{Range, Tiering};
pub use build::{Context, build};
pub(crate) use csv::{HOME_BASE64, base64_cell, name_cell};
pub use csv::{bytes_of_cell, csv, findings_csv};
pub use du::{DuNames, du, du_size};
pub use file_system::{Cost, FileSystem, ScannedPart};
pub use format::Format;
pub use groups::GroupReport;
pub(crate) use groups::NO_GROUP;
pub use growth::{GrownHome, GrownPlace, Growth, GrowthBase};
pub(crate) use growth::{GrowthAlarm, GrowthFactor, HomesBefore};
pub(crate) use home_at::{HomeAt, OWNED_BY_ROOT_STILL, Remedy, below, names_a_tool, remedy};
pub use identity::{FileSystemKey, Identity, Root, Roots};
pub use json::{json, write_json};
pub use model::*;
pub use money::{Basis, Money, Reclaimable};
pub use ncdu::{Ncdu, NcduHead, ncdu};
pub use nfs::{MountHint, NfsTraffic};
pub use person::{OwnedHome, Payer, SamePeople};
pub use prices::Prices;
pub use prometheus::prometheus;
pub use quota::Quotas;
pub use schema::json_schema;
pub use sums::SortKey;
pub(crate) use sums::first;
pub use table::{Detail, table};
pub use throughput::{
    DAYS as METRIC_DAYS, PERIOD as METRIC_PERIOD, Throughput, ThroughputEstimate,
};
pub use withheld::COMMAND_CHECKS;
pub(crate) use withheld::drop_unchecked_commands;
