//! User-mode Linux: boots our own kernel (`uml/run`) for a job, once for all tests that read the
//! job's output.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::{program, skip_unless, watched};

/// Exit code of `uml/run` if this machine cannot run it.
const CANNOT: i32 = 77;

/// Time for `uml/run` to make the guest's root tree, or to wait while another process makes it.
const INSTALLING: Duration = Duration::from_secs(2400);

/// A guest that boots when the first test asks for its facts.
pub struct Guest(OnceLock<Outcome>);

/// The lines `name=value` that a job printed.
#[derive(Debug)]
pub struct Facts(BTreeMap<String, String>);

/// A failure is stored, so it is not retried for each test.
enum Outcome {
    Ended(Facts),
    Cannot(String),
    Failed(String),
}

impl Guest {
    #[allow(clippy::new_without_default)] // It is for statics.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the facts of `job`, a script for `uml/run`, which finds `files` and the program
    /// under test in the guest's /job. Returns `None` if no guest can run; `what` is then reported
    /// as skipped.
    ///
    /// # Panics
    /// If the job failed, or took longer than `timeout`.
    pub fn facts(
        &self,
        what: &str,
        job: &Path,
        files: &[&Path],
        timeout: Duration,
    ) -> Option<&Facts> {
        match self.0.get_or_init(|| boot(job, files, timeout)) {
            Outcome::Ended(facts) => Some(facts),
            Outcome::Failed(output) => panic!("{output}"),
            Outcome::Cannot(why) => {
                skip_unless(false, what, why);
                None
            }
        }
    }
}

fn boot(job: &Path, files: &[&Path], timeout: Duration) -> Outcome {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("uml/run");
    let mut command = Command::new(run);
    command.arg(job).args(files).arg(program()).stdin(Stdio::null());
    command.env("UML_TIMEOUT", timeout.as_secs().to_string());
    // The script ends the guest when the time is over; killing the script would leave it running.
    let output = watched(&mut command, timeout + INSTALLING);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(CANNOT) {
        return Outcome::Cannot(stderr.lines().last().unwrap_or_default().to_owned());
    }
    let fact = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    match (output.status.success(), stdout.lines().map(fact).collect()) {
        (true, Some(facts)) => Outcome::Ended(Facts(facts)),
        _ => Outcome::Failed(format!("{}\n{stdout}\n{stderr}", output.status)),
    }
}

impl Facts {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn fact(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("the job printed no {name}"))
    }

    /// # Panics
    /// If the job did not print it, or it is not a number.
    pub fn number(&self, name: &str) -> u64 {
        let fact = self.fact(name);
        fact.parse().unwrap_or_else(|_| panic!("{name}={fact} is not a number"))
    }

    /// Returns the report of the scan `name`.
    ///
    /// # Panics
    /// If the scan did not exit with 0.
    pub fn report(&self, name: &str) -> Value {
        self.report_of(name, 0)
    }

    /// Returns the report of the scan `name`, which exited with `code`.
    ///
    /// # Panics
    /// If it exited with another code.
    pub fn report_of(&self, name: &str, code: u64) -> Value {
        assert_eq!(self.number(&format!("{name}.code")), code, "{name}");
        serde_json::from_str(self.fact(&format!("{name}.report"))).unwrap()
    }

    /// Returns the facts whose names begin with `prefix`, without the prefix.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, &**value)))
    }
}
