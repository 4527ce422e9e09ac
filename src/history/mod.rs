//! What became of each home over the published runs: its sizes, how fast it grows, and when that
//! reaches a limit. See [`read`].

mod growth;
mod read;
mod scope;
mod series;

pub use growth::Forecast;
pub use read::read;
pub use series::{History, HomeSeries, RunPoint};
