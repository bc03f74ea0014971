//! Points at which a test may kill the process: between one step and the next.
//!
//! A worker may die anywhere, but it matters only where Redis knows more than the worker, or the
//! world more than Redis. Those places have names here, and [`kill_at`] ends the process at one
//! of them. The end is `abort`: nothing is flushed, dropped or said, as with SIGKILL.
//!
//! Built with feature `faults` only, which this crate switches on for its own tests; without it
//! there is neither this module nor any call of it. Inside a script there is no point, because
//! Redis runs a script whole or not at all.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Jobs are leased to this worker and none has started.
    AfterClaim,
    /// A handler is about to do what cannot be undone; named by the handler.
    BeforeEffect,
    /// It is done, and nobody else knows yet; named by the handler.
    AfterEffect,
    /// Attempts have ended and Redis does not know yet.
    BeforeAck,
    /// Redis took a batch of outcomes and others wait for the next call.
    BetweenAcks,
    /// A claim lined up due jobs and left others for the next one.
    BetweenPromotions,
    /// Members are noted in their batch and their jobs are not enqueued.
    MembersNoted,
    /// A batch was told of its members' ends, and what follows them is not enqueued.
    AfterTell,
    /// All that follows was enqueued, and the signals are still there.
    BeforeForget,
    /// A batch's callbacks are enqueued, and the batch does not know yet.
    BeforeSent,
    /// A relay has taken entries, and Redis does not have their jobs.
    RelayTaken,
    /// Redis has the jobs of entries, and their source does not know.
    RelayStored,
    /// The source knows too, and Redis still keeps their ids.
    RelaySettled,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::AfterClaim,
        Self::BeforeEffect,
        Self::AfterEffect,
        Self::BeforeAck,
        Self::BetweenAcks,
        Self::BetweenPromotions,
        Self::MembersNoted,
        Self::AfterTell,
        Self::BeforeForget,
        Self::BeforeSent,
        Self::RelayTaken,
        Self::RelayStored,
        Self::RelaySettled,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterClaim => "after_claim",
            Self::BeforeEffect => "before_effect",
            Self::AfterEffect => "after_effect",
            Self::BeforeAck => "before_ack",
            Self::BetweenAcks => "between_acks",
            Self::BetweenPromotions => "between_promotions",
            Self::MembersNoted => "members_noted",
            Self::AfterTell => "after_tell",
            Self::BeforeForget => "before_forget",
            Self::BeforeSent => "before_sent",
            Self::RelayTaken => "relay_taken",
            Self::RelayStored => "relay_stored",
            Self::RelaySettled => "relay_settled",
        }
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|point| point.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("unknown fault point {text:?}; hint: use one of {names}")
            })
    }
}

/// Visits left until the end, for each point in the order of [`Point::ALL`]; 0 for never.
static LEFT: [AtomicU64; Point::ALL.len()] = [const { AtomicU64::new(0) }; Point::ALL.len()];

/// Ends the process when it reaches `point` for that many-th time from now on.
pub fn kill_at(point: Point, visit: u64) {
    LEFT[point as usize].store(visit, Ordering::SeqCst);
}

/// Says that the process is at `point`, where it may end.
pub fn reach(point: Point) {
    let counted_down =
        LEFT[point as usize].fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
    if counted_down == Ok(1) {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_found_by_its_name() {
        for point in Point::ALL {
            assert_eq!(point.name().parse(), Ok(point));
        }
        assert!(
            "nowhere"
                .parse::<Point>()
                .unwrap_err()
                .contains("after_claim")
        );
    }

    #[test]
    fn a_point_that_nobody_armed_is_passed() {
        reach(Point::AfterClaim);
        kill_at(Point::BeforeAck, 2);
        reach(Point::BeforeAck);
    }
}
