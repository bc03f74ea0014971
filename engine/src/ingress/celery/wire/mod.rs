//! What Celery clients put on Redis and expect to find there, as pure functions: text in, text out.
//!
//! Nothing here talks to Redis, reads a clock or makes an id: the caller gives all three. Every
//! byte that is read was written by whoever may push to the broker, so each reader is bounded by
//! [`Limits`] and ends in a [`Message`] or a [`Refusal`], never in a panic. Only JSON is decoded;
//! there is no decoder for pickle or YAML to be talked into.

mod body;
pub mod canvas;
pub mod chord;
mod content;
pub mod control;
mod envelope;
pub mod events;
mod exception;
pub mod keys;
mod lenient;
mod limits;
mod message;
pub mod publish;
mod read;
mod refusal;
pub mod result;
mod signature;
mod time;

pub use canvas::{Act, Outcome, after};
pub use chord::Part;
pub use exception::Exception;
pub use keys::{BrokerKeys, ResultKeys};
pub use limits::Limits;
pub use message::{Arguments, Embed, Message, Origin};
pub use publish::Sender;
pub use read::{Head, head, read, salvage};
pub use refusal::{Reason, Refusal};
pub use result::{State, Subject, meta};
pub use signature::Signature;
