//! CloudWatch's alarms in virtual time: the effect of an alarm's settings on the first day, on a
//! day without a scan, and when a scan is late. No emulator here evaluates an alarm when nothing
//! arrives, so this implements the documentation: CloudWatch user guide, "Configuring how
//! CloudWatch alarms treat missing data".

use serde_json::Value;

/// In seconds.
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Insufficient,
    Ok,
    Alarm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Breaching,
    Ignore,
}

/// The settings of an alarm.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    period: i64,
    periods: usize,
    threshold: f64,
    operator: String,
    statistic: String,
    missing: Missing,
}

impl Alarm {
    /// Reads a resource's values. Settings that this does not implement must be absent.
    pub(crate) fn of(values: &Value) -> Self {
        let text = |key: &str| values[key].as_str().unwrap_or_default().to_owned();
        let periods = values["evaluation_periods"].as_u64().unwrap();
        let to_alarm = values["datapoints_to_alarm"].as_u64().filter(|count| *count > 0);
        assert!(to_alarm.is_none_or(|count| count == periods), "not all of {periods} periods");
        assert!(values["metric_query"].as_array().is_none_or(Vec::is_empty), "metric math");
        Self {
            period: values["period"].as_i64().unwrap(),
            periods: usize::try_from(periods).unwrap(),
            threshold: values["threshold"].as_f64().unwrap(),
            operator: text("comparison_operator"),
            statistic: text("statistic"),
            missing: match text("treat_missing_data").as_str() {
                "breaching" => Missing::Breaching,
                "ignore" if periods == 1 => Missing::Ignore,
                other => panic!("missing data as `{other}` with {periods} periods"),
            },
        }
    }

    fn breaches(&self, value: f64) -> bool {
        match self.operator.as_str() {
            "GreaterThanThreshold" => value > self.threshold,
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "LessThanThreshold" => value < self.threshold,
            "LessThanOrEqualToThreshold" => value <= self.threshold,
            other => panic!("operator {other}"),
        }
    }

    /// Returns the statistic of the period that ends at `end`.
    fn datum(&self, points: &[(i64, f64)], end: i64) -> Option<f64> {
        let of = points.iter().filter(|(at, _)| *at > end - self.period && *at <= end);
        let values = of.map(|(_, value)| *value);
        match self.statistic.as_str() {
            "Maximum" => values.max_by(f64::total_cmp),
            "Minimum" => values.min_by(f64::total_cmp),
            other => panic!("statistic {other}"),
        }
    }

    /// Returns the state at `now`, given the points so far and the previous state. CloudWatch looks
    /// at some more periods than it needs (`more`; it does not say how many), and real points among
    /// them count before missing ones are filled in.
    pub(crate) fn state(
        &self,
        before: State,
        points: &[(i64, f64)],
        now: i64,
        more: usize,
    ) -> State {
        let ends =
            (0..self.periods + more).map(|back| now - i64::try_from(back).unwrap() * self.period);
        let real: Vec<f64> = ends.filter_map(|end| self.datum(points, end)).collect();
        let newest = &real[..real.len().min(self.periods)];
        let all = newest.iter().all(|value| self.breaches(*value));
        let filled = newest.len() < self.periods;
        match (all, filled, self.missing) {
            (false, _, _) => State::Ok,
            (true, false, _) | (true, true, Missing::Breaching) => State::Alarm,
            // One period, which is empty.
            (true, true, Missing::Ignore) => before,
        }
    }

    /// Returns the time between evaluations: an hour, on data up to the full hour, if the alarm
    /// looks back for more than a day; otherwise 5 minutes in this model ("Evaluating an alarm").
    fn looked_at(&self) -> i64 {
        let back = self.period * i64::try_from(self.periods).unwrap();
        if back > DAY { HOUR } else { 300 }
    }

    /// Returns the changes of state from 0 until `until`, with their times.
    pub(crate) fn changes(
        &self,
        points: &[(i64, f64)],
        until: i64,
        more: usize,
    ) -> Vec<(i64, State)> {
        let (mut state, mut changes) = (State::Insufficient, Vec::new());
        for now in (0..until).step_by(usize::try_from(self.looked_at()).unwrap()) {
            let known: Vec<_> = points.iter().filter(|(at, _)| *at <= now).copied().collect();
            let next = self.state(state, &known, now, more);
            if next != state {
                state = next;
                changes.push((now, state));
            }
        }
        changes
    }
}

/// Returns the times of daily scans that start at 2 o'clock, up to an hour later each day, for that
/// many days.
pub(crate) fn daily(days: i64) -> Vec<i64> {
    // Irregular, and the same in each run of the test.
    (0..days).map(|day| day * DAY + 2 * HOUR + (day * 2327 + 911) % 3600).collect()
}
