//! Requests of a scan to an NFS server.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scan::{Costly, Traffic};

/// Requests of the kernel's NFS client during the scan. The kernel counts requests per mount, so
/// those of other programs are included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Nfs")]
pub struct NfsTraffic {
    /// Connections of the mount.
    pub connections: u64,
    /// Requests by operation: `READDIR`, `GETATTR`, `ACCESS`, `LOOKUP` and others.
    pub requests: BTreeMap<String, u64>,
    /// All requests.
    pub round_trips: u64,
    /// Mean time between a request and its answer, in milliseconds.
    pub mean_round_trip_ms: Option<f64>,
    /// Mount options that would save requests.
    pub hints: Vec<MountHint>,
}

/// A mount option that costs round trips, or saves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MountHint {
    /// The option: `noac`, `actimeo`, `nordirplus` or `nocto`.
    pub option: String,
    /// Advice, with its reason.
    pub text: String,
}

impl From<Traffic> for NfsTraffic {
    fn from(traffic: Traffic) -> Self {
        let millis = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            connections: traffic.connections as u64,
            round_trips: traffic.requests.values().sum(),
            requests: traffic.requests,
            mean_round_trip_ms: traffic.mean_round_trip.map(millis),
            hints: traffic.costly.into_iter().map(MountHint::from).collect(),
        }
    }
}

impl From<Costly> for MountHint {
    fn from(costly: Costly) -> Self {
        let (option, text) = match costly {
            Costly::NoAc => (
                "noac",
                "mounted with noac, each file costs a round trip of its own; mount without",
            ),
            Costly::ShortCache => (
                "actimeo",
                "mounted with attributes kept for a few seconds only, each file may cost a round \
                 trip of its own; mount with the defaults or longer",
            ),
            Costly::NoReadDirPlus => (
                "nordirplus",
                "mounted with nordirplus, each file costs a round trip of its own; mount without",
            ),
            Costly::CloseToOpen => (
                "nocto",
                "mount with nocto for the scan: one of three round trips per directory is saved",
            ),
        };
        Self { option: option.to_owned(), text: text.to_owned() }
    }
}

impl NfsTraffic {
    /// Lines for people: the round trips, also per directory if `dirs` is given, and each hint.
    pub(super) fn lines(&self, dirs: Option<u64>) -> String {
        let mut out = format!("NFS: {} round trips", self.round_trips);
        if let Some(dirs) = dirs.filter(|dirs| *dirs > 0) {
            let each = self.round_trips as f64 / dirs as f64;
            let _ = write!(out, ", {each:.2} per directory");
        }
        if let Some(ms) = self.mean_round_trip_ms {
            let _ = write!(out, ", {ms:.2} ms each");
        }
        out += ".\n";
        for hint in &self.hints {
            let _ = writeln!(out, "NFS: {}.", hint.text);
        }
        out
    }
}
