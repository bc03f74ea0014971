//! What a token may do.

use std::fmt;
use std::str::FromStr;

/// One thing a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Put jobs in.
    JobsEnqueue,
    /// Look at jobs, without payload and result, and wait for their ends.
    JobsRead,
    /// Cancel jobs.
    JobsCancel,
    /// See payloads and results, which may be personal data.
    PayloadsRead,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::JobsEnqueue,
        Self::JobsRead,
        Self::JobsCancel,
        Self::PayloadsRead,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JobsEnqueue => "jobs:enqueue",
            Self::JobsRead => "jobs:read",
            Self::JobsCancel => "jobs:cancel",
            Self::PayloadsRead => "payloads:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(String);

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scope::ALL.map(Scope::name).join(", ");
        write!(f, "unknown scope {:?}; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownScope {}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| UnknownScope(text.chars().take(40).collect()))
    }
}
