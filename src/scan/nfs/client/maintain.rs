//! Timers: reconnects, overdue replies, and a server that stays away.

use std::io;
use std::time::{Duration, Instant};

use super::NfsClient;
use crate::scan::nfs::connection::ConnectionState;

/// Time limit for each answer until the server has given one. Three attempts then take a minute, as
/// long as a mount with `timeo=600` waits for one reply. No server reads a disk to say who it is.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Time limit for the TLS handshake. A server without TLS may take the handshake for the start of a
/// request and wait for the rest.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Shortest turn of the event loop that counts as a stall. Turns take milliseconds, so a longer one
/// was not spent waiting for the server: the process was suspended, or it looked up an owner.
const STALL_THRESHOLD: Duration = Duration::from_secs(1);

/// Connection attempts for a server that has never replied, and for one that assigned a client id
/// but never created a session.
const CONNECT_TRIES: usize = 3;
const SETUP_TRIES: usize = 9;

/// Time without a reply after which a loop without a session leaves its directories to the other
/// loops. Longer than the pauses between attempts to connect.
const HANDOVER: Duration = Duration::from_secs(10);

impl NfsClient {
    /// Handles everything due: reconnects, overdue replies, a server that stays away.
    pub(super) fn maintain(&mut self, now: Instant) -> Result<(), (&'static str, io::Error)> {
        let turn =
            now.saturating_duration_since(std::mem::replace(&mut self.last_maintenance, now));
        if turn > STALL_THRESHOLD {
            self.exclude_stall(turn, now);
        }
        for at in 0..self.connections.len() {
            let connection = &mut self.connections[at];
            let mut reply_timeout = self.options.reply_timeout;
            if !self.identity.has_answered() {
                reply_timeout = reply_timeout.min(FIRST_ANSWER_TIMEOUT);
            }
            let late = |since, reply_timeout| now.saturating_duration_since(since) > reply_timeout;
            let lost = match (&connection.state, connection.setup, &mut connection.session) {
                (ConnectionState::Down(until), ..) if *until <= now => {
                    self.connect(at, now);
                    continue;
                }
                (ConnectionState::Connecting | ConnectionState::Setup(_), Some((_, since)), _)
                    if late(since, reply_timeout) =>
                {
                    true
                }
                (ConnectionState::TlsHandshake, Some((_, since)), _) => {
                    late(since, reply_timeout.min(TLS_HANDSHAKE_TIMEOUT))
                }
                (_, _, Some(session)) if session.may_be_overdue(now, reply_timeout) => {
                    session.oldest_wait(now) > reply_timeout
                }
                _ => false,
            };
            if lost {
                let silent = self.silence_reason(at);
                self.close_connection(at, &silent);
            }
        }
        let reason = || {
            let reason = self.last_error.clone().unwrap_or_else(|| "no connection".to_owned());
            io::Error::new(io::ErrorKind::TimedOut, reason)
        };
        // Do not wait for a server that was never reached.
        let tries = if self.identity.is_known() { SETUP_TRIES } else { CONNECT_TRIES };
        let tried = self.connections[0].failures as usize >= self.addresses.len().max(tries);
        if tried && !self.identity.has_answered() && self.walk.fatal.is_none() {
            return Err(("connect to", reason()));
        }
        let silence = now.saturating_duration_since(self.last_reply);
        if let Some(team) = self.walk.team() {
            team.note_reply(self.last_reply);
        }
        let outage_limit = self.options.outage_limit;
        let has_session = self.connections.iter().any(|connection| connection.session.is_some());
        let limit = if has_session { outage_limit } else { outage_limit.min(HANDOVER) };
        if silence > limit {
            match self.walk.team().is_none_or(|team| team.silence(now) > limit) {
                // The server still replies to other loops.
                false => self.walk.give_all(),
                true if silence > outage_limit => self.walk.give_up(&reason),
                true => {}
            }
        }
        Ok(())
    }

    /// Excludes a stall of our own from all timers: the server was not silent, and its replies may
    /// already be here, unread.
    fn exclude_stall(&mut self, time: Duration, now: Instant) {
        self.last_reply = now.min(self.last_reply + time);
        for connection in &mut self.connections {
            if let Some((_, since)) = &mut connection.setup {
                *since = now.min(*since + time);
            }
            if let Some(session) = &mut connection.session {
                session.exclude_stall(time, now);
            }
        }
    }
}
