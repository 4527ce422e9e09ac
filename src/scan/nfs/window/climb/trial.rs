//! Trials of fewer and of more requests in flight.

use super::{Climb, Hold, LARGE, NO_QUEUE, Phase, Point, RAREST_TRIAL, SMALL};

/// Factor of the fastest answers from which a gain by more requests must be proven.
const QUEUE: f64 = 2.0;

/// A trial of other numbers than usual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) hold: Hold,
    /// The number before it, and what that brought.
    pub(super) limit: usize,
    pub(super) before: Point,
    /// The last good one.
    pub(super) kept: Point,
    /// The rate of a first window that decided nothing.
    pub(super) first: Option<f64>,
    /// The gain of more requests, while the number from before is compared again.
    pub(super) gained: Option<Point>,
}

impl Climb {
    pub(super) fn end_trial(&mut self, trial: Trial, point: Point) {
        match trial.gained {
            Some(more) => self.end_proof(trial, more, point),
            None if self.limit < trial.before.allowed => self.end_fewer(trial, point),
            None => self.end_more(trial, point),
        }
    }

    fn end_fewer(&mut self, trial: Trial, point: Point) {
        let Trial { before, kept, first, .. } = trial;
        let rate = first.map_or(point.rate, |first| (first + point.rate) / 2.0);
        if 1.0 - rate / before.rate > SMALL {
            if before.latency > QUEUE * self.fastest {
                // Answers are slow even with fewer requests.
                self.fastest = self.fastest.max(point.latency / NO_QUEUE);
            }
            if kept.allowed == before.allowed {
                return self.reject(trial, false);
            }
            self.limit = kept.allowed;
            return self.phase = Phase::Hold(Hold::new(Some(kept)));
        }
        if first.is_none() {
            return self.phase = Phase::Trial(Trial { first: Some(rate), ..trial });
        }
        let kept = Point { rate, ..point };
        let fewer = self.fewer(point.allowed);
        if fewer == self.limit {
            return self.phase = Phase::Hold(Hold::new(Some(kept)));
        }
        // The server may have become faster during the trial.
        let before = Point { rate: (before.rate + rate) / 2.0, ..before };
        self.limit = fewer;
        self.phase = Phase::Trial(Trial { before, kept, first: None, ..trial });
    }

    fn end_more(&mut self, trial: Trial, point: Point) {
        if self.is_idle(point) {
            return self.accept(trial, point);
        }
        let gains = point.rate / trial.before.rate - 1.0 >= SMALL;
        self.phase = match point.allowed < self.limit {
            true => return self.reject(trial, true),
            false if gains && point.latency <= QUEUE * self.fastest => {
                return self.accept(trial, point);
            }
            false if gains => {
                self.limit = trial.limit;
                Phase::Trial(Trial { gained: Some(point), ..trial })
            }
            false if trial.first.is_none() => {
                Phase::Trial(Trial { first: Some(point.rate), ..trial })
            }
            false => return self.reject(trial, true),
        }
    }

    /// Compares a gain with the number from before, which `point` has brought now.
    fn end_proof(&mut self, trial: Trial, more: Point, point: Point) {
        let trial = Trial { before: point, ..trial };
        if more.rate / point.rate - 1.0 < SMALL {
            return self.reject(trial, true);
        }
        self.limit = more.allowed;
        self.accept(trial, more);
    }

    /// Keeps more requests. There may be more to gain.
    fn accept(&mut self, trial: Trial, more: Point) {
        if more.rate / trial.before.rate - 1.0 >= LARGE && self.limit < self.range.most {
            return self.double(None, true, 0, more);
        }
        self.phase = Phase::Hold(Hold { wait: 1, down: false, ..Hold::new(Some(more)) });
    }

    /// Returns to the number from before the trial. The next one waits longer.
    fn reject(&mut self, trial: Trial, down: bool) {
        let Trial { hold, limit, before, .. } = trial;
        let pause = (2 * hold.pause).min(RAREST_TRIAL);
        self.limit = limit;
        self.phase = Phase::Hold(Hold { usual: Some(before), wait: pause, pause, slow: 0, down });
    }
}
