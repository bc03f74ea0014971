//! `[backups]`: what is backed up, where to, how long, and who is told.

use std::path::PathBuf;

use crm_backup::retention::Tiers;
use crm_backup::{Recipients, check_table};
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;

/// What stands for copies that are not encrypted.
const NOBODY: &str = "none";
/// Most tables that are counted, and keys that copies are encrypted to.
const MOST_TABLES: usize = 50;
const MOST_RECIPIENTS: usize = 10;

/// How backups are made.
#[derive(Debug)]
pub(crate) struct Backups {
    /// The folder of the dumps.
    pub(crate) dir: PathBuf,
    /// Where the client programs are; `None` for `PATH`.
    pub(crate) pg_bin_dir: Option<PathBuf>,
    pub(crate) sentinel_tables: Vec<String>,
    /// The folder of uploads, if it is backed up.
    pub(crate) uploads_dir: Option<PathBuf>,
    pub(crate) tiers: Tiers,
    pub(crate) encryption: Encryption,
    /// A second folder for copies.
    pub(crate) copies_dir: Option<PathBuf>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) heartbeat_url: Option<SecretString>,
    pub(crate) webhook_url: Option<SecretString>,
}

/// Who can open copies.
#[derive(Debug)]
pub(crate) enum Encryption {
    /// Nobody has decided yet.
    Undecided,
    /// Everybody: somebody decided so.
    None,
    /// Who has a private key.
    To(Recipients),
}

/// A bucket of an S3-compatible store.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) prefix: String,
    /// `None` for Amazon's own.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Option<SecretString>,
}

impl Backups {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            dir: r.text("backups.dir").into(),
            pg_bin_dir: path(r, "backups.pg_bin_dir"),
            sentinel_tables: sentinel_tables(r),
            uploads_dir: path(r, "backups.uploads_dir"),
            tiers: Tiers {
                daily: r.integer("backups.keep_daily", 1..=3650) as usize,
                weekly: r.integer("backups.keep_weekly", 0..=520) as usize,
                monthly: r.integer("backups.keep_monthly", 0..=120) as usize,
                last: r.integer("backups.keep_last", 1..=100) as usize,
            },
            encryption: encryption(r),
            copies_dir: path(r, "backups.copies_dir"),
            bucket: bucket(r),
            heartbeat_url: url(r, "backups.heartbeat_url"),
            webhook_url: url(r, "backups.webhook_url"),
        }
    }

    /// Whether anything leaves this folder.
    pub(crate) fn has_places(&self) -> bool {
        self.copies_dir.is_some() || self.bucket.is_some()
    }
}

fn path(r: &mut Reader<'_>, key: &str) -> Option<PathBuf> {
    let text = r.text(key);
    (!text.is_empty()).then(|| text.into())
}

fn words(text: &str) -> Vec<&str> {
    let words = text.split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

fn sentinel_tables(r: &mut Reader<'_>) -> Vec<String> {
    let key = "backups.sentinel_tables";
    let text = r.text(key);
    let tables = words(&text);
    if tables.len() > MOST_TABLES || tables.iter().any(|table| check_table(table).is_err()) {
        r.refuse(
            key,
            "at most 50 names of tables in lower case, separated by commas",
        );
    }
    tables.into_iter().map(str::to_owned).collect()
}

fn encryption(r: &mut Reader<'_>) -> Encryption {
    let key = "backups.recipients";
    let text = r.text(key);
    match words(&text).as_slice() {
        [] => Encryption::Undecided,
        [NOBODY] => Encryption::None,
        keys => match Recipients::parse(keys.iter().copied()) {
            Ok(recipients) if keys.len() <= MOST_RECIPIENTS => Encryption::To(recipients),
            _ => {
                r.refuse(
                    key,
                    "at most 10 public keys of age (age1…), separated by commas, or \"none\"",
                );
                Encryption::Undecided
            }
        },
    }
}

fn bucket(r: &mut Reader<'_>) -> Option<Bucket> {
    let name = r.text("backups.s3_bucket");
    let prefix = r.text("backups.s3_prefix");
    let endpoint = r.text("backups.s3_endpoint");
    let region = r.text("backups.s3_region");
    let access_key_id = r.text("backups.s3_access_key_id");
    let secret_access_key = r.secret("backups.s3_secret_access_key");
    if name.is_empty() {
        return None;
    }
    let http = ["https://", "http://"]
        .iter()
        .any(|scheme| endpoint.starts_with(scheme));
    if !endpoint.is_empty() && !http {
        r.refuse(
            "backups.s3_endpoint",
            "a URL that starts with https://, or \"\"",
        );
    }
    Some(Bucket {
        name,
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: (!endpoint.is_empty()).then_some(endpoint),
        region,
        access_key_id,
        secret_access_key,
    })
}

fn url(r: &mut Reader<'_>, key: &str) -> Option<SecretString> {
    let url = r.secret(key)?;
    let text = url.expose_secret();
    if !text.starts_with("https://") && !text.starts_with("http://") {
        r.refuse(key, "a URL that starts with https://");
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_separated_by_commas_and_blanks_do_not_count() {
        assert_eq!(words(" a, b ,,c"), ["a", "b", "c"]);
        assert!(words(" , ").is_empty());
    }
}
