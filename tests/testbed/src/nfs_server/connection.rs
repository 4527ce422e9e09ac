//! A connection: reads requests in order and sends replies when they are due.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::calls::{Handler, Step};
use super::frames::{self, Front};
use super::queue::{Chunk, Delivery, Queue};
use super::server::Shared;
use crate::computed::mix;

/// Bytes per read; enough for over a thousand requests.
const BUFFER: usize = 256 << 10;

/// Delays from here on are rounded up to whole ticks, so that replies share writes: one write per
/// reply would cost more than the reply.
const COARSE: Duration = Duration::from_millis(1);
/// In microseconds.
const TICK: u64 = 100;

/// Serves a connection with two threads, which end with it.
pub(super) fn start(shared: &Arc<Shared>, stream: TcpStream, number: u64) -> std::io::Result<()> {
    let queue = Arc::new(Queue::default());
    let writer = {
        let (shared, queue, stream) = (Arc::clone(shared), Arc::clone(&queue), stream.try_clone()?);
        move || queue.run(&stream, &shared.tally)
    };
    let reader = {
        let shared = Arc::clone(shared);
        move || {
            Connection { handler: Handler::new(&shared, number), shared: &shared, queue, number }
                .read(&stream);
            shared.forget_connection(number);
        }
    };
    thread::Builder::new().name("nfs-write".to_owned()).spawn(writer)?;
    thread::Builder::new().name("nfs-read".to_owned()).spawn(reader)?;
    Ok(())
}

struct Connection<'a> {
    shared: &'a Shared,
    handler: Handler<'a>,
    queue: Arc<Queue>,
    number: u64,
}

impl Connection<'_> {
    fn read(mut self, mut stream: &TcpStream) {
        let mut buffer = vec![0; BUFFER];
        let mut filled = 0;
        let mut silent = false;
        while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
            self.shared.tally.arrived(read);
            filled += read;
            if silent {
                filled = 0;
                continue;
            }
            match self.take(&buffer[..filled]) {
                Taken::Bytes(used) => {
                    buffer.copy_within(used..filled, 0);
                    filled -= used;
                    if filled == buffer.len() {
                        buffer.resize(filled * 2, 0);
                    }
                }
                Taken::Silent => silent = true,
                Taken::Close => break,
            }
        }
        self.queue.close(&self.shared.tally);
        // The writing thread closes it.
    }

    /// Executes the complete requests in `bytes`.
    fn take(&mut self, bytes: &[u8]) -> Taken {
        let now = Instant::now();
        let due = self.due(now);
        let apart = self.shared.config.requests_per_second.is_some()
            || !self.shared.config.jitter.is_zero();
        let mut chunk = Chunk::new(self.queue.spare(), due);
        let mut used = 0;
        let taken = loop {
            let record = match frames::front(&bytes[used..]) {
                Front::Record(record, size) => {
                    used += size;
                    record
                }
                Front::Incomplete => break Taken::Bytes(used),
                Front::TooLarge => {
                    self.violation("a record larger than any request may be");
                    break Taken::Close;
                }
            };
            let start = chunk.bytes.len();
            let reply = match self.handler.handle(&record, &mut chunk.bytes) {
                Step::Reply(reply) => reply,
                Step::Silent => break Taken::Silent,
                Step::Close => break Taken::Close,
            };
            if reply.how == Delivery::Plain && reply.late.is_zero() && !apart {
                chunk.requests += 1;
                chunk.slots.extend(reply.slot);
                continue;
            }
            // Earlier replies are sent first, on their own.
            let mut own = Chunk::new(chunk.bytes.split_off(start), due + reply.late);
            own.requests = 1;
            own.slots.extend(reply.slot);
            own.how = reply.how;
            if apart {
                own.due = self.turn(now) + reply.late;
            }
            self.push(&mut chunk);
            self.send(own);
        };
        self.push(&mut chunk);
        self.handler.flush();
        taken
    }

    fn push(&mut self, chunk: &mut Chunk) {
        if chunk.requests > 0 {
            let next = Chunk::new(Vec::new(), chunk.due);
            self.send(std::mem::replace(chunk, next));
        }
    }

    fn send(&mut self, chunk: Chunk) {
        // Before sending: a client that has a reply must find it counted.
        self.handler.flush();
        self.queue.push(chunk, &self.shared.tally);
    }

    fn due(&self, now: Instant) -> Instant {
        let delay = self.shared.delay();
        let due = now + delay;
        if delay < COARSE {
            return due;
        }
        // Relative to the start, so that all replies of a tick are due together, in order.
        let since = (due - self.shared.start).as_micros() as u64;
        self.shared.start + Duration::from_micros((since + 1).next_multiple_of(TICK))
    }

    /// Returns the time when the reply to a request arriving now is due, with individual delays.
    fn turn(&mut self, now: Instant) -> Instant {
        let begins = match self.shared.config.requests_per_second {
            Some(most) => self.handler.partition.turn(now, most),
            None => now,
        };
        let jitter = self.shared.config.jitter.as_nanos() as u64;
        let draw = match jitter {
            0 => 0,
            _ => mix(self.shared.config.seed ^ mix(self.number) ^ self.handler.handled()) % jitter,
        };
        begins + self.shared.delay() + Duration::from_nanos(draw)
    }

    fn violation(&self, what: &str) {
        self.shared.tally.violation(format!("connection {}: {what}", self.number));
    }
}

enum Taken {
    /// This many; the rest is not a complete request.
    Bytes(usize),
    Silent,
    Close,
}
