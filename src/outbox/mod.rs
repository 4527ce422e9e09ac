//! Sends runs from the spool to where they go: objects, metrics and notices. Pages do not wait in the
//! spool: they are made of what is published, and put beside it.

mod adopt;
mod cloudwatch;
mod convert;
mod metrics_of;
mod migrate;
mod notice;
mod objects;
mod pages;
mod publisher;
mod send;
mod spool;

pub use cloudwatch::{batches, metrics, missing};
pub use convert::Converted;
pub use metrics_of::MetricsOf;
pub use migrate::{Migrated, migrate};
pub use notice::{Notice, Over, compose, over_quota};
pub use objects::{OtherRoot, Pointed, check, publish};
pub use pages::{put_fleet_page, put_page};
pub(crate) use publisher::{Publisher, Publishing, Scanned, send_waiting};
pub use send::Sent;
pub(crate) use send::{Kept, Unkept};
pub use spool::{CloudWatch, Job, Notify, Targets};
