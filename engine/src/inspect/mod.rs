//! Read-only views of queues, jobs and workers as plain structs.
//!
//! Every view is a fixed number of pipelined commands; none scans a backlog. What the CLI, the
//! metrics and a panel show comes from here and nowhere else.

mod breakers;
mod cursor;
mod groups;
mod indexes;
mod jobs;
mod limits;
mod lineage;
mod logs;
mod outline;
mod place;
mod queues;
mod search;
mod span;
mod view;
pub mod waiting;
mod why;
mod workers;

pub use breakers::{BreakerState, BreakerView, PolicyView};
pub use cursor::{Cursor, InvalidCursor};
pub use groups::GroupView;
pub(crate) use indexes::index_of;
pub use jobs::MAX_LISTED;
pub use limits::LimitView;
pub use lineage::Lineage;
pub use logs::{JobLog, LogLine, MAX_LOG_BYTES, MAX_LOG_LINES, MAX_LOG_TEXT};
pub use queues::QueueView;
pub use search::{MAX_LOOKED_AT, Page};
pub use span::span;
pub use view::{AttemptError, JobView};
pub use waiting::{Cause, Waiting};
pub use workers::{MAX_SHOWN_JOBS, RunningJob, WorkerInfo, WorkerView};
