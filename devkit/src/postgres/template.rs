//! The cached cluster that each server is a copy of.
//!
//! It lies in the workspace's `target/devkit` folder under a key made of the server's version, the
//! owner and the text of everything that decides its content, so that a change of the schema or of
//! a seeding file builds a new one by itself. A file lock orders the processes: copying holds it
//! shared, building holds it alone. A build happens in a private folder and ends with a rename, so
//! a half-built template is never seen; other templates are removed then.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sqlx::Connection;

use super::cluster::{self, Cluster};
use super::{Template, connect};
use crate::binaries::PostgresBinaries;
use crate::crm::{self, Size};
use crate::error::{Doing, ServerError};

/// Raised when this file or the cluster's settings change what a template holds.
const LAYOUT: &str = "1";
/// Start of each template's name; everything else in the folder is left alone.
const PREFIX: &str = "postgres-";

/// Starts a copy of the template, building the template first where it is missing.
pub(super) async fn start_copy(binaries: PostgresBinaries) -> Result<Cluster, ServerError> {
    let cache = cache_folder();
    fs::create_dir_all(&cache).doing(format!("create {}", cache.display()))?;
    let template = cache.join(format!("{PREFIX}{:016x}", key(&binaries, &cache)?));
    loop {
        let found = blocking({
            let (binaries, template) = (binaries.clone(), template.clone());
            move || copy_if_present(&binaries, &template)
        });
        if let Some(cluster) = found.await? {
            return Ok(cluster);
        }
        build_if_missing(&binaries, &template).await?;
    }
}

/// Copies and starts under a shared lock, so that nobody removes the template meanwhile.
fn copy_if_present(
    binaries: &PostgresBinaries,
    template: &Path,
) -> Result<Option<Cluster>, ServerError> {
    let lock = open_lock(template)?;
    lock.lock_shared().doing("lock the template for reading")?;
    if !template.is_dir() {
        return Ok(None);
    }
    Cluster::copy_of(binaries, template).map(Some)
}

/// Builds the template unless another process did while we waited for the lock.
async fn build_if_missing(binaries: &PostgresBinaries, template: &Path) -> Result<(), ServerError> {
    let lock = open_lock(template)?;
    let lock = blocking(move || {
        lock.lock()
            .doing("lock the template for building")
            .map(|()| lock)
    });
    // Held until the end of this function.
    let _lock = lock.await?;
    if template.is_dir() {
        return Ok(());
    }
    let mut cluster = blocking({
        let binaries = binaries.clone();
        move || Cluster::create(&binaries)
    })
    .await?;
    fill(&cluster).await?;
    let template = template.to_owned();
    blocking(move || {
        cluster.process.end("INT")?;
        keep(&cluster.data(), &template)
    })
    .await
}

/// Creates the two databases that tests clone.
async fn fill(cluster: &Cluster) -> Result<(), ServerError> {
    let mut admin = connect(&cluster.url("postgres")).await?;
    create_database(&mut admin, "CREATE DATABASE crm_empty").await?;

    let mut empty = connect(&cluster.url(Template::Empty.database())).await?;
    crm::create_schema_on(&mut empty)
        .await
        .doing("create the schema of the template")?;
    empty.close().await.doing("close the template")?;

    create_database(&mut admin, "CREATE DATABASE crm_small TEMPLATE crm_empty").await?;
    let mut small = connect(&cluster.url(Template::Small.database())).await?;
    crm::seed_on(&mut small, Size::Small)
        .await
        .doing("fill the template")?;
    small.close().await.doing("close the template")?;
    admin.close().await.doing("close the connection")
}

async fn create_database(
    admin: &mut sqlx::PgConnection,
    statement: &'static str,
) -> Result<(), ServerError> {
    sqlx::raw_sql(statement)
        .execute(admin)
        .await
        .map(drop)
        .doing(format!("run {statement}"))
}

/// Moves a stopped cluster's files into the cache and removes the templates it replaces.
fn keep(data: &Path, template: &Path) -> Result<(), ServerError> {
    let cache = cache_folder();
    let entries = fs::read_dir(&cache).doing(format!("read {}", cache.display()))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(entry.path()).doing(format!("remove {}", entry.path().display()))?;
        }
    }
    let unfinished = template.with_extension("unfinished");
    cluster::copy(data, &unfinished)?;
    fs::rename(&unfinished, template).doing(format!("keep {}", template.display()))
}

/// The workspace's own build folder: it is ignored by git, and `cargo clean` clears it.
fn cache_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/devkit")
}

/// The lock file beside the template; never removed, its content does not matter.
fn open_lock(template: &Path) -> Result<File, ServerError> {
    let path = template.with_file_name("lock");
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .doing(format!("open {}", path.display()))
}

/// Differs whenever a template built earlier would not do.
fn key(binaries: &PostgresBinaries, cache: &Path) -> Result<u64, ServerError> {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(cache)
        .doing(format!("look at {}", cache.display()))?
        .uid();
    let owner = owner.to_string();
    let parts = [LAYOUT, binaries.version.as_str(), owner.as_str()];
    Ok(fingerprint(
        parts.into_iter().chain(crm::SOURCES.iter().copied()),
    ))
}

/// FNV-1a over all parts; unlike the standard hasher it stays the same between releases.
fn fingerprint<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    let separated = parts.flat_map(|part| part.bytes().chain([0]));
    separated.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, ServerError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)
        .doing("finish work on a blocking thread")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_tells_where_one_part_ends() {
        let joined = fingerprint(["ab", "c"].into_iter());
        assert_ne!(joined, fingerprint(["a", "bc"].into_iter()));
        assert_eq!(joined, fingerprint(["ab", "c"].into_iter()));
    }
}
