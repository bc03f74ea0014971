//! Folders and S3-compatible stores behind the port of `crm_jobs::blobs`.
//!
//! A file above one part goes up in parts, each of which is tried again when it fails. A store is
//! never believed: whoever needs to know reads the object back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use crm_jobs::blobs::BlobStore;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig, WriteMultipart,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Size of one part: the store's least is 5 MiB.
const PART: usize = 8 * 1024 * 1024;
/// Parts that are under way at once.
const AT_ONCE: usize = 2;
/// Objects of one place at most.
const MOST: usize = 100_000;
/// How long one request may take: reading a large object back over a slow line.
const REQUEST: Duration = Duration::from_secs(3600);
/// How long a store may say nothing in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request is tried again before its job is.
const RETRY: Duration = Duration::from_secs(60);

/// Where an S3-compatible store is.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// What every key starts with.
    pub(crate) prefix: String,
    /// `None` for Amazon's own.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: SecretString,
}

/// One place.
#[derive(Debug)]
pub(crate) struct Blobs {
    place: String,
    prefix: Key,
    store: Arc<dyn ObjectStore>,
}

impl Blobs {
    /// A folder, which must exist.
    pub(crate) fn folder(folder: &Path) -> anyhow::Result<Self> {
        let store = LocalFileSystem::new_with_prefix(folder)
            .with_context(|| format!("open {}", folder.display()))?;
        Ok(Self {
            place: folder.display().to_string(),
            prefix: Key::default(),
            // Written aside, forced to the disk, renamed.
            store: Arc::new(store.with_fsync(true)),
        })
    }

    /// A bucket; nothing is asked yet.
    pub(crate) fn bucket(bucket: &Bucket) -> anyhow::Result<Self> {
        let Bucket { name, prefix, .. } = bucket;
        let http = bucket
            .endpoint
            .as_ref()
            .is_some_and(|url| url.starts_with("http://"));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(&bucket.region)
            .with_access_key_id(&bucket.access_key_id)
            .with_secret_access_key(bucket.secret_access_key.expose_secret())
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(REQUEST)
                    .with_read_timeout(SILENCE)
                    .with_connect_timeout(CONNECT)
                    .with_allow_http(http),
            )
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 3,
                retry_timeout: RETRY,
            });
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        Ok(Self {
            place: format!("s3://{name}/{prefix}"),
            prefix: Key::parse(prefix).context("read backups.s3_prefix")?,
            store: Arc::new(builder.build().context("prepare the bucket")?),
        })
    }

    fn key(&self, key: &str) -> Key {
        self.prefix.clone().join(key)
    }

    async fn put_parts(&self, key: &Key, file: &mut File) -> anyhow::Result<()> {
        let upload = self.store.put_multipart(key).await.map_err(plain)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART);
        loop {
            let part = match next_part(file).await {
                Ok(part) => part,
                Err(error) => {
                    drop(parts.abort().await);
                    return Err(error);
                }
            };
            if part.is_empty() {
                break;
            }
            if let Err(error) = parts.wait_for_capacity(AT_ONCE).await {
                drop(parts.abort().await);
                return Err(plain(error));
            }
            parts.write(&part);
        }
        // A failure aborts what was sent.
        parts.finish().await.map(drop).map_err(plain)
    }

    async fn put_whole(&self, key: &Key, bytes: Vec<u8>) -> anyhow::Result<()> {
        let create = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        let payload = PutPayload::from(bytes);
        match self.store.put_opts(key, payload.clone(), create).await {
            // Some stores know no condition; whoever calls has looked that nothing is there.
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                self.store.put(key, payload).await.map(drop).map_err(plain)
            }
            put => put.map(drop).map_err(plain),
        }
    }
}

impl BlobStore for Blobs {
    fn place(&self) -> &str {
        &self.place
    }

    fn list(&self) -> BoxFuture<'_, anyhow::Result<Vec<String>>> {
        async move {
            let mut found = self.store.list(Some(&self.prefix));
            let mut keys = Vec::new();
            while let Some(object) = found.next().await {
                let object = object.map_err(plain).context("list the objects")?;
                if let Some(name) = object.location.filename() {
                    keys.push(name.to_owned());
                }
                if keys.len() > MOST {
                    bail!("more than {MOST} objects; hint: give backups a place of their own");
                }
            }
            Ok(keys)
        }
        .boxed()
    }

    fn put_file<'b>(&'b self, key: &'b str, file: &'b Path) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            let shown = file.display();
            let mut file = File::open(file)
                .await
                .with_context(|| format!("open {shown}"))?;
            let length = file
                .metadata()
                .await
                .with_context(|| format!("look at {shown}"))?
                .len();
            let target = self.key(key);
            if length > PART as u64 {
                return self
                    .put_parts(&target, &mut file)
                    .await
                    .with_context(|| format!("store {key}"));
            }
            let bytes = next_part(&mut file).await?;
            self.put_whole(&target, bytes)
                .await
                .with_context(|| format!("store {key}"))
        }
        .boxed()
    }

    fn put<'b>(&'b self, key: &'b str, bytes: Vec<u8>) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            self.put_whole(&self.key(key), bytes)
                .await
                .with_context(|| format!("store {key}"))
        }
        .boxed()
    }

    fn read<'b>(
        &'b self,
        key: &'b str,
        limit: u64,
    ) -> BoxFuture<'b, anyhow::Result<Option<Vec<u8>>>> {
        async move {
            let found = match self.store.get(&self.key(key)).await {
                Err(Error::NotFound { .. }) => return Ok(None),
                found => found
                    .map_err(plain)
                    .with_context(|| format!("read {key}"))?,
            };
            if found.meta.size > limit {
                bail!(
                    "{key} has {} bytes, expected at most {limit}",
                    found.meta.size
                );
            }
            let bytes = found
                .bytes()
                .await
                .map_err(plain)
                .with_context(|| format!("read {key}"))?;
            Ok(Some(bytes.to_vec()))
        }
        .boxed()
    }

    fn sum<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<Option<(u64, String)>>> {
        async move {
            let found = match self.store.get(&self.key(key)).await {
                Err(Error::NotFound { .. }) => return Ok(None),
                found => found
                    .map_err(plain)
                    .with_context(|| format!("read {key}"))?,
            };
            let mut stream = found.into_stream();
            let (mut bytes, mut hash) = (0, Sha256::new());
            while let Some(part) = stream
                .try_next()
                .await
                .map_err(plain)
                .with_context(|| format!("read {key}"))?
            {
                bytes += part.len() as u64;
                hash.update(&part);
            }
            let hash = hash.finalize();
            let hexadecimal: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(Some((bytes, hexadecimal.concat())))
        }
        .boxed()
    }

    fn delete<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            match self.store.delete(&self.key(key)).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(plain(error)).with_context(|| format!("delete {key}")),
            }
        }
        .boxed()
    }
}

