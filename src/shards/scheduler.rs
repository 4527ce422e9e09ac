//! Which shard this process is: said by flags, or by the scheduler that started it.

use std::fmt;
use std::str::FromStr;

/// A shard, by its number from 1, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) of: u32,
}

/// The most shards of a run: more than arrays of AWS Batch have.
pub(super) const MOST: u32 = 10_000;

impl Place {
    fn new(number: u32, of: u32) -> Option<Self> {
        (number >= 1 && number <= of && of <= MOST).then_some(Self { number, of })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let parsed = numbers.and_then(|(k, n)| Place::new(k.parse().ok()?, n.parse().ok()?));
        parsed.ok_or_else(|| {
            format!("`{text}` is no shard: expected K/N, from 1/N to N/N, and N up to {MOST}")
        })
    }
}

/// The shard that a flag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AskedShard {
    This(Place),
    /// The one that the scheduler says.
    Auto,
}

impl FromStr for AskedShard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::This),
        }
    }
}

/// A scheduler: variables with the index of the task, the range of all indexes, the number of tasks, and the
/// name of the job, which all tasks share.
struct Scheduler {
    name: &'static str,
    index: &'static str,
    range: Option<Range>,
    count: &'static [&'static str],
    job: &'static [&'static str],
}

/// Variables with the first index, the last one, and the step between two.
struct Range {
    first: &'static str,
    last: &'static str,
    step: &'static str,
}

const SCHEDULERS: [Scheduler; 3] = [
    Scheduler {
        name: "AWS Batch",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        range: None,
        count: &["AWS_BATCH_JOB_ARRAY_SIZE", SHARDS],
        job: &["AWS_BATCH_JOB_ID"],
    },
    Scheduler {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        range: None,
        count: &[SHARDS],
        job: &[JOB_NAME],
    },
    Scheduler {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        range: Some(Range {
            first: "SLURM_ARRAY_TASK_MIN",
            last: "SLURM_ARRAY_TASK_MAX",
            step: "SLURM_ARRAY_TASK_STEP",
        }),
        count: &["SLURM_ARRAY_TASK_COUNT"],
        job: &["SLURM_ARRAY_JOB_ID"],
    },
];

impl AskedShard {
    /// Returns the shard and the name of the run. `run` is the name that was given, which comes before
    /// the scheduler's, and `variable` reads the environment.
    ///
    /// # Errors
    /// Says what is missing.
    pub(crate) fn resolve(
        self,
        run: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Place, String), String> {
        let needs = "--shard needs --run-id, a name that all shards of the run share";
        let place = match self {
            Self::This(place) => return Ok((place, run.ok_or(needs)?.to_owned())),
            Self::Auto => SCHEDULERS.iter().find(|it| variable(it.index).is_some()),
        };
        let Some(scheduler) = place else {
            let all: Vec<&str> = SCHEDULERS.iter().map(|it| it.index).collect();
            return Err(format!("--shard auto: none of {} is set", all.join(", ")));
        };
        let Scheduler { name, index, range, count, job } = scheduler;
        let number = |variable_name: &str| -> Result<u32, String> {
            let text = variable(variable_name);
            let text = text.ok_or_else(|| match variable_name == SHARDS {
                true => format!("--shard auto: set {SHARDS} to the number of tasks of the array"),
                false => format!("--shard auto: {name} did not set {variable_name}"),
            })?;
            let problem =
                |_| format!("--shard auto: {variable_name} is `{text}`, which is no number");
            text.parse().map_err(problem)
        };
        let or = |variable_name: &str, other: u32| match variable(variable_name) {
            Some(_) => number(variable_name),
            None => Ok(other),
        };
        let counts = count.iter().find(|name| variable(name).is_some());
        let of = number(counts.unwrap_or(&count[count.len() - 1]))?;
        let at = number(index)?;
        let (from, step) = match range {
            Some(range) => (or(range.first, 0)?, or(range.step, 1)?.max(1)),
            None => (0, 1),
        };
        let nth = |at: u32| {
            let after = at.checked_sub(from).filter(|after| after % step == 0)?;
            Place::new((after / step).checked_add(1)?, of)
        };
        // All tasks of an array with gaps have to see that, not only those after the first gap.
        let last = range.as_ref().and_then(|range| variable(range.last));
        let is_last =
            |last: &str| last.parse().ok().and_then(nth).is_some_and(|it| it.number == of);
        let place = nth(at).filter(|_| last.is_none_or(|last| is_last(&last)));
        let place = place.ok_or_else(|| {
            format!(
                "--shard auto: {index} is {at}, the first is {from}, and there are {of} tasks: the \
                     tasks must be numbered without gaps, and be at most {MOST}"
            )
        })?;
        let of_job = || {
            let id = job.iter().find_map(|name| variable(name));
            // AWS Batch adds the index after a colon.
            id.map(|id| id.split(':').next().unwrap_or_default().to_owned())
        };
        let run = run.map(str::to_owned).or_else(of_job);
        let run = run.ok_or_else(|| format!("--shard auto: {} is not set: {needs}", job[0]))?;
        Ok((place, run))
    }
}

