//! Large payloads: `worker.payloads`, one row each.
//!
//! Bytes, not text: what comes back must be what was stored, whatever the database's encoding. Rows
//! of another installation (another `redis.prefix`) are never looked at: its Redis knows whether
//! they are used, ours does not.

use std::time::Duration;

use anyhow::Context;
use rouage::payloads::{LargePayload, PayloadStore, StoreFailure, StoredPayload};

use super::pool::Pool;

/// How long one question may take; five megabytes over a slow line take a while.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, StoreFailure>> + Send + 'a>>;

/// The store in the worker's schema.
#[derive(Clone)]
pub(crate) struct Payloads {
    pool: Pool,
    installation: String,
}

impl std::fmt::Debug for Payloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payloads(worker.payloads)")
    }
}

impl Payloads {
    /// A store over a pool, for the jobs under a prefix of Redis.
    pub(crate) fn new(pool: Pool, installation: impl Into<String>) -> Self {
        Self {
            pool,
            installation: installation.into(),
        }
    }

    async fn insert(&self, payloads: &[LargePayload]) -> anyhow::Result<()> {
        let column = |of: fn(&LargePayload) -> &str| payloads.iter().map(of).collect::<Vec<_>>();
        let bytes: Vec<&[u8]> = payloads
            .iter()
            .map(|payload| payload.json.get().as_bytes())
            .collect();
        sqlx::query(
            "INSERT INTO worker.payloads (installation, payload_id, queue, job_id, json) \
             SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[])",
        )
        .bind(&self.installation)
        .bind(column(|payload| &payload.id))
        .bind(column(|payload| &payload.queue))
        .bind(column(|payload| payload.job.as_str()))
        .bind(bytes)
        .execute(&self.pool)
        .await
        .context("store payloads")?;
        Ok(())
    }

    async fn read(&self, id: &str) -> anyhow::Result<Option<Vec<u8>>> {
        sqlx::query_scalar("SELECT json FROM worker.payloads WHERE payload_id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .context("load a payload")
    }

    async fn due(&self, most: usize) -> anyhow::Result<Vec<StoredPayload>> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT payload_id, queue, job_id FROM worker.payloads \
             WHERE installation = $1 AND looked_at < now() - interval '1 hour' \
             ORDER BY looked_at LIMIT $2",
        )
        .bind(&self.installation)
        .bind(i64::try_from(most)?)
        .fetch_all(&self.pool)
        .await
        .context("list payloads")?;
        let stored = |(id, queue, job): (String, String, String)| {
            let job = job.parse().context("read the job of a payload")?;
            Ok(StoredPayload { id, queue, job })
        };
        rows.into_iter().map(stored).collect()
    }

    async fn note(&self, unused: &[String], used: &[String]) -> anyhow::Result<u64> {
        // The removal first: it is about what earlier looks found.
        let removed = sqlx::query(
            "DELETE FROM worker.payloads \
             WHERE payload_id = ANY($1) AND unused_since < now() - interval '1 day'",
        )
        .bind(unused)
        .execute(&self.pool)
        .await
        .context("remove payloads")?;
        sqlx::query(
            "UPDATE worker.payloads SET looked_at = now(), \
                 unused_since = CASE WHEN payload_id = ANY($1) THEN coalesce(unused_since, now()) END \
             WHERE payload_id = ANY($1) OR payload_id = ANY($2)",
        )
        .bind(unused)
        .bind(used)
        .execute(&self.pool)
        .await
        .context("note which payloads are used")?;
        Ok(removed.rows_affected())
    }
}

impl PayloadStore for Payloads {
    fn store<'a>(&'a self, payloads: &'a [LargePayload]) -> Answer<'a, ()> {
        Box::pin(in_time(self.insert(payloads)))
    }

    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(in_time(self.read(id)))
    }

    fn to_look_at(&self, most: usize) -> Answer<'_, Vec<StoredPayload>> {
        Box::pin(in_time(self.due(most)))
    }

    fn looked_at<'a>(&'a self, unused: &'a [String], used: &'a [String]) -> Answer<'a, u64> {
        Box::pin(in_time(self.note(unused, used)))
    }
}

async fn in_time<T>(answer: impl Future<Output = anyhow::Result<T>>) -> Result<T, StoreFailure> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(format!("the database did not answer within {PATIENCE:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::store::test_database;

    fn payload(id: &str, json: &str) -> LargePayload {
        LargePayload {
            id: id.to_owned(),
            queue: "exports".to_owned(),
            job: "job".parse().unwrap(),
            json: RawValue::from_string(json.to_owned()).unwrap(),
        }
    }

    /// Lets hours pass, as far as the rows can tell.
    async fn pass(pool: &Pool, hours: i32) {
        sqlx::query(
            "UPDATE worker.payloads SET looked_at = looked_at - make_interval(hours => $1), \
             unused_since = unused_since - make_interval(hours => $1)",
        )
        .bind(hours)
        .execute(pool)
        .await
        .unwrap();
    }

    async fn store(ids: &[&str]) -> (Payloads, Pool) {
        let pool = test_database::pool().await;
        let store = Payloads::new(pool.clone(), "crm");
        let payloads: Vec<_> = ids.iter().map(|id| payload(id, "{}")).collect();
        store.store(&payloads).await.unwrap();
        (store, pool)
    }

    #[tokio::test]
    async fn bytes_come_back_as_they_were_stored() {
        let (store, _) = store(&[]).await;
        let json = r#"{"b":1, "text":"é\u0000\n"}"#;
        store.store(&[payload("one", json)]).await.unwrap();
        let bytes = store.load("one").await.unwrap();
        assert_eq!(bytes.as_deref(), Some(json.as_bytes()));
        assert_eq!(store.load("two").await.unwrap(), None);
        // An id is used once: nothing that a job refers to is ever replaced.
        assert!(store.store(&[payload("one", "{}")]).await.is_err());
    }

    #[tokio::test]
    async fn only_what_was_unused_for_a_day_is_removed() {
        let (store, pool) = store(&["lost", "used"]).await;
        assert_eq!(store.to_look_at(10).await.unwrap(), []);
        let (lost, used) = (["lost".to_owned()], ["used".to_owned()]);
        for (hours, removed) in [(2, 0), (23, 0), (2, 1)] {
            pass(&pool, hours).await;
            let due = store.to_look_at(10).await.unwrap().len();
            assert_eq!(due, 2, "after {hours} more hours");
            assert_eq!(store.looked_at(&lost, &used).await.unwrap(), removed);
        }
        assert_eq!(store.load("lost").await.unwrap(), None);
        assert!(store.load("used").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_is_used_again_starts_anew() {
        let (store, pool) = store(&["back"]).await;
        let back = ["back".to_owned()];
        pass(&pool, 2).await;
        store.looked_at(&back, &[]).await.unwrap();
        pass(&pool, 20).await;
        store.looked_at(&[], &back).await.unwrap();
        pass(&pool, 20).await;
        assert_eq!(store.looked_at(&back, &[]).await.unwrap(), 0);
        assert!(store.load("back").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn another_installations_payloads_are_left_alone() {
        let (_, pool) = store(&["theirs"]).await;
        pass(&pool, 2).await;
        let other = Payloads::new(pool, "other");
        assert_eq!(other.to_look_at(10).await.unwrap(), []);
    }
}
