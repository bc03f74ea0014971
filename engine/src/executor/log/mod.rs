//! What a handler logs is kept with its job.
//!
//! [`JobLogLayer`] is a layer of the process' `tracing` subscriber. It finds the running attempt of
//! an event by the span around it, so it also hears what a handler's own tasks log inside the span.
//! Lines wait in the attempt's context until the beat thread writes them with the other reports,
//! or the end of the attempt takes them along. Nothing is allocated for an attempt that logs
//! nothing.
//!
//! It keeps messages and fields, not targets and spans. Handlers must not log personal data;
//! addresses are masked all the same.

mod buffer;
mod layer;
mod text;

pub(crate) use buffer::Lines;
pub use layer::JobLogLayer;
pub(crate) use layer::listen;
