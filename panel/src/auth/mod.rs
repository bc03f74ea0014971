//! Who may do what.
//!
//! Programs bring a bearer token: 256 random bits that are shown once; only their SHA-256 is kept
//! by the [`TokenStore`]. A token is looked up again after two seconds, so a revocation takes
//! effect within seconds and the store is not asked with every request. While the store is away, a
//! token that was good within the last five minutes goes on being good: producers do not stop
//! because a database restarts.

mod bearer;
mod bucket;
pub(crate) mod gate;
mod grant;
mod scope;
mod strangers;
mod tokens;

pub use bearer::Token;
pub(crate) use gate::Caller;
pub use grant::Grant;
pub use scope::{Scope, UnknownScope};
pub(crate) use tokens::Tokens;
pub use tokens::{StoreFailure, TokenStore};
