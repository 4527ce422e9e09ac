//! How the program ends.

/// What the program says by its exit code.
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
    /// A home is over its quota, and that was asked for.
    OverQuota,
    /// Something could not be published, and waits in the spool.
    Unpublished,
    /// What was published last is old, and that was asked for.
    Stale,
    /// Ended by SIGINT or SIGTERM; what was seen was printed.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Fatal => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::OverQuota => 4,
            Self::Unpublished => 5,
            Self::Stale => 6,
            Self::Interrupted => 130,
        }
    }
}

/// Why there is no result, and the exit code for it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Exit, pub(crate) String);

impl Failure {
    pub(crate) fn usage(problem: impl ToString) -> Self {
        Self(Exit::Usage, problem.to_string())
    }

    pub(crate) fn fatal(problem: impl ToString) -> Self {
        Self(Exit::Fatal, problem.to_string())
    }
}
