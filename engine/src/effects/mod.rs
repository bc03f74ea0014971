//! Effects that must not happen twice: reserve → run → confirm, kept outside Redis.
//!
//! A mail that was sent cannot be taken back, and a job may run twice. So the effect gets a key
//! (`mail:send:42`) in a ledger that survives workers: it is reserved before it runs and confirmed
//! with its answer afterwards. A later attempt finds the answer and does not run it again. What was
//! reserved and never ended is unknown: its worker may have died before, during or after it. Then
//! the provider is asked, if the handler knows how, or the job is held for a person. Nothing is
//! repeated blindly.
//!
//! The ledger is a table with compare-and-set and nothing more ([`EffectLedger`]); what its rows
//! mean is decided by a pure function here, so that every ledger means the same. It does not make
//! the effect itself idempotent: a provider that takes an idempotency key should still get one.

mod effect;
mod judge;
mod memory;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use effect::{Effect, Settled};
pub use memory::MemoryLedger;

use crate::id::JobId;

/// The reason of a job that is held because nobody knows whether its effect happened.
pub const EFFECT_UNKNOWN: &str = "effect_unknown";

/// Longest accepted answer of an effect, in bytes of JSON. Larger ones are confirmed as `null`.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// One call of an effect by one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// What must not happen twice.
    pub key: String,
    /// Names this call alone: a question that is repeated after a lost answer has the same.
    pub call: String,
    /// The job that asks.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// The attempt's fence; later attempts of the job have larger ones.
    pub fence: u64,
    /// How long the effect may take at most: then its future is dropped.
    pub lasts: Duration,
}

/// Where an effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectState {
    /// Somebody runs it, or died with it.
    Reserved,
    /// It happened.
    Confirmed,
    /// It certainly did not happen, and may be run again.
    Released,
    /// Nobody knows.
    Unknown,
}

impl EffectState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Reserved,
        Self::Confirmed,
        Self::Released,
        Self::Unknown,
    ];

    /// The name in tables and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Unknown => "unknown",
        }
    }
}

/// What a ledger remembers of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it is.
    pub state: EffectState,
    /// The call that reserved it last.
    pub call: String,
    /// The job of that call.
    pub job: JobId,
    /// The fence of that call's attempt.
    pub fence: u64,
    /// The answer as JSON, once it is confirmed.
    pub answer: Option<String>,
    /// How long the call may still be running; zero if its time is over.
    pub left: Duration,
    /// How long ago it reached its state.
    pub age: Duration,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectEnd {
    /// It happened, with this answer as JSON.
    Confirmed(String),
    /// It certainly did not happen.
    Released,
    /// Nobody knows.
    Unknown,
}

impl EffectEnd {
    /// The state it leads to.
    pub const fn state(&self) -> EffectState {
        match self {
            Self::Confirmed(_) => EffectState::Confirmed,
            Self::Released => EffectState::Released,
            Self::Unknown => EffectState::Unknown,
        }
    }
}

/// Keeps effects: one row a key, each change conditional on the call that was seen.
///
/// Every method answers within a few seconds or fails; a failure means that nothing is known to
/// have been written, and the caller may repeat the same question.
pub trait EffectLedger: Send + Sync + fmt::Debug {
    /// Reserves a key that is not in the ledger: `None` if it is reserved now, else what is there.
    fn reserve<'a>(
        &'a self,
        reservation: &'a Reservation,
    ) -> BoxFuture<'a, anyhow::Result<Option<Recorded>>>;

    /// Reserves a key whose last call is still `seen` and which is not confirmed; whether it was.
    fn take_over<'a>(
        &'a self,
        reservation: &'a Reservation,
        seen: &'a str,
    ) -> BoxFuture<'a, anyhow::Result<bool>>;

    /// Ends the call, unless another one has the key or it is confirmed; whether it did. `Unknown`
    /// ends a reserved call only: it never replaces what somebody knows.
    fn end<'a>(
        &'a self,
        key: &'a str,
        call: &'a str,
        end: &'a EffectEnd,
    ) -> BoxFuture<'a, anyhow::Result<bool>>;
}
