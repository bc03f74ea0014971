//! Who is measured.

use std::str::FromStr;

/// A job system, or the limit that none can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A bare pipelined LMOVE to a processing list and LREM after, 64 at a time.
    Raw,
    /// The two writes that a stored job needs, bare and pipelined: no script, no checks.
    Writes,
    /// One command over the same kind of connection that the engine uses, and nothing else.
    Trip,
    /// This engine, with leases, fences, retries, results, retention, metrics and tracing on.
    Ours,
    /// apalis-redis as it comes.
    ApalisDefaults,
    /// apalis-redis with the settings that were found to be its fastest.
    ApalisBest,
}

impl Subject {
    /// In the order they run.
    pub(crate) const ALL: [Self; 6] = [
        Self::Raw,
        Self::Writes,
        Self::Trip,
        Self::Ours,
        Self::ApalisDefaults,
        Self::ApalisBest,
    ];

    /// The name in tables and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Writes => "raw-writes",
            Self::Trip => "round-trip",
            Self::Ours => "rouage",
            Self::ApalisDefaults => "apalis-redis",
            Self::ApalisBest => "apalis-redis-best",
        }
    }

    /// Jobs to drain. apalis-redis stops for good at 8,000 due jobs, so it gets 7,000.
    pub(crate) const fn drain_jobs(self) -> usize {
        match self {
            Self::Ours | Self::Raw | Self::Writes | Self::Trip => 100_000,
            Self::ApalisDefaults | Self::ApalisBest => 7_000,
        }
    }

    /// Whether it runs jobs.
    pub(crate) fn drains(self) -> bool {
        !matches!(self, Self::Trip | Self::Writes)
    }

    /// Whether it can put jobs in so many at a time.
    pub(crate) fn enqueues(self, chunk: usize) -> bool {
        match self {
            Self::Trip => chunk == 1,
            Self::Writes => chunk > 1,
            Self::ApalisBest => false,
            Self::Raw | Self::Ours | Self::ApalisDefaults => true,
        }
    }

    /// Whether it is worth measuring over a long wire: with a trip per job and one job at a time,
    /// the wire is all that is seen.
    pub(crate) fn goes_far(self) -> bool {
        self != Self::ApalisDefaults
    }
}

impl FromStr for Subject {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|subject| subject.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            anyhow::anyhow!("unknown subject {text:?}; hint: {names}")
        })
    }
}
