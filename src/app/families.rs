//! Which families may run here: their tables, their folders, checked before their queue is
//! served.
//!
//! A refused family's queue is left alone, so its jobs wait for a worker that can run them
//! instead of failing one after the other. The rest of the worker runs, and is not ready.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use rouage::startup::{Finding, Severity};

use crate::config::Settings;
use crate::store::pool::Pool;
use crate::store::schema::{self, Needs};

use super::backups;

/// A family with needs outside Redis.
pub(super) struct Family {
    /// Its name, which is its queue's too.
    pub(super) name: &'static str,
    /// The name of the finding about its tables.
    schema: &'static str,
    needs: &'static [&'static Needs],
    /// The folder it writes to, if any: the name of the finding, and where the settings have it.
    folder: Option<Folder>,
    /// What else it needs.
    also: Option<fn(&Settings) -> Vec<Finding>>,
}

type Folder = (&'static str, fn(&Settings) -> &Path);

/// All of them; the debug kinds need nothing.
pub(super) const FAMILIES: [Family; 3] = [
    Family {
        name: "backups",
        schema: "backups_schema",
        needs: &[&schema::BACKUPS],
        folder: Some(("backups_dir", |settings| &settings.backups.dir)),
        also: Some(backups::findings),
    },
    Family {
        name: "exports",
        schema: "exports_schema",
        needs: &[&schema::EXPORTS, &schema::RGPD_SUBJECT],
        folder: Some(("exports_dir", |settings| &settings.exports.dir)),
        also: None,
    },
    Family {
        name: "maintenance",
        schema: "maintenance_schema",
        needs: &[&schema::MAINTENANCE],
        folder: None,
        also: None,
    },
];

impl Family {
    /// What was looked at, good and bad.
    pub(super) async fn check(
        &self,
        settings: &Settings,
        database: &Pool,
    ) -> anyhow::Result<Vec<Finding>> {
        let mut lacks = Vec::new();
        for needs in self.needs {
            let more = schema::check(database, needs).await;
            lacks.extend(more.context("read the catalogue of the database")?);
        }
        let mut findings: Vec<Finding> = lacks
            .into_iter()
            .map(|lack| finding(self.schema, Severity::Error, lack.message, lack.hint))
            .collect();
        if findings.is_empty() {
            let message = format!("the tables {} needs are as expected", self.name);
            findings.push(finding(self.schema, Severity::Ok, message, ""));
        }
        if let Some((name, folder)) = self.folder {
            findings.push(check_folder(name, folder(settings)));
        }
        if let Some(also) = self.also {
            findings.extend(also(settings));
        }
        Ok(findings)
    }
}

fn check_folder(name: &'static str, folder: &Path) -> Finding {
    let shown = folder.display();
    match try_to_write(folder) {
        Ok(()) => finding(name, Severity::Ok, format!("{shown} is writable"), ""),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let hint =
                "create it, mount a volume there, or set another one: exports.dir, backups.dir";
            finding(
                name,
                Severity::Error,
                format!("folder {shown} does not exist"),
                hint,
            )
        }
        Err(error) => {
            let hint = "the worker's user must be able to write there";
            finding(
                name,
                Severity::Error,
                format!("cannot write to {shown}: {error}"),
                hint,
            )
        }
    }
}

/// A finding; the engine's type, so that all are shown alike.
pub(super) fn finding(
    name: &'static str,
    severity: Severity,
    message: String,
    hint: &'static str,
) -> Finding {
    let hint = if severity == Severity::Ok { "" } else { hint };
    Finding {
        name,
        severity,
        message,
        hint,
    }
}

/// Creates and removes an empty file.
fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".crm-worker.{}", std::process::id()));
    std::fs::write(&path, "")?;
    std::fs::remove_file(&path)
}
