//! The HTTP side of `rouage`: a router that anyone who uses the engine can mount.
//!
//! What it stands on is given to it: the engine's [`rouage::Client`], a [`KindCatalog`] that turns a
//! kind's name and a JSON text into a job that certainly decodes, and a [`TokenStore`] that knows
//! who may come in. It keeps nothing of its own but what may be lost: a few seconds of tokens, and
//! how fast each was used. Any number of processes may serve it.
//!
//! # What it promises
//!
//! - **Closed by default.** Without a token there is `/healthz` and nothing else. A token has scopes,
//!   and may be limited to kinds and queues; what it may not see looks as if it were not there.
//! - **All or nothing is checked.** Every job of a request is checked before the first is stored.
//! - **Repeating is safe.** With an `Idempotency-Key` the ids of the jobs are derived from token and
//!   key; the same request is answered the same, another one under the same key is refused.
//! - **Errors say what to do.** Every one is a `problem+json` with a stable code, the field, and a
//!   hint, and quotes no value.
//! - **Bounded.** Connections, heads, bodies, depth, jobs, waiting and rate have limits.
//!
//! # Rooms
//!
//! [`auth`] decides who may do what; `api` is the JSON under `/api/v1` with its `OpenAPI` document;
//! `http` is what both need of HTTP: problems, bodies, and [`Server`], the loop that serves.

mod api;
mod assets;
pub mod audit;
pub mod auth;
mod catalog;
mod desk;
mod glance;
mod http;
mod limits;
mod live;
pub mod metrics;
mod pages;
mod panel;
mod throughput;
mod words;

pub use api::openapi;
pub use audit::{AuditLog, Deed, DeedSearch, NotedDeed};
pub use auth::{Account, Accounts, Grant, Role, Scope, TokenStore, hash_password};
pub use catalog::{KindCatalog, KindInfo, Refusal};
pub use desk::Desk;
pub use http::server::{Pulse, Server, ServerOptions};
pub use limits::Limits;
pub use panel::{Panel, router};
