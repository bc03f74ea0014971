//! The protocol without Redis: what may happen to a few jobs and a few workers.
//!
//! As in Redis, membership in an index *is* a job's state, so that "exactly one index" is
//! something to check and not true by construction. A lease is `fence:job` and names no worker;
//! who believes to hold it is the workers' own matter. Time is abstract: a lease may run out and
//! a due time may come at any moment.
//!
//! Workers are interchangeable, so a state keeps them sorted. `Rules` are the protocol's
//! safeguards; a test takes them away one by one and expects the exploration to notice. Not
//! modelled: priorities, payloads, progress, and batches (each entry of one is an action here).

/// Attempts before a failure is final.
const MAX_ATTEMPTS: u8 = 2;

/// The indexes besides the leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Index {
    Available,
    Scheduled,
    Retrying,
    Held,
    Completed,
    Discarded,
    Cancelled,
}

/// Which indexes a job is a member of: a bit each, since the exploration copies it often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Indexes(u8);

impl Indexes {
    pub(crate) fn insert(&mut self, index: Index) {
        self.0 |= 1 << index as u8;
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, index: Index) -> bool {
        let was = self.contain(index);
        self.0 &= !(1 << index as u8);
        was
    }

    pub(crate) fn contain(self, index: Index) -> bool {
        self.0 & (1 << index as u8) != 0
    }

    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    Completed,
    Retrying,
    Discarded,
    Snoozed,
    Held,
    Cancelled,
    Returned,
}

impl Outcome {
    pub(crate) fn index(self) -> Index {
        match self {
            Self::Completed => Index::Completed,
            Self::Retrying => Index::Retrying,
            Self::Discarded => Index::Discarded,
            Self::Snoozed => Index::Scheduled,
            Self::Held => Index::Held,
            Self::Cancelled => Index::Cancelled,
            Self::Returned => Index::Available,
        }
    }

    pub(crate) fn refunds(self) -> bool {
        matches!(self, Self::Snoozed | Self::Returned)
    }
}

/// One job as Redis has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Job {
    /// An enqueue of it was answered, and it was not pruned since.
    pub(crate) stored: bool,
    pub(crate) indexes: Indexes,
    /// Its leases by fence, and whether each has run out.
    pub(crate) leases: Vec<(u8, bool)>,
    pub(crate) attempt: u8,
    pub(crate) lost: u8,
    /// The latest claim's.
    pub(crate) fence: u8,
    /// A cancellation was asked for while it ran.
    pub(crate) marked: bool,
    /// For the checks only: the fence of the latest completion.
    pub(crate) completed_under: u8,
}

impl Job {
    pub(crate) fn is_leased_under(&self, fence: u8) -> bool {
        self.leases.iter().any(|lease| lease.0 == fence)
    }

    pub(crate) fn is_in(&self, index: Index) -> bool {
        self.indexes.contain(index)
    }

    pub(crate) fn is_over(&self) -> bool {
        [Index::Completed, Index::Discarded, Index::Cancelled]
            .iter()
            .any(|index| self.is_in(*index))
    }
}

/// What a worker was told while its handler ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Told {
    Nothing,
    /// That its cancellation was asked for.
    Stop,
}

/// What a worker believes to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Attempt {
    pub(crate) job: usize,
    pub(crate) fence: u8,
    /// Which attempt of the job, and how often it was lost before: what the claim said.
    pub(crate) number: u8,
    pub(crate) lost: u8,
    pub(crate) told: Told,
    /// Decided and not known to be delivered.
    pub(crate) decided: Option<Outcome>,
}

impl Attempt {
    pub(crate) fn is_decided(&self) -> bool {
        self.decided.is_some()
    }

    pub(crate) fn decided_refund(&self) -> bool {
        self.decided.is_some_and(Outcome::refunds)
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) jobs: Vec<Job>,
    pub(crate) workers: Vec<Vec<Attempt>>,
    /// The latest fence given out.
    pub(crate) fence: u8,
    /// Claims so far.
    pub(crate) claims: u8,
    /// The rule that the last step broke.
    pub(crate) broken: Option<&'static str>,
}

/// Which jobs, workers and attempts are meant: positions in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Enqueue {
        job: usize,
        later: bool,
    },
    Promote {
        job: usize,
    },
    Claim {
        worker: usize,
        job: usize,
    },
    Beat {
        worker: usize,
        attempt: usize,
    },
    Decide {
        worker: usize,
        attempt: usize,
        outcome: Outcome,
    },
    Deliver {
        worker: usize,
        attempt: usize,
        answer_lost: bool,
    },
    Expire {
        job: usize,
    },
    Sweep,
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Prune {
        job: usize,
    },
    Crash {
        worker: usize,
    },
}

/// The protocol's safeguards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// An outcome changes nothing unless its lease is there.
    AckChecksTheFence,
    /// A claim takes a fence that nobody had.
    ClaimsRenewTheFence,
    /// A sweep takes the lease away from who lost it.
    SweepRemovesTheLease,
    /// Somebody looks for leases that ran out, whoever died.
    SomebodySweeps,
    /// An outcome that would leave a job alive cancels it if that was asked for.
    AckObeysTheMark,
}

/// Which safeguards are in force: all, or all but one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) without: Option<Rule>,
}

impl Rules {
    pub(crate) const ALL: Self = Self { without: None };

    pub(crate) fn have(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

impl World {
    pub(crate) fn new(jobs: usize, workers: usize) -> Self {
        Self {
            jobs: vec![Job::default(); jobs],
            workers: vec![Vec::new(); workers],
            fence: 0,
            claims: 0,
            broken: None,
        }
    }

    /// Outcomes a handler may end with, as `judge` decides them.
    pub(crate) fn outcomes(attempt: &Attempt) -> Vec<Outcome> {
        if attempt.decided.is_some() {
            return Vec::new();
        }
        let failed = if attempt.number >= MAX_ATTEMPTS {
            Outcome::Discarded
        } else {
            Outcome::Retrying
        };
        let mut outcomes = vec![Outcome::Completed, Outcome::Discarded];
        match attempt.told {
            Told::Nothing => {
                outcomes.extend([failed, Outcome::Snoozed, Outcome::Held, Outcome::Returned]);
            }
            Told::Stop => outcomes.push(Outcome::Cancelled),
        }
        outcomes.sort_unstable();
        outcomes.dedup();
        outcomes
    }
}
