//! What can go wrong, and when.

use std::sync::Arc;
use std::time::Duration;

use super::Stub;
use super::route::Call;

/// When a `What::Call` is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The request is complete; nothing was done yet.
    Before,
    /// It was performed; nothing was answered yet.
    After,
}

/// What happens to a request.
#[derive(Clone)]
pub enum What {
    /// S3's 503 `SlowDown`; elsewhere the same as `Throttle`.
    SlowDown,
    /// The service's own way to say that there are too many requests.
    Throttle,
    /// No permission, as IAM says it.
    Denied,
    /// The credentials have expired.
    Expired,
    /// 500.
    InternalError,
    /// 412.
    PreconditionFailed,
    /// 409, as S3 answers to a conditional write that lost a race.
    Conflict,
    /// Performed, but the answer breaks off half-way with a clean close.
    Truncated,
    /// Performed, but the answer breaks off half-way with a reset.
    Reset,
    /// Performed and answered correctly, but in small pieces over that time.
    Slow(Duration),
    /// Waits so long, then performs and answers.
    Delay(Duration),
    /// Performed, and 200, but the body is half of what it should be; the length says so too.
    BadJson,
    /// Performed, then closed without an answer.
    DropAfter,
    /// Performed and answered, with a call before and after performing.
    Call(Arc<dyn Fn(Phase) + Send + Sync>),
}

impl What {
    /// A `What::Call`.
    pub fn call(with: impl Fn(Phase) + Send + Sync + 'static) -> What {
        What::Call(Arc::new(with))
    }
}

/// A rule: which requests something happens to. The first rule that fires is the only one that
/// counts the request, so rules with the same pattern follow one another.
#[derive(Clone)]
pub struct Fault {
    /// `S3`, `CloudWatch`, `SNS`, `SES`, `SageMaker` or `EFS`.
    pub service: &'static str,
    /// As AWS calls it, or `*` for all.
    pub operation: &'static str,
    /// Only where the key, or whatever `Request::target` is, contains this.
    pub matching: Option<String>,
    /// So many that match pass before.
    pub after: usize,
    /// So many are hit, then no more. `usize::MAX` is always.
    pub times: usize,
    pub what: What,
}

impl Fault {
    /// Hits the next one.
    pub fn new(service: &'static str, operation: &'static str, what: What) -> Fault {
        Fault { service, operation, matching: None, after: 0, times: 1, what }
    }

    pub fn matching(self, part: &str) -> Fault {
        Fault { matching: Some(part.to_owned()), ..self }
    }

    pub fn after(self, after: usize) -> Fault {
        Fault { after, ..self }
    }

    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    pub fn always(self) -> Fault {
        self.times(usize::MAX)
    }

    fn matches(&self, call: &Call) -> bool {
        let part = self.matching.as_deref().unwrap_or_default();
        self.service == call.service
            && (self.operation == "*" || self.operation == call.operation)
            && call.target.contains(part)
    }
}

/// Rules with what they have seen.
#[derive(Default)]
pub struct Faults(Vec<(Fault, usize)>);

impl Faults {
    /// What happens to this request, if anything.
    pub fn take(&mut self, call: &Call) -> Option<What> {
        for (fault, seen) in &mut self.0 {
            if fault.matches(call) {
                *seen += 1;
                if *seen > fault.after && *seen - fault.after <= fault.times {
                    return Some(fault.what.clone());
                }
            }
        }
        None
    }
}

impl Stub {
    /// From now on.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.0.push((fault, 0));
    }

    /// From now on, nothing goes wrong.
    pub fn clear_faults(&self) {
        self.state().faults.0.clear();
    }

    /// How many requests the rules have hit.
    pub fn faults_fired(&self) -> usize {
        let fired =
            |(fault, seen): &(Fault, usize)| seen.saturating_sub(fault.after).min(fault.times);
        self.state().faults.0.iter().map(fired).sum()
    }
}
