//! `backups.upload`: a verified backup goes to every other place, encrypted, and is read back.
//!
//! What is there already and equal is left alone, so an upload that was interrupted goes on with the
//! next file. The manifest goes last: a place without it has no backup. The encrypted files on this
//! host are removed when every place has them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use crm_backup::{Copied, FileFacts, Manifest, Recipients, Sealed, facts_of, seal};
use crm_job_contract::backups::{Upload, Uploaded};
use rouage::{Handler, Job, JobContext, JobError};

use crate::backups::ports::Backups;
use crate::backups::record;
use crate::backups::settle::settle;
use crate::backups::work::blocking;
use crate::blobs::BlobStore;
use crate::services::Services;

/// Longest manifest.
const MANIFEST: u64 = 1024 * 1024;

/// Runs [`Upload`].
#[derive(Debug, Clone)]
pub struct UploadHandler {
    services: Services,
}

impl UploadHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for UploadHandler {
    type Job = Upload;

    async fn run(&self, job: Upload, cx: &JobContext) -> Result<Uploaded, JobError> {
        let copied = copy_everywhere(&self.services, &job, cx).await;
        settle(&self.services, cx, Upload::KIND, Some(&job.run_id), copied).await
    }
}

async fn copy_everywhere(
    services: &Services,
    job: &Upload,
    cx: &JobContext,
) -> Result<Uploaded, JobError> {
    let backups = &services.backups;
    let name = record::name_of(&services.database, &job.run_id).await?;
    let mut manifest = backups.manifest(&name)?;
    if manifest.verified.is_none() {
        return Err(JobError::discard(format!(
            "backup {name} is not verified; hint: only what was read back is worth a copy"
        )));
    }
    if !backups.places.is_empty() {
        let files = files_to_copy(backups, &mut manifest, cx).await?;
        for place in &backups.places {
            if manifest
                .copies
                .iter()
                .any(|copy| copy.place == place.place())
            {
                continue;
            }
            copy(place.as_ref(), &manifest, &files, cx).await?;
            manifest.copies.push(Copied {
                place: place.place().to_owned(),
                at: services.clock.now(),
            });
            manifest.write(&backups.dir)?;
        }
        remove_sealed(backups, &manifest)?;
    }
    record::uploaded(&services.database, &manifest, services.clock.now()).await?;
    Ok(Uploaded {
        places: manifest.copies.into_iter().map(|copy| copy.place).collect(),
    })
}

type Files = Vec<(PathBuf, FileFacts)>;

/// The files as they leave this host; encrypts them unless an earlier attempt did.
async fn files_to_copy(
    backups: &Backups,
    manifest: &mut Manifest,
    cx: &JobContext,
) -> Result<Files, JobError> {
    let dir = &backups.dir;
    let plain_uploads = manifest
        .uploads
        .as_ref()
        .map(|uploads| uploads.file.clone());
    let Some(recipients) = &backups.recipients else {
        let uploads = plain_uploads.map(|facts| (manifest.name.uploads(dir), facts));
        let dump = (manifest.name.dump(dir), manifest.dump.clone());
        return Ok([dump].into_iter().chain(uploads).collect());
    };
    if !still_sealed(backups, manifest, cx).await? {
        cx.progress(0, None, "encrypting");
        let (dump, uploads) = (manifest.name.dump(dir), manifest.name.uploads(dir));
        let sealed = manifest.name.sealed(dir);
        let sealed_uploads = manifest.name.sealed_uploads(dir);
        let dump = encrypt(dump, sealed, recipients, manifest.dump.clone(), cx).await?;
        let uploads = match plain_uploads {
            Some(facts) => Some(encrypt(uploads, sealed_uploads, recipients, facts, cx).await?),
            None => None,
        };
        manifest.sealed = Some(Sealed {
            recipients: recipients.names(),
            dump,
            uploads,
        });
        manifest.write(dir)?;
    }
    let Some(sealed) = &manifest.sealed else {
        return Ok(Vec::new());
    };
    let uploads = sealed.uploads.clone();
    let uploads = uploads.map(|facts| (manifest.name.sealed_uploads(dir), facts));
    let dump = (manifest.name.sealed(dir), sealed.dump.clone());
    Ok([dump].into_iter().chain(uploads).collect())
}

