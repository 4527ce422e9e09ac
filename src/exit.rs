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
            Self::Interrupted => 130,
        }
    }
}
