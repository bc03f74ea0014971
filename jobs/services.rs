//! What handlers need from outside: [`Services`], built once by the binary.
//!
//! A plain struct without options: a worker that lacks something must not start, instead of
//! failing job after job. Time comes from a [`Clock`], so that a test decides what day it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::backups::Backups;
use crate::exports::download_token::UrlSecret;
use crate::maintenance::CertificateProbe;

/// The ports of all handlers. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The CRM's database, with the worker's own schema in it.
    pub database: PgPool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where exports go and how large they may be.
    pub exports: ExportSettings,
    /// What is backed up, where to, and who is told.
    pub backups: Backups,
    /// Asks servers for their certificates.
    pub certificates: Arc<dyn CertificateProbe>,
    /// The servers whose certificates are looked at, as `host` or `host:port`.
    pub certificate_hosts: Vec<String>,
    /// Whether the kinds of [`crate::debug`] are registered.
    pub debug_kinds: bool,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's options hold the password: they stay out.
        f.debug_struct("Services")
            .field("exports", &self.exports)
            .field("debug_kinds", &self.debug_kinds)
            .finish_non_exhaustive()
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Where exports go and how large they may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// The folder of the files. It must exist: creating it would hide a missing mount.
    pub dir: PathBuf,
    /// Rows in one file; more is refused before anything is written.
    pub max_rows: u64,
    /// Bytes in one file; more is refused as soon as it is noticed.
    pub max_bytes: u64,
    /// How long a file is kept after it was made.
    pub keep: Duration,
    /// Whether a role needs the CRM's permission to export, besides the rows it may see.
    pub require_permission: bool,
    /// Signs the rights to download; `None` for none.
    pub url_secret: Option<UrlSecret>,
}

impl ExportSettings {
    /// A million rows: what a spreadsheet can open.
    pub const MAX_ROWS: u64 = 1_000_000;
    /// Two gigabytes: what a browser can download and a small disk can hold.
    pub const MAX_BYTES: u64 = 2_000_000_000;
    /// Three days: a weekend.
    pub const KEEP: Duration = Duration::from_hours(72);

    /// Files in `dir`, everything else as usual.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_rows: Self::MAX_ROWS,
            max_bytes: Self::MAX_BYTES,
            keep: Self::KEEP,
            require_permission: false,
            url_secret: None,
        }
    }
}
