//! Who is measured.

use std::str::FromStr;

/// A job system, or the limit that none can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// This engine, with leases, fences, retries, results, retention, metrics and tracing on.
    Ours,
    /// A bare pipelined LMOVE to a processing list and LREM after, 64 at a time.
    Raw,
    /// apalis-redis as it comes.
    ApalisDefaults,
    /// apalis-redis with the settings that were found to be its fastest.
    ApalisBest,
}

impl Subject {
    /// In the order they run.
    pub(crate) const ALL: [Self; 4] = [
        Self::Raw,
        Self::Ours,
        Self::ApalisDefaults,
        Self::ApalisBest,
    ];

    /// The name in tables and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "rouage",
            Self::Raw => "raw",
            Self::ApalisDefaults => "apalis-redis",
            Self::ApalisBest => "apalis-redis-best",
        }
    }

    /// Jobs to drain. apalis-redis stops for good at 8,000 due jobs, so it gets 7,000.
    pub(crate) const fn drain_jobs(self) -> usize {
        match self {
            Self::Ours | Self::Raw => 100_000,
            Self::ApalisDefaults | Self::ApalisBest => 7_000,
        }
    }
}

impl FromStr for Subject {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|subject| subject.name() == text);
        known.ok_or_else(|| anyhow::anyhow!("unknown subject {text:?}"))
    }
}
