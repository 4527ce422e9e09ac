//! Faults on request, and the rules that select the requests.

use std::sync::Arc;
use std::time::Duration;

use super::Stub;
use super::route::Call;

/// Moment of a `What::Call`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The request has arrived and was not yet performed.
    Before,
    /// The request was performed and not yet answered.
    After,
}

/// Effect on a request.
#[derive(Clone)]
pub enum What {
    /// S3's 503 `SlowDown`; elsewhere the same as `Throttle`.
    SlowDown,
    /// The service's own error for too many requests.
    Throttle,
    /// IAM's error for a missing permission.
    Denied,
    /// The credentials have expired.
    Expired,
    /// 500.
    InternalError,
    /// An error with this status, code and message.
    Refuse(u16, &'static str, &'static str),
    /// 412.
    PreconditionFailed,
    /// 409, S3's answer to a conditional write that lost a race.
    Conflict,
    /// Performed, but the answer breaks off half-way with a clean close.
    Truncated,
    /// Performed, but the answer breaks off half-way with a reset.
    Reset,
    /// Performed and answered correctly, but in small pieces over this time.
    Slow(Duration),
    /// Performed and answered after this delay.
    Delay(Duration),
    /// Performed, with status 200, but the body and its length are half of what they should be.
    BadJson,
    /// Performed, then closed without an answer.
    DropAfter,
    /// Performed and answered, with a call before and after performing.
    Call(Arc<dyn Fn(Phase) + Send + Sync>),
}

impl What {
    /// Makes a `What::Call`.
    pub fn call(with: impl Fn(Phase) + Send + Sync + 'static) -> What {
        What::Call(Arc::new(with))
    }
}

/// A rule: an effect and the requests it applies to. Only the first rule that fires counts the
/// request, so rules with the same pattern take effect one after another.
#[derive(Clone)]
pub struct Fault {
    /// `S3`, `CloudWatch`, `SNS`, `SES`, `SageMaker` or `EFS`.
    pub service: &'static str,
    /// Operation as AWS names it, or `*` for all.
    pub operation: &'static str,
    /// Applies only if `Request::target`, such as a key, contains this.
    pub matching: Option<String>,
    /// Number of matching requests to spare first.
    pub after: usize,
    /// Maximum number of requests to hit. `usize::MAX` means always.
    pub times: usize,
    pub what: What,
}

impl Fault {
    /// Hits the next matching request.
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

/// Rules and their counts.
#[derive(Default)]
pub struct Faults(Vec<(Fault, usize)>);

impl Faults {
    /// Returns the effect on this request, if any.
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
    /// Adds a rule.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.0.push((fault, 0));
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        self.state().faults.0.clear();
    }

    /// Returns the number of requests that rules have hit.
    pub fn faults_fired(&self) -> usize {
        let fired =
            |(fault, seen): &(Fault, usize)| seen.saturating_sub(fault.after).min(fault.times);
        self.state().faults.0.iter().map(fired).sum()
    }
}
