//! Session parameters that the server granted, for users who check them before a long scan.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::compound::ChannelAttrs;
use crate::sync::lock;

/// Sessions of a walk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Granted {
    /// Number of sessions created.
    sessions: u32,
    /// Number of partitions: servers that do not know each other's sessions, each with its own
    /// client id.
    partitions: usize,
    /// The channel of the last session.
    channel: Option<ChannelAttrs>,
    /// The shortest time between a request that creates a session and its reply.
    round_trip: Option<Duration>,
}

/// Session parameters that the server granted to the last walk of an engine.
#[derive(Clone, Debug, Default)]
pub struct LastGranted(Arc<Mutex<Granted>>);

impl LastGranted {
    pub(super) fn set(&self, granted: Granted) {
        *lock(&self.0) = granted;
    }

    /// Describes the parameters in words; `None` without a session.
    pub(super) fn words(&self) -> Option<String> {
        let granted = *lock(&self.0);
        granted.channel.is_some().then(|| granted.to_string())
    }
}

impl Granted {
    pub(super) fn session(
        &mut self,
        channel: ChannelAttrs,
        took: Option<Duration>,
        partitions: usize,
    ) {
        self.sessions += 1;
        self.partitions = partitions;
        self.channel = Some(channel);
        self.round_trip = [self.round_trip, took].into_iter().flatten().min();
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, partitions, channel, round_trip } = self;
        write!(f, "sessions: {sessions}, state partitions: {partitions}")?;
        if let Some(channel) = channel {
            let ChannelAttrs { max_requests, max_operations, max_response, .. } = channel;
            write!(
                f,
                ", each with {max_requests} requests in flight of {max_operations} operations and replies of \
                 {} KiB",
                max_response / 1024
            )?;
        }
        match round_trip {
            Some(time) => write!(f, "; {:.1} ms a round trip", time.as_secs_f64() * 1e3),
            None => Ok(()),
        }
    }
}
