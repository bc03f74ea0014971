//! What a case is made of: operations, and how often each is drawn.
//!
//! Few jobs and short numbers, so that operations meet: an attempt is named by how long ago it
//! was claimed, a running or delayed job by its position among those, modulo their number.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};

/// Jobs of a case.
pub(crate) const JOBS: u8 = 4;
const OUTCOMES: [&str; 7] = [
    "completed",
    "retrying",
    "discarded",
    "snoozed",
    "held",
    "cancelled",
    "returned",
];

/// One operation. Jobs are numbered; attempts are counted back from the latest claim.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Enqueue {
        job: u8,
        priority: u8,
        later: bool,
    },
    Claim {
        slots: usize,
        promotions: usize,
    },
    Beat {
        ago: Vec<u8>,
    },
    Ack {
        ends: Vec<(u8, &'static str)>,
    },
    Progress {
        ago: u8,
    },
    Expire {
        nth: u8,
    },
    BecomeDue {
        nth: u8,
    },
    /// A worker claims so many jobs and dies; the sweep finds all leases that ran out.
    Lose {
        slots: usize,
    },
    Sweep {
        most: usize,
    },
    Cancel {
        job: u8,
    },
    CancelRunning {
        nth: u8,
    },
    Retry {
        job: u8,
    },
    Prune {
        keep: usize,
    },
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let end = (0..4_u8, prop::sample::select(&OUTCOMES[..]));
    prop_oneof![
        4 => (0..JOBS, 0..3_u8, prop::bool::weighted(0.3))
            .prop_map(|(job, priority, later)| Enqueue { job, priority, later }),
        5 => (0..4_usize, prop_oneof![3 => Just(500_usize), 1 => 0..3_usize])
            .prop_map(|(slots, promotions)| Claim { slots, promotions }),
        1 => prop::collection::vec(0..6_u8, 1..4).prop_map(|ago| Beat { ago }),
        6 => prop::collection::vec(end, 1..4).prop_map(|ends| Ack { ends }),
        1 => (0..6_u8).prop_map(|ago| Progress { ago }),
        3 => any::<u8>().prop_map(|nth| Expire { nth }),
        2 => any::<u8>().prop_map(|nth| BecomeDue { nth }),
        3 => (1..4_usize).prop_map(|slots| Lose { slots }),
        3 => prop_oneof![3 => Just(500_usize), 1 => Just(1)].prop_map(|most| Sweep { most }),
        3 => any::<u8>().prop_map(|nth| CancelRunning { nth }),
        2 => (0..JOBS).prop_map(|job| Cancel { job }),
        2 => (0..JOBS).prop_map(|job| Retry { job }),
        1 => (0..3_usize).prop_map(|keep| Prune { keep }),
    ]
}
