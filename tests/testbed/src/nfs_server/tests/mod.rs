//! Tests the server with a client that follows the RFC and knows nothing of the server's internals.

mod faults;
mod limits;
mod partitions;
mod slots;
mod trees;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::raw::{Answers, Raw, Session, ops};
use super::{Computed, Config, Op, Server, Status, Tree, attr};
use crate::computed;

/// The attributes an accounting walk requests.
const ATTRS: [u8; 6] =
    [attr::TYPE, attr::SIZE, attr::RDATTR_ERROR, attr::FILEHANDLE, attr::FILEID, attr::SPACE_USED];

/// Starts a server with a small computed tree.
fn computed(config: Config) -> Server {
    let tree = Computed::new(computed::Tree::even(50, 7, 5, 4));
    serve(config, Arc::new(tree))
}

fn serve(config: Config, tree: Arc<dyn Tree>) -> Server {
    Server::start(config, tree).expect("a port of the loopback")
}

/// Opens a connection with a session of four slots.
fn client(server: &Server) -> (Raw, Session) {
    let mut raw = Raw::connect(server.address()).expect("a connection");
    let session = raw.session(b"client", 4, 256).expect("a session");
    (raw, session)
}

/// Executes operations after SEQUENCE in a slot; returns the reply after SEQUENCE's result.
fn call(raw: &mut Raw, session: &mut Session, slot: usize, rest: &[Vec<u8>]) -> Answers {
    try_call(raw, session, slot, rest).expect("an answer")
}

fn try_call(
    raw: &mut Raw,
    session: &mut Session,
    slot: usize,
    rest: &[Vec<u8>],
) -> io::Result<Answers> {
    let mut request = vec![session.next(slot, false)];
    request.extend_from_slice(rest);
    let mut answers = raw.call(&request)?;
    if answers.count > 1 || answers.status == Status::OK {
        answers.sequence()?;
    }
    Ok(answers)
}

/// Lists the root from its start.
fn list_root(maxcount: u32) -> [Vec<u8>; 2] {
    [ops::putrootfh(), ops::readdir(0, [0; 8], (0, maxcount), &ATTRS)]
}

/// An entry with the attributes `ATTRS`, or with only an error.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    name: Vec<u8>,
    cookie: u64,
    error: Status,
    kind: u32,
    size: u64,
    handle: Vec<u8>,
    fileid: u64,
    space_used: u64,
}

/// Reads READDIR's result after its status: the verifier, entries, `eof`, and its size in bytes.
fn entries(answers: &mut Answers) -> ([u8; 8], Vec<Seen>, bool, usize) {
    let before = answers.left();
    let listed = answers.read(|reader| {
        let verifier = reader.fixed()?;
        let mut entries = Vec::new();
        while reader.bool()? {
            let (cookie, name) = (reader.u64()?, reader.opaque(255)?.to_vec());
            let mask = reader.bitmap()?;
            let mut values = super::xdr::Reader::new(reader.opaque(1 << 16)?);
            let mut seen = Seen {
                name,
                cookie,
                error: Status::OK,
                kind: 0,
                size: 0,
                handle: Vec::new(),
                fileid: 0,
                space_used: 0,
            };
            for bit in (0..128).filter(|bit| mask >> bit & 1 == 1) {
                match bit {
                    attr::TYPE => seen.kind = values.u32()?,
                    attr::SIZE => seen.size = values.u64()?,
                    attr::RDATTR_ERROR => seen.error = Status(values.u32()?),
                    attr::FILEHANDLE => seen.handle = values.opaque(128)?.to_vec(),
                    attr::FILEID => seen.fileid = values.u64()?,
                    attr::SPACE_USED => seen.space_used = values.u64()?,
                    other => panic!("attribute {other} was not asked for"),
                }
            }
            assert_eq!(values.rest(), b"", "attributes end where their length says");
            entries.push(seen);
        }
        Ok((verifier, entries, reader.bool()?))
    });
    let (verifier, entries, eof) = listed.expect("a listing");
    (verifier, entries, eof, before - answers.left())
}

/// Skips results without a body up to the first of `op`; returns its status.
fn status_of(answers: &mut Answers, op: Op) -> Status {
    loop {
        let (next, status) = answers.next_op().expect("a result");
        if next == op {
            return status;
        }
        assert_eq!(status, Status::OK, "{next}");
    }
}

const SECOND: Duration = Duration::from_secs(1);
