//! What the family needs from outside.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use crm_backup::retention::{Kept, Tiers};
use crm_backup::{Manifest, Name, Recipients, Server, Tools, manifests};

use crate::backups::Announcer;
use crate::blobs::BlobStore;

/// The settings and ports of backups.
#[derive(Debug, Clone)]
pub struct Backups {
    /// The folder of the dumps. It must exist: creating it would hide a missing mount.
    pub dir: PathBuf,
    /// The database that is backed up.
    pub server: Server,
    /// The client programs.
    pub tools: Tools,
    /// Tables whose rows are counted when they are dumped, read back and restored.
    pub sentinels: Vec<String>,
    /// How many backups are kept.
    pub tiers: Tiers,
    /// Who can open the copies; `None` leaves them as they are.
    pub recipients: Option<Recipients>,
    /// The folder of uploads, if it is backed up.
    pub uploads_dir: Option<PathBuf>,
    /// Where copies go.
    pub places: Vec<Arc<dyn BlobStore>>,
    /// Who is told.
    pub announcer: Arc<dyn Announcer>,
}

impl Backups {
    /// Every backup of the folder, the newest first.
    pub(super) fn manifests(&self) -> anyhow::Result<Vec<Manifest>> {
        let (found, unreadable) = manifests(&self.dir)?;
        if !unreadable.is_empty() {
            tracing::warn!(
                files = unreadable.join(","),
                "manifests that cannot be read"
            );
        }
        Ok(found)
    }

    /// The manifest of one backup.
    pub(super) fn manifest(&self, name: &Name) -> anyhow::Result<Manifest> {
        Manifest::read(&name.manifest(&self.dir)).with_context(|| {
            format!(
                "find backup {name} in {}; hint: only one worker may serve queue backups, or all must \
                 share the folder",
                self.dir.display()
            )
        })
    }
}

/// A backup as retention sees it.
pub(super) fn kept(manifest: &Manifest) -> Kept {
    Kept {
        name: manifest.name.clone(),
        sequence: manifest.sequence,
        taken_at: manifest.taken_at,
        verified: manifest.verified.is_some(),
    }
}
