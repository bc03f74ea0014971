//! Runs one attempt: decode → start → perform → classify → record → ack → emit.
//!
//! [`Execution`] is the value that flows; each step is a file and a tower layer around the next:
//!
//! ```text
//! carry     its own task; sends the outcome to the acker      (record, ack)
//!  observe  span, log line, metrics                           (start, emit)
//!   judge   ending → outcome, by the kind's policy            (classify)
//!    limit  soft and hard timeout, cancellation
//!     catch panics become endings
//!      perform  finds the handler and runs it                 (decode, perform)
//! ```

mod carry;
mod catch;
mod children;
mod context;
mod error;
mod execution;
mod gated;
mod handler;
mod judge;
mod limit;
mod log;
mod message;
mod observe;
mod outcome;
mod perform;
mod reports;

pub(crate) use carry::CarryLayer;
pub(crate) use catch::CatchLayer;
#[cfg(feature = "testing")]
pub(crate) use catch::caught;
pub use context::{JobContext, StopReason};
pub use error::{Discard, JobError};
pub(crate) use execution::{Claim, Execution};
pub use gated::{Guard, Limit};
#[cfg(feature = "testing")]
pub(crate) use handler::{Function, attempt};
pub use handler::{Handler, Kind, Registry};
pub(crate) use judge::JudgeLayer;
pub(crate) use limit::LimitLayer;
#[cfg(feature = "testing")]
pub(crate) use limit::within;
pub use log::JobLogLayer;
#[cfg(feature = "testing")]
pub(crate) use log::listen;
pub(crate) use observe::ObserveLayer;
#[cfg(feature = "testing")]
pub(crate) use observe::span;
pub(crate) use outcome::Outcome;
#[cfg(feature = "testing")]
pub(crate) use outcome::{Ending, Facts, judge};
pub(crate) use perform::Perform;
pub use reports::Progress;
pub(crate) use reports::Report;