/// Whether the encrypted files of an earlier attempt are there and whole.
async fn still_sealed(
    backups: &Backups,
    manifest: &Manifest,
    cx: &JobContext,
) -> Result<bool, JobError> {
    let Some(sealed) = manifest.sealed.clone() else {
        return Ok(false);
    };
    let dump = manifest.name.sealed(&backups.dir);
    let uploads = manifest.name.sealed_uploads(&backups.dir);
    blocking(cx, move |leash| {
        let equal = |path: &PathBuf, facts: &FileFacts| {
            facts_of(path, leash).is_ok_and(|found| found == *facts)
        };
        equal(&dump, &sealed.dump)
            && sealed
                .uploads
                .as_ref()
                .is_none_or(|facts| equal(&uploads, facts))
    })
    .await
}

async fn encrypt(
    plain: PathBuf,
    target: PathBuf,
    recipients: &Recipients,
    facts: FileFacts,
    cx: &JobContext,
) -> Result<FileFacts, JobError> {
    let recipients = recipients.clone();
    let sealed = blocking(cx, move |leash| {
        seal(&plain, &target, &recipients, &facts, leash)
    });
    Ok(sealed.await??)
}

/// Takes all files to one place, the manifest last.
async fn copy(
    place: &dyn BlobStore,
    manifest: &Manifest,
    files: &[(PathBuf, FileFacts)],
    cx: &JobContext,
) -> Result<(), JobError> {
    let shown = place.place();
    let key = file_name(&manifest.name.manifest("".as_ref()));
    let copying = async {
        check_owner(place, &key, manifest).await?;
        for (number, (path, facts)) in (0..).zip(files) {
            cx.progress(number, Some(files.len() as u64), "copying");
            copy_file(place, path, facts).await?;
        }
        let mut there = manifest.clone();
        // What is said of one place is not said of the others.
        there.copies.clear();
        place.delete(&key).await?;
        place.put(&key, there.to_json()?.into_bytes()).await
    };
    tokio::select! {
        biased;
        () = cx.token().cancelled() => Err(JobError::Cancelled),
        copied = copying => Ok(copied.with_context(|| format!("copy to {shown}"))?),
    }
}

/// Another installation that shares the place must not be overwritten.
async fn check_owner(place: &dyn BlobStore, key: &str, manifest: &Manifest) -> anyhow::Result<()> {
    let Some(bytes) = place.read(key, MANIFEST).await? else {
        return Ok(());
    };
    let there = Manifest::from_json(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("read {key}"))?;
    if there.run_id != manifest.run_id {
        bail!("{key} is another installation's; hint: give each a place of its own");
    }
    Ok(())
}

async fn copy_file(
    place: &dyn BlobStore,
    path: &std::path::Path,
    facts: &FileFacts,
) -> anyhow::Result<()> {
    let key = &facts.name;
    let expected = Some((facts.bytes, facts.sha256.clone()));
    let found = place.sum(key).await?;
    if found == expected {
        return Ok(());
    }
    if found.is_some() {
        // Half of an earlier attempt: it has no manifest, or the manifest is this run's.
        place.delete(key).await?;
    }
    place.put_file(key, path).await?;
    if place.sum(key).await? != expected {
        bail!("{key} was read back as something else than was sent");
    }
    Ok(())
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn remove_sealed(backups: &Backups, manifest: &Manifest) -> anyhow::Result<()> {
    let name = &manifest.name;
    for path in [name.sealed(&backups.dir), name.sealed_uploads(&backups.dir)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("remove the encrypted copy on this host");
            }
            _ => {}
        }
    }
    Ok(())
}
