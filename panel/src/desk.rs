//! What the pages stand on besides the engine's client: people, the log of their deeds, and what
//! is remembered of the last hour.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::{AuditLog, Deed};
use crate::auth::Accounts;
use crate::glance::Glance;
use crate::throughput::Throughput;

/// How long a deed may take to be noted.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The pages' own side of a panel. Without accounts nobody is let in.
pub struct Desk {
    accounts: Accounts,
    base: String,
    version: String,
    trusted: Vec<IpAddr>,
    audit: Option<Arc<dyn AuditLog>>,
    throughput: Throughput,
    glance: Glance,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({:?})", self.accounts)
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new(Accounts::new(Vec::new()))
    }
}

impl Desk {
    /// With these accounts.
    pub fn new(accounts: Accounts) -> Self {
        Self {
            accounts,
            base: String::new(),
            version: String::new(),
            trusted: Vec::new(),
            audit: None,
            throughput: Throughput::default(),
            glance: Glance::default(),
        }
    }

    /// Below a path such as `/jobs`, without a slash at its end.
    #[must_use]
    pub fn under(mut self, base: &str) -> Self {
        base.trim_end_matches('/').clone_into(&mut self.base);
        self
    }

    /// The version of the program that serves the pages.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Believing what these proxies say about where a request comes from.
    #[must_use]
    pub fn trusting(mut self, proxies: Vec<IpAddr>) -> Self {
        self.trusted = proxies;
        self
    }

    /// With a log of what people do.
    #[must_use]
    pub fn audited(mut self, audit: Arc<dyn AuditLog>) -> Self {
        self.audit = Some(audit);
        self
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn trusted(&self) -> &[IpAddr] {
        &self.trusted
    }

    pub(crate) fn program(&self) -> &str {
        &self.version
    }

    pub(crate) fn audit(&self) -> Option<&dyn AuditLog> {
        self.audit.as_deref()
    }

    pub(crate) fn glance(&self) -> &Glance {
        &self.glance
    }

    pub(crate) fn throughput(&self) -> &Throughput {
        &self.throughput
    }

    /// Notes a deed before it is done. An operator who repairs something at night is not stopped
    /// by a database that is away: then the process' own log has it.
    pub(crate) async fn note(&self, deed: &Deed) {
        tracing::info!(
            by = deed.who,
            what = deed.what,
            target = deed.target,
            "done in the panel"
        );
        let Some(audit) = self.audit() else {
            return;
        };
        let why = match tokio::time::timeout(PATIENCE, audit.note(deed)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(
            why,
            by = deed.who,
            what = deed.what,
            target = deed.target,
            "not in the audit log"
        );
    }
}
