//! Where files go besides this host: the port of folders and object stores.
//!
//! Small on purpose: whole objects by key, and their sum as read back, which every kind of store can
//! answer and none can pretend.

use std::fmt;
use std::path::Path;

use futures_util::future::BoxFuture;

/// A place that keeps objects. Every call has a timeout of its own.
pub trait BlobStore: fmt::Debug + Send + Sync {
    /// What people call it, such as `s3://crm-backups/backups`; no secret is in it.
    fn place(&self) -> &str;

    /// The keys of all objects.
    fn list(&self) -> BoxFuture<'_, anyhow::Result<Vec<String>>>;

    /// Stores a file under a key that has no object.
    fn put_file<'b>(&'b self, key: &'b str, file: &'b Path) -> BoxFuture<'b, anyhow::Result<()>>;

    /// Stores a small object under a key that has none.
    fn put<'b>(&'b self, key: &'b str, bytes: Vec<u8>) -> BoxFuture<'b, anyhow::Result<()>>;

    /// Reads an object of at most `limit` bytes; `None` if there is none.
    fn read<'b>(
        &'b self,
        key: &'b str,
        limit: u64,
    ) -> BoxFuture<'b, anyhow::Result<Option<Vec<u8>>>>;

    /// Reads a whole object back; its size and its SHA-256 in hexadecimal, `None` if there is none.
    fn sum<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<Option<(u64, String)>>>;

    /// Removes an object; one that is not there is removed already.
    fn delete<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<()>>;
}
