//! Schedules: when a job is due, and the scheduler that enqueues it then.
//!
//! 1. An [`Expression`] is a cron expression; `croner` parses it and steps from one wall-clock time to
//!    the next, without a zone.
//! 2. A [`Timing`] turns those times into instants of a zone, by rules of our own: what happens when
//!    the clock changes is decided here and nowhere else (`clock`, `timing`).
//! 3. An [`Entry`] is a timing with a job and what to do about missed and overlapping runs.
//! 4. [`plan()`] decides which occurrences are fired: pure, bounded, without I/O.
//! 5. The [`Scheduler`] asks Redis who leads and what time it is, enqueues what is due, and writes
//!    down what it did in a [`ScheduleStore`].
//!
//! **Once per occurrence.** A job's id is made of the schedule's name and the occurrence, so whoever
//! enqueues it a second time changes nothing. The leader only saves work.
//!
//! It has no list of kinds and reads no file: entries are made by the caller.

mod clock;
mod entry;
mod expression;
mod heartbeat;
mod invalid;
mod leader;
mod memory;
pub mod metrics;
mod plan;
mod scheduler;
mod store;
mod timing;
mod tracks;
mod watch;

pub use self::entry::{Entry, MAX_CAUGHT_UP, MAX_NAME_BYTES, OnMissed, Overlap, Overrides};
pub use self::expression::Expression;
pub use self::heartbeat::Heartbeat;
pub use self::invalid::InvalidSchedule;
pub use self::leader::{LeaderView, SchedulerOptions, leader};
pub use self::memory::MemorySchedules;
pub use self::plan::{LATE, Plan, overdue, plan};
pub use self::scheduler::{MAX_ENTRIES, Scheduler};
pub use self::store::{Fired, Mark, ScheduleStore, Stored};
pub use self::timing::{Timing, Upcoming};
