//! An NFSv4.1 server in process, on the loopback, for tests and measurements of a client.
//!
//! [`Server`] serves a [`Tree`]: [`Computed`], endless and for nothing, or [`Model`], which a test
//! makes and changes. A [`Config`] says what it is like (delay, slots, sizes), a [`Fault`] what
//! goes wrong and when; [`Server::violations`] says what the client did against the protocol and
//! [`Server::counts`] how much it asked for.
//!
//! The way of a request: `connection` reads it, `frames` finds its end, `calls` does RPC's part and
//! asks `faults`, `compound` performs the operations in `operations` and `readdir`, with `clients`
//! and `session` for who may ask, and `queue` holds the reply until it is due. Two threads per
//! connection and none per request: 4,096 requests may wait for 2 ms each. It is read-only, has no
//! locks, no delegations and no back channel. It shares no code with the client, on purpose.

mod attrs;
mod calls;
mod clients;
mod compound;
mod computed;
mod config;
mod connection;
mod counts;
mod faults;
mod frames;
mod model;
mod operations;
mod protocol;
mod queue;
pub mod raw;
mod readdir;
mod request;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tree;
mod xdr;

pub use attrs::{Attrs, Handle, Kind, Owner};
pub use computed::Computed;
pub use config::{Binding, Config, Slots, Squash, TooLarge, Uncached};
pub use counts::Counts;
pub use faults::{At, Fault, Refusal, What};
pub use model::{Model, Node, OnChange};
pub use protocol::{Op, Status, attr, status_flag};
pub use server::Server;
pub use tree::{Entry, Listed, Room, Tree, Who};
