//! State of the stand-in behind one lock: requests are atomic, like AWS's.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Request;
use super::faults::Faults;
use super::route::Call;
use super::{cloudwatch, efs, s3, sagemaker, ses, sns};

pub struct State {
    pub s3: s3::Store,
    pub cloudwatch: cloudwatch::Accepted,
    pub sns: sns::Topics,
    pub ses: ses::Account,
    pub sagemaker: sagemaker::Domains,
    pub efs: efs::FileSystems,
    pub requests: Vec<Request>,
    /// Number of requests in progress, and the largest number at one time, by service.
    pub flights: BTreeMap<&'static str, (usize, usize)>,
    pub violations: Vec<String>,
    pub faults: Faults,
    pub limits: BTreeMap<&'static str, Limit>,
    pub page_size: usize,
    /// Seconds by which the dates of answers are ahead.
    pub ahead: i64,
}

impl Default for State {
    fn default() -> State {
        State {
            s3: Default::default(),
            cloudwatch: Default::default(),
            sns: Default::default(),
            ses: Default::default(),
            sagemaker: Default::default(),
            efs: Default::default(),
            requests: Vec::new(),
            flights: BTreeMap::new(),
            violations: Vec::new(),
            faults: Faults::default(),
            limits: BTreeMap::new(),
            page_size: usize::MAX,
            ahead: 0,
        }
    }
}

impl State {
    /// Records a violation by a client.
    pub fn violation(&mut self, call: &Call, what: impl AsRef<str>) {
        let what = what.as_ref();
        self.violations.push(format!("{} {}: {what}", call.service, call.operation));
    }

    /// Records a request.
    pub fn arrived(&mut self, call: &Call) {
        self.requests.push(Request {
            service: call.service,
            operation: call.operation.clone(),
            parent: call.parent.clone(),
            target: call.target.clone(),
            headers: call.http.headers.iter().cloned().collect(),
            bytes: call.http.wire_bytes,
            at: Instant::now(),
        });
    }
}

/// A rate limit over a sliding second.
pub struct Limit {
    per_second: usize,
    passed: VecDeque<Instant>,
    pub refused: usize,
}

impl Limit {
    pub fn new(per_second: usize) -> Limit {
        Limit { per_second, passed: VecDeque::new(), refused: 0 }
    }

    /// Counts a request. Returns true if it is within the limit.
    pub fn passes(&mut self) -> bool {
        let now = Instant::now();
        let old = |then: &Instant| now.duration_since(*then) >= Duration::from_secs(1);
        while self.passed.front().is_some_and(old) {
            self.passed.pop_front();
        }
        let passes = self.passed.len() < self.per_second;
        if passes {
            self.passed.push_back(now);
        } else {
            self.refused += 1;
        }
        passes
    }
}
