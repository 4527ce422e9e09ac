//! Serves each connection on a thread, with faults of the connection.

use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::errors::Failure;
use super::faults::{Phase, What};
use super::http::{self, Answer, Bad};
use super::route::{self, Call};
use super::state::State;
use super::wire;

/// State shared by the threads.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// Weak, so that a connection closes when its thread drops it.
    connections: Mutex<Vec<Weak<TcpStream>>>,
    stopping: AtomicBool,
    requests: AtomicU64,
}

/// State of a connection after an answer.
#[derive(PartialEq)]
enum End {
    Open,
    Close,
    Reset,
}

/// An answer in pieces, each with a pause before it.
struct Sending {
    pieces: Vec<(Duration, Vec<u8>)>,
    end: End,
}

impl Sending {
    fn nothing() -> Sending {
        Sending { pieces: Vec::new(), end: End::Close }
    }
}

/// A request that is being served.
struct Flight<'a> {
    shared: &'a Shared,
    service: &'static str,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.shared.state().flights.entry(self.service).or_default().0 -= 1;
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Serves until `stop`.
    pub fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            let Ok(stream) = stream.map(Arc::new) else { continue };
            {
                // Under the lock, so that either `stop` sees the connection or this thread sees the
                // stop.
                let mut connections = self.connections.lock().unwrap();
                if self.stopping.load(Ordering::SeqCst) {
                    return;
                }
                connections.retain(|weak| weak.strong_count() > 0);
                connections.push(Arc::downgrade(&stream));
            }
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.serve(&stream));
        }
    }

    pub fn stop(&self) {
        let connections = self.connections.lock().unwrap();
        self.stopping.store(true, Ordering::SeqCst);
        for stream in connections.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Serves one connection, request by request.
    fn serve(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        loop {
            let mut request = match http::read_head(&mut reader) {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(bad) => return self.refuse(stream, bad),
            };
            let flight = self.flight(route::service(&request));
            if let Err(bad) = http::read_body(&mut request, &mut reader, &mut &*stream) {
                return self.refuse(stream, bad);
            }
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            let id = format!("00000000-0000-4000-8000-{number:012x}");
            let close = request.lists("connection", "close");
            let sending = self.handle(&route::call(request, id), close);
            if self.send(stream, sending, flight).is_err() || close {
                return;
            }
        }
    }

    /// Ends a connection without a request.
    fn refuse(&self, mut stream: &TcpStream, bad: Bad) {
        if let Bad::Wrong(what) = bad {
            let answer = Answer::new(400, "text/plain", what.as_str());
            self.state().violations.push(format!("HTTP: {what}"));
            let _ = stream.write_all(&[answer.head(true), answer.body].concat());
        }
    }

    fn flight(&self, service: &'static str) -> Flight<'_> {
        let mut state = self.state();
        let (now, most) = state.flights.entry(service).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Flight { shared: self, service }
    }

    /// Sleeps, but not longer than until the server ends.
    fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.stopping.load(Ordering::SeqCst) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    /// Checks the signature, the rate limit and the faults before the service sees the request.
    fn gate(&self, call: &Call) -> Result<Option<What>, Failure> {
        let mut state = self.state();
        state.arrived(call);
        if let Some(wrong) = route::unsigned(call) {
            state.violation(call, &wrong);
            return Err(Failure::unsigned(call, wrong));
        }
        if state.limits.get_mut(call.service).is_some_and(|limit| !limit.passes()) {
            return Err(Failure::throttled(call));
        }
        let what = state.faults.take(call);
        match what.as_ref().and_then(|what| Failure::of(what, call)) {
            Some(failure) => Err(failure),
            None => Ok(what),
        }
    }

    fn handle(&self, call: &Call, close: bool) -> Sending {
        let what = match self.gate(call) {
            Ok(what) => what,
            Err(failure) => return whole(call, self.dated(failure.answer(call)), close),
        };
        match &what {
            Some(What::Delay(time)) => self.pause(*time),
            Some(What::Call(with)) => with(Phase::Before),
            _ => {}
        }
        let mut answer = route::perform(&mut self.state(), call);
        match what {
            Some(What::Call(with)) => {
                with(Phase::After);
                whole(call, answer, close)
            }
            Some(What::BadJson) => {
                answer.body.truncate(answer.body.len() / 2);
                whole(call, answer, close)
            }
            Some(What::Slow(time)) => slowly(call, answer, close, time),
            Some(What::Truncated) => half(call, answer, End::Close),
            Some(What::Reset) => half(call, answer, End::Reset),
            Some(What::DropAfter) => Sending::nothing(),
            _ => whole(call, answer, close),
        }
    }

    /// Dates an answer by a clock that is set differently.
    fn dated(&self, answer: Answer) -> Answer {
        match self.state().ahead {
            0 => answer,
            ahead => {
                let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
                answer.with("Date", wire::http_date(now))
            }
        }
    }

    /// Sends an answer. An error ends the connection.
    fn send(&self, mut stream: &TcpStream, sending: Sending, flight: Flight<'_>) -> Result<(), ()> {
        let mut flight = Some(flight);
        let last = sending.pieces.len().saturating_sub(1);
        for (number, (time, piece)) in sending.pieces.into_iter().enumerate() {
            self.pause(time);
            if number == last {
                // Before the client sees the answer and can send the next request.
                flight.take();
            }
            stream.write_all(&piece).map_err(drop)?;
        }
        match sending.end {
            End::Open => Ok(()),
            End::Close => Err(()),
            End::Reset => {
                // Gives the client time to read the half before the reset.
                self.pause(Duration::from_millis(20));
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                Err(())
            }
        }
    }
}

/// Returns head and body as they are sent.
fn parts(call: &Call, answer: Answer, close: bool) -> (Vec<u8>, Vec<u8>) {
    let name = if call.service == "S3" { "x-amz-request-id" } else { "x-amzn-RequestId" };
    let answer = match answer.headers.iter().any(|(name, _)| name == "Date") {
        true => answer,
        false => answer.with("Date", wire::http_date(jiff::Timestamp::now())),
    };
    let answer = answer.with(name, &call.id);
    let head = answer.head(close);
    (head, if call.http.method == "HEAD" { Vec::new() } else { answer.body })
}

fn whole(call: &Call, answer: Answer, close: bool) -> Sending {
    let (mut bytes, body) = parts(call, answer, close);
    bytes.extend(body);
    Sending { pieces: vec![(Duration::ZERO, bytes)], end: End::Open }
}

/// Returns everything up to half of the body, or half of the head if there is no body.
fn half(call: &Call, answer: Answer, end: End) -> Sending {
    let (mut bytes, body) = parts(call, answer, false);
    if body.is_empty() {
        bytes.truncate(bytes.len() / 2);
    } else {
        bytes.extend(&body[..body.len() / 2]);
    }
    Sending { pieces: vec![(Duration::ZERO, bytes)], end }
}

/// Splits the body, or the head if there is no body, into pieces over this time.
fn slowly(call: &Call, answer: Answer, close: bool, time: Duration) -> Sending {
    const PIECES: usize = 20;
    let (head, body) = parts(call, answer, close);
    let (first, slow) = if body.is_empty() { (Vec::new(), head) } else { (head, body) };
    let size = slow.len().div_ceil(PIECES);
    let count = u32::try_from(slow.len().div_ceil(size)).unwrap();
    let mut pieces = vec![(Duration::ZERO, first)];
    pieces.extend(slow.chunks(size).map(|piece| (time / count, piece.to_vec())));
    Sending { pieces, end: End::Open }
}