/// Returns a variable of the environment; `None` if it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable with the number of shards, where the scheduler has none.
const SHARDS: &str = "EFS_SCAN_SHARDS";

/// The variable with the name of a Kubernetes Job.
const JOB_NAME: &str = "JOB_NAME";

/// Returns the name of the run that was given. `auto` is the last part of the name of a Kubernetes Job: there,
/// Jobs of CronJobs have the minute for which they were scheduled, so those of shards and of their merge agree.
///
/// # Errors
/// If the name of the Job is not known.
pub(crate) fn run_id(
    given: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    if given != Some("auto") {
        return Ok(given.map(str::to_owned));
    }
    let job = variable(JOB_NAME).ok_or_else(|| {
        format!("--run-id auto: {JOB_NAME} is not set; it is the name of a Kubernetes Job")
    })?;
    Ok(job.rsplit('-').next().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(variables: &[(&str, &str)], run: Option<&str>) -> Result<(u32, u32, String), String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let resolved = AskedShard::Auto.resolve(run, &variable);
        resolved.map(|(place, run)| (place.number, place.of, run))
    }

    #[test]
    fn a_shard_is_a_number_of_a_number() {
        assert_eq!("2/4".parse(), Ok(AskedShard::This(Place { number: 2, of: 4 })));
        assert_eq!("auto".parse(), Ok(AskedShard::Auto));
        for wrong in ["", "0/4", "5/4", "1", "1/0", "-1/2", "1/10001", "a/b", "1/2/3"] {
            assert!(wrong.parse::<AskedShard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_scheduler_says_which_shard_a_task_is() {
        let batch = [
            ("AWS_BATCH_JOB_ID", "2c7b1b1e-7a0c:3"),
            ("AWS_BATCH_JOB_ARRAY_INDEX", "3"),
            ("AWS_BATCH_JOB_ARRAY_SIZE", "4"),
        ];
        assert_eq!(auto(&batch, None), Ok((4, 4, "2c7b1b1e-7a0c".to_owned())));
        assert_eq!(auto(&batch, Some("x")), Ok((4, 4, "x".to_owned())));
        let kubernetes =
            [("JOB_COMPLETION_INDEX", "0"), ("EFS_SCAN_SHARDS", "8"), ("JOB_NAME", "s-1")];
        assert_eq!(auto(&kubernetes, None), Ok((1, 8, "s-1".to_owned())));
        let slurm = [
            ("SLURM_ARRAY_JOB_ID", "77"),
            ("SLURM_ARRAY_TASK_ID", "12"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(auto(&slurm, None), Ok((3, 4, "77".to_owned())));
        let named =
            |name: &'static str| move |it: &str| (it == "JOB_NAME").then(|| name.to_owned());
        for job in ["efs-scan-29412345", "efs-scan-shards-29412345", "29412345"] {
            assert_eq!(run_id(Some("auto"), &named(job)), Ok(Some("29412345".to_owned())));
            assert_eq!(run_id(Some("x"), &named(job)), Ok(Some("x".to_owned())));
            assert_eq!(run_id(None, &named(job)), Ok(None));
        }
        let problem = run_id(Some("auto"), &|_| None).expect_err("no job");
        assert!(problem.contains("JOB_NAME"), "{problem}");
        let with = |task: &'static str| {
            let step = ("SLURM_ARRAY_TASK_STEP", "2");
            let (least, most) = (("SLURM_ARRAY_TASK_MIN", "0"), ("SLURM_ARRAY_TASK_MAX", "6"));
            [slurm[0], ("SLURM_ARRAY_TASK_ID", task), least, most, step, slurm[3]]
        };
        for (task, place) in [("0", 1), ("2", 2), ("4", 3), ("6", 4)] {
            assert_eq!(auto(&with(task), None), Ok((place, 4, "77".to_owned())));
        }
        let between = with("3");
        // --array=1,2,4: the first two fit, and the last does not.
        let listed = ["1", "2", "4"].map(|task| {
            let (least, most) = (("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_MAX", "4"));
            let count = ("SLURM_ARRAY_TASK_COUNT", "3");
            [slurm[0], ("SLURM_ARRAY_TASK_ID", task), least, most, count]
        });
        let gaps = [slurm[0], ("SLURM_ARRAY_TASK_ID", "30"), slurm[2], slurm[3]];
        for (wrong, says) in [
            (&[][..], "AWS_BATCH_JOB_ARRAY_INDEX"),
            (&kubernetes[..1], "EFS_SCAN_SHARDS"),
            (&kubernetes[..2], "--run-id"),
            (&batch[..2], "set EFS_SCAN_SHARDS"),
            (&gaps, "without gaps"),
            (&between, "without gaps"),
            (&listed[0], "without gaps"),
            (&listed[1], "without gaps"),
            (&listed[2], "without gaps"),
            (&[("JOB_COMPLETION_INDEX", "x"), kubernetes[1], kubernetes[2]], "`x`"),
        ] {
            let problem = auto(wrong, None).expect_err(says);
            assert!(problem.contains(says), "{problem}");
        }
    }
}
