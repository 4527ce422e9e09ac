//! What leaves this machine: the spool, and what is made of a run for each place it goes to.

mod cloudwatch;
mod notice;
mod objects;
mod pages;
mod send;
mod spool;

pub use cloudwatch::{UserMetrics, batches, metrics};
pub use notice::{Notice, compose, over_quota};
pub use objects::{Pointed, check, publish};
pub use pages::put_page;
pub use send::{Sent, send};
pub use spool::{CloudWatch, Job, Notify, Plan, Progress, add};
