//! The forms of a report, by name.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A form of the report, as the command line and the configuration spell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// Everything, by a versioned schema
    Json,
    /// One line for each home
    Csv,
    /// As `du -h -d1 ROOT/` prints it
    Du,
    /// Metrics for Prometheus, as node_exporter reads them from a file
    Prometheus,
    /// Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f
    Ncdu,
}
