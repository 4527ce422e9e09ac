//! Linux's own NFSv4.1 server, in user-mode Linux, booted once for all tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use efs_scan_testbed::*;

/// `tests/testbed/uml/run` exits with it where it cannot run.
const CANNOT: i32 = 77;

/// What `tests/servers/interop/job` printed.
pub(crate) struct Bed {
    facts: BTreeMap<String, String>,
}

/// A failure is kept, so that it is not tried again for each test.
enum Booted {
    Bed(Bed),
    Cannot(String),
    Failed(String),
}

/// `None` where there can be no guest, which is said.
pub(crate) fn bed() -> Option<&'static Bed> {
    static BED: OnceLock<Booted> = OnceLock::new();
    match BED.get_or_init(boot) {
        Booted::Bed(bed) => Some(bed),
        Booted::Failed(said) => panic!("{said}"),
        Booted::Cannot(why) => {
            skip_unless(false, "the nfs engine on Linux's NFS server", why);
            None
        }
    }
}

fn boot() -> Booted {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut command = Command::new(tests.join("testbed/uml/run"));
    command.arg(tests.join("interop/job")).arg(tests.join("interop/tree.py"));
    command.arg(env!("CARGO_BIN_EXE_efs-scan")).env("UML_TIMEOUT", "300").stdin(Stdio::null());
    // Longer than the guest may take and the root tree may be made in: no guest stays behind.
    let output = watched(&mut command, Duration::from_secs(2400));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(CANNOT) {
        return Booted::Cannot(stderr.lines().last().unwrap_or_default().to_owned());
    }
    let fact = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    match (output.status.success(), stdout.lines().map(fact).collect()) {
        (true, Some(facts)) => Booted::Bed(Bed { facts }),
        _ => Booted::Failed(format!("{}\n{stdout}\n{stderr}", output.status)),
    }
}

impl Bed {
    fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("the job said no {name}"))
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.fact(name).parse().unwrap_or_else(|_| panic!("{name} is no number"))
    }

    /// Of a scan that read everything.
    pub(crate) fn report(&self, name: &str) -> Value {
        assert_eq!(self.number(&format!("{name}.code")), 0, "{name}");
        serde_json::from_str(self.fact(&format!("{name}.report"))).unwrap()
    }
}
