//! Exit codes, and the failures that lead to them.

/// The exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was read.
    Complete,
    /// There is no result.
    Fatal,
    /// A flag, the configuration or a rule is wrong.
    Usage,
    /// There is a result, but something could not be read.
    Partial,
    /// A home is over its quota, with `--fail-on-quota`.
    OverQuota,
    /// Something could not be published: it waits in the spool, or is lost unless the job is retried.
    Unpublished,
    /// The run is published, but the state directory could not keep it.
    Unkept,
    /// The newest published run is old.
    Stale,
    /// A stored table is damaged, or of a version that this one cannot read.
    Damaged,
    /// SIGINT or SIGTERM ended the program.
    Interrupted,
}

impl Exit {
    /// Returns the worse of two, for several runs of one process.
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Complete => 0,
            Self::Partial => 1,
            Self::OverQuota => 2,
            Self::Stale => 3,
            Self::Unkept => 4,
            Self::Interrupted => 5,
            Self::Unpublished => 6,
            Self::Usage => 7,
            Self::Damaged => 8,
            Self::Fatal => 9,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// Returns the exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Fatal => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::OverQuota => 4,
            Self::Unpublished => 5,
            Self::Stale => 6,
            Self::Unkept => 7,
            Self::Damaged => 8,
            Self::Interrupted => 130,
        }
    }
}

/// Reason that a command has no result, in one line, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) problem: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, problem: impl ToString) -> Self {
        Self { exit, problem: problem.to_string() }
    }

    /// Makes a failure for a wrong flag, configuration or rule.
    pub(crate) fn usage(problem: impl ToString) -> Self {
        Self::new(Exit::Usage, problem)
    }

    /// Makes a failure for anything else.
    pub(crate) fn fatal(problem: impl ToString) -> Self {
        Self::new(Exit::Fatal, problem)
    }
}