/// At most one part; empty at the end.
async fn next_part(file: &mut File) -> anyhow::Result<Vec<u8>> {
    let mut part = Vec::with_capacity(PART.min(64 * 1024));
    file.take(PART as u64)
        .read_to_end(&mut part)
        .await
        .context("read the file")?;
    Ok(part)
}

/// What people can do something about; the library's own text has whole answers of the store in it.
fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::NotFound { .. } => anyhow!("the store has no such object or bucket"),
        Error::AlreadyExists { .. } => anyhow!("there is an object of that name already"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => refused(),
        // Lists are not told apart by the library.
        other if other.to_string().contains("403 Forbidden") => refused(),
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            anyhow!("{}", line.chars().take(200).collect::<String>())
        }
    }
}

fn refused() -> anyhow::Error {
    anyhow!(
        "the store refuses; hint: look at backups.s3_access_key_id and its secret, and at the rights of the key"
    )
}

#[cfg(test)]
mod tests {
    use devkit::S3Server;

    use super::*;

    fn blobs(endpoint: String, key: &str) -> Blobs {
        Blobs::bucket(&Bucket {
            name: "crm-backups".to_owned(),
            prefix: "backups".to_owned(),
            endpoint: Some(endpoint),
            region: "eu".to_owned(),
            access_key_id: key.to_owned(),
            secret_access_key: SecretString::from("secret"),
        })
        .unwrap()
    }

    /// What every place does, whatever it is.
    async fn behaves(blobs: &Blobs) {
        let folder = tempfile::tempdir().unwrap();
        assert!(blobs.list().await.unwrap().is_empty());
        assert_eq!(blobs.read("a.json", 10).await.unwrap(), None);
        assert_eq!(blobs.sum("big").await.unwrap(), None);
        blobs.put("a.json", b"{}".to_vec()).await.unwrap();
        let error = blobs.put("a.json", b"[]".to_vec()).await.unwrap_err();
        assert!(
            format!("{error:#}").contains("of that name already"),
            "{error:#}"
        );
        assert_eq!(blobs.read("a.json", 10).await.unwrap().unwrap(), b"{}");
        assert!(blobs.read("a.json", 1).await.is_err());
        // Two parts and a bit.
        let file = folder.path().join("big");
        let bytes: Vec<u8> = (0..PART * 2 + 12_345).map(|n| (n % 251) as u8).collect();
        std::fs::write(&file, &bytes).unwrap();
        blobs.put_file("big", &file).await.unwrap();
        let hash: Vec<String> = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let sum = blobs.sum("big").await.unwrap();
        assert_eq!(sum, Some((bytes.len() as u64, hash.concat())));
        let mut keys = blobs.list().await.unwrap();
        keys.sort();
        assert_eq!(keys, ["a.json", "big"]);
        for _ in 0..2 {
            blobs.delete("big").await.unwrap();
        }
        assert_eq!(blobs.list().await.unwrap(), ["a.json"]);
    }

    #[tokio::test]
    async fn a_bucket_and_a_folder_behave_alike() {
        let server = S3Server::start("crm-backups", "key").unwrap();
        behaves(&blobs(server.endpoint(), "key")).await;
        assert_eq!(
            server.objects().keys().collect::<Vec<_>>(),
            ["backups/a.json"]
        );
        let folder = tempfile::tempdir().unwrap();
        behaves(&Blobs::folder(folder.path()).unwrap()).await;
    }

    #[tokio::test]
    async fn a_store_that_refuses_or_is_away_is_an_error_without_a_secret() {
        let server = S3Server::start("crm-backups", "key").unwrap();
        let error = blobs(server.endpoint(), "stranger")
            .list()
            .await
            .unwrap_err();
        assert!(
            format!("{error:#}").contains("the store refuses; hint: "),
            "{error:#}"
        );
        let endpoint = server.endpoint();
        drop(server);
        let error = blobs(endpoint, "key")
            .put("a", Vec::new())
            .await
            .unwrap_err();
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
        assert!(Blobs::folder("/nowhere/at/all".as_ref()).is_err());
    }
}
