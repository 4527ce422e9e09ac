//! An NFSv4.1 server on the loopback, in process, to test and measure a client.
//!
//! [`Server`] serves a [`Tree`]: [`Computed`], endless and without memory, or [`Model`], which a
//! test builds and changes. A [`Config`] sets its properties (delay, slots, sizes), and a [`Fault`]
//! makes it fail at a chosen request. [`Server::violations`] lists the client's protocol
//! violations, [`Server::counts`] its requests.
//!
//! The path of a request: `connection` reads it, `frames` finds its end, `calls` handles the RPC
//! part and applies `faults`, `compound` executes the operations in `operations` and `readdir`,
//! with the state in `clients` and `session` of the connection's `partition`, and `queue` holds the
//! reply until it is due. There are two threads per connection and none per request: 4,096 requests
//! can wait for 2 ms each. The server is read-only, without locks, delegations or backchannel. It
//! deliberately shares no code with the client.

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
mod partition;
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
pub use config::{Binding, Config, Cookies, Dealing, Naming, Slots, Squash, TooLarge, Uncached};
pub use counts::Counts;
pub use faults::{At, Fault, Refusal, What};
pub use model::{Model, Node, OnChange};
pub use protocol::{Op, Status, attr, status_flag};
pub use server::Server;
pub use tree::{Entry, Listed, Room, Tree, Who};
