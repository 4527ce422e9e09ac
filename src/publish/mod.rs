//! Where the report goes: a directory, S3, CloudWatch, SNS, and a spool for what could not be
//! sent.

mod directory;
mod store;

pub use directory::Directory;
pub use store::{Condition, Destination, Object, Put, Store, Version};
