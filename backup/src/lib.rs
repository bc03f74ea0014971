//! A backup of a `PostgreSQL` database as a file: made, verified, sealed, restored.
//!
//! 1. [`Snapshot`] freezes what the database holds and counts the rows of some tables in it.
//! 2. [`dump()`] lets `pg_dump` write that snapshot, hashes what it says, and gives the file its name
//!    only when it is whole and on the disk.
//! 3. [`Manifest`] says beside the file what is in it.
//! 4. [`verify()`] compares the file with its manifest and reads every row of it.
//! 5. [`seal()`] encrypts a copy to public keys for places outside this host.
//! 6. [`retention::surplus`] says which backups may go.
//! 7. [`restore()`] and [`drill()`] bring a database back: for good, or to measure that it works.
//!
//! Nothing here knows of jobs, Redis or settings: the command line restores with this crate, the
//! client programs of `PostgreSQL`, and a key. Whatever takes long can be ended through a [`Leash`].

mod archive;
mod contents;
mod digest;
mod drill;
mod dump;
mod files;
mod leash;
mod manifest;
mod name;
mod restore;
pub mod retention;
mod seal;
mod server;
mod snapshot;
mod tools;
mod uploads;
mod verify;

pub use archive::Archive;
pub use contents::Contents;
pub use digest::{FileFacts, facts_of};
pub use drill::{Drilled, drill};
pub use dump::dump;
pub use files::{free_bytes, remove_leftovers};
pub use leash::Leash;
pub use manifest::{Copied, Manifest, RESTORE_KEYS, Sealed, Uploads, Verified, all as manifests};
pub use name::Name;
pub use restore::{occupants, restore};
pub use seal::{Identities, Recipients, seal};
pub use server::Server;
pub use snapshot::{Facts, Snapshot, check_table};
pub use tools::Tools;
pub use uploads::pack;
pub use verify::{Unfit, check_size, verify};
