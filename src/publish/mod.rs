//! Where the report goes: a directory or S3, CloudWatch, SNS, and the spool for what could not
//! be sent.

mod directory;
mod homes;
mod latest;
mod layout;
mod metrics;
mod notice;
mod objects;
mod pages;
mod send;
mod spool;
mod state;
mod store;

pub use directory::Directory;
pub use homes::{HomeRow, HomesTable, Listed, homes_tables};
pub use latest::{HomeLine, Latest, SCHEMA as LATEST_SCHEMA};
pub use layout::{DU_LATEST, Keys, LATEST};
pub use metrics::{UserMetrics, batches, metrics};
pub use notice::{Notice, compose, over_quota};
pub use objects::{Pointed, check, newest, newest_report, nothing_there, publish};
pub use pages::{PAGE, page_of_user, put_page};
pub use send::{Sent, send};
pub use spool::{CloudWatch, Job, Notify, Plan, Progress, add};
pub use state::{Lock, State};
pub use store::{Condition, Destination, Extent, Object, Put, Store, Take, Version};
