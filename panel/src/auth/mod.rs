//! Who may do what.
//!
//! Programs bring a bearer token: 256 random bits that are shown once; only their SHA-256 is kept
//! by the [`TokenStore`]. A token is looked up again after two seconds, so a revocation takes
//! effect within seconds and the store is not asked with every request. While the store is away, a
//! token that was good within the last five minutes goes on being good: producers do not stop
//! because a database restarts.

mod accounts;
mod addresses;
mod bearer;
mod bucket;
pub(crate) mod gate;
mod grant;
mod origin;
mod scope;
pub(crate) mod sign_in;
mod strangers;
mod tokens;

pub(crate) use accounts::Visitor;
pub use accounts::{Account, Accounts, Role, hash_password};
pub use bearer::Token;
pub(crate) use gate::Caller;
pub use grant::Grant;
pub(crate) use origin::Origin;
pub use scope::{Scope, UnknownScope};
pub(crate) use tokens::Tokens;
pub use tokens::{StoreFailure, TokenStore};
