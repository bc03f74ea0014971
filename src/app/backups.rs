//! The ports of the backups family, and what keeps it from running here besides its tables.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use crm_backup::{Server, Tools};
use crm_jobs::backups::Backups;
use crm_jobs::blobs::BlobStore;
use metrics::gauge;
use rouage::startup::{Finding, Severity};
use secrecy::SecretString;

use super::families::finding;
use crate::adapters::announce::Webhooks;
use crate::adapters::blobs::{self, Blobs};
use crate::config::{Bucket, Config, Encryption, Settings};
use crate::store::backups as runs;
use crate::store::pool::{self, Pool};
use crate::telemetry::metrics::{
    BACKUP_DURATION, BACKUP_LAST_DRILL, BACKUP_LAST_SUCCESS, BACKUP_SIZE, RESTORE_DRILL,
};

/// How often the gauges are read from the records.
const EVERY: Duration = Duration::from_secs(30);

/// What the handlers work with. Places that cannot be opened are left out, and their error logged: the
/// family is refused by its findings then.
pub(super) fn ports(config: &Config) -> anyhow::Result<Backups> {
    let settings = &config.settings.backups;
    let recipients = match &settings.encryption {
        Encryption::To(recipients) => Some(recipients.clone()),
        Encryption::Undecided | Encryption::None => None,
    };
    let places = places(&config.settings).into_iter().filter_map(|place| {
        place
            .inspect_err(|error| tracing::error!("a place for backups cannot be used: {error:#}"))
            .ok()
    });
    let webhooks = Webhooks::new(settings.heartbeat_url.clone(), settings.webhook_url.clone())?;
    Ok(Backups {
        dir: settings.dir.clone(),
        server: Server::new(super::database(config)?),
        tools: tools(&config.settings),
        sentinels: settings.sentinel_tables.clone(),
        tiers: settings.tiers,
        recipients,
        uploads_dir: settings.uploads_dir.clone(),
        places: places.collect(),
        announcer: Arc::new(webhooks),
    })
}

fn tools(settings: &Settings) -> Tools {
    Tools::new(settings.backups.pg_bin_dir.clone())
}

type Place = anyhow::Result<Arc<dyn BlobStore>>;

fn places(settings: &Settings) -> Vec<Place> {
    let backups = &settings.backups;
    let folder = backups.copies_dir.as_ref().map(|folder| -> Place {
        let folder = Blobs::folder(folder).context("use backups.copies_dir")?;
        Ok(Arc::new(folder) as Arc<dyn BlobStore>)
    });
    let bucket = backups.bucket.as_ref().map(|bucket| -> Place {
        let bucket = self::bucket(bucket).context("use backups.s3_bucket")?;
        Ok(Arc::new(bucket) as Arc<dyn BlobStore>)
    });
    folder.into_iter().chain(bucket).collect()
}

fn bucket(bucket: &Bucket) -> anyhow::Result<Blobs> {
    let none = SecretString::from("");
    let missing = bucket.secret_access_key.is_none() || bucket.access_key_id.is_empty();
    if missing {
        return Err(anyhow!(
            "the key of the store is not set: backups.s3_access_key_id and backups.s3_secret_access_key_file"
        ));
    }
    Blobs::bucket(&blobs::Bucket {
        name: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        endpoint: bucket.endpoint.clone(),
        region: bucket.region.clone(),
        access_key_id: bucket.access_key_id.clone(),
        secret_access_key: bucket.secret_access_key.clone().unwrap_or(none),
    })
}

/// What was looked at besides tables and folder.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![programs(settings), encryption(settings)];
    let unusable = places(settings).into_iter().filter_map(Result::err);
    findings.extend(unusable.map(|error| {
        let hint = "correct the settings of [backups], or leave the place out";
        finding(
            "backups_places",
            Severity::Error,
            format!("{error:#}"),
            hint,
        )
    }));
    findings
}

fn programs(settings: &Settings) -> Finding {
    let tools = tools(settings);
    let hint = "install the client programs of PostgreSQL, or set backups.pg_bin_dir";
    let found = tools
        .dump_version()
        .and_then(|dump| Ok((dump, tools.restore_version()?)));
    let (severity, message) = match found {
        Ok((dump, restore)) => (
            Severity::Ok,
            format!("pg_dump {dump}, pg_restore {restore}"),
        ),
        Err(_) => (
            Severity::Error,
            "pg_dump and pg_restore cannot be run".to_owned(),
        ),
    };
    finding("backups_tools", severity, message, hint)
}

fn encryption(settings: &Settings) -> Finding {
    let hint = "set backups.recipients to the public key that age-keygen printed, or to \"none\"";
    let (severity, message) = match &settings.backups.encryption {
        _ if !settings.backups.has_places() => {
            (Severity::Warning, "backups have no copy outside this host")
        }
        Encryption::Undecided => (
            Severity::Error,
            "nobody decided who can open the copies of backups",
        ),
        Encryption::None => (Severity::Warning, "copies of backups are not encrypted"),
        Encryption::To(_) => (Severity::Ok, "copies of backups are encrypted"),
    };
    let hint = if settings.backups.has_places() {
        hint
    } else {
        "set backups.s3_bucket or backups.copies_dir"
    };
    finding("backups_copies", severity, message.to_owned(), hint)
}

/// Sets the gauges of the last good backup, for ever. They come from the records and not from the
/// process that made it, so a restart does not forget them.
pub(super) async fn watch(database: Pool) {
    loop {
        match runs::latest(&database).await {
            Ok(latest) => show(&latest),
            Err(error) => tracing::debug!(%error, "the records of backups cannot be read"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn show(latest: &runs::Latest) {
    // 1970 if there is none: as old as can be.
    gauge!(BACKUP_LAST_SUCCESS).set(latest.reported_at.unwrap_or(0.0));
    if let Some(bytes) = latest.bytes {
        gauge!(BACKUP_SIZE).set(bytes as f64);
    }
    if let Some(seconds) = latest.seconds {
        gauge!(BACKUP_DURATION).set(seconds);
    }
    if let (Some(at), Some(ms)) = (latest.drilled_at, latest.drill_ms) {
        gauge!(BACKUP_LAST_DRILL).set(at);
        gauge!(RESTORE_DRILL).set(ms as f64 / 1000.0);
    }
}

/// The records, over a connection that is opened when it is used.
pub(crate) fn records(config: &Config) -> anyhow::Result<Pool> {
    Ok(pool::probe(&super::database(config)?))
}
