//! Other producers' formats, turned into jobs. Each ends in `Client::enqueue_all`, like any producer.

#[cfg(feature = "worker")]
pub mod apalis;
#[cfg(feature = "celery")]
pub mod celery;
#[cfg(feature = "worker")]
mod misfit;
#[cfg(feature = "worker")]
mod relay;

#[cfg(feature = "worker")]
pub use misfit::misfit;
#[cfg(feature = "worker")]
pub use relay::{Build, Entry, Parked, Relay, RelayOptions, RelayPulse, Source, Taken, Turn};
