//! Who did what in the panel: `worker.panel_deeds`.

use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage_panel::auth::StoreFailure;
use rouage_panel::{AuditLog, Deed, DeedSearch, NotedDeed};

use super::pool::Pool;

/// Rows that leave in one statement.
const FORGOTTEN_AT_ONCE: i64 = 5000;
/// Longest texts that are kept, in characters, as the table has them.
const TARGET: usize = 500;
const DETAIL: usize = 2000;

/// The deeds of one installation.
#[derive(Clone)]
pub(crate) struct Deeds {
    pool: Pool,
    installation: String,
}

impl std::fmt::Debug for Deeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deeds(worker.panel_deeds)")
    }
}

/// Number, when in ms, who, what, target, detail, from.
type Row = (i64, i64, String, String, String, String, String);

impl Deeds {
    /// Those of the installation with that prefix.
    pub(crate) fn new(pool: Pool, installation: &str) -> Self {
        Self {
            pool,
            installation: installation.to_owned(),
        }
    }

    /// Removes what was done longer ago than that, a bounded number of rows; how many.
    pub(crate) async fn forget(&self, older_than: Duration) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM worker.panel_deeds WHERE deed_id IN ( \
                 SELECT deed_id FROM worker.panel_deeds \
                 WHERE done_at < now() - $1 * interval '1 second' AND installation = $2 \
                 ORDER BY done_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        )
        .bind(older_than.as_secs_f64())
        .bind(&self.installation)
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    async fn write(&self, deed: &Deed) -> anyhow::Result<()> {
        let cut = |text: &str, most| {
            text.chars()
                .take(most)
                .collect::<String>()
                .replace('\0', "")
        };
        sqlx::query(
            "INSERT INTO worker.panel_deeds (installation, who, what, target, detail, from_address) \
             VALUES ($1, $2, $3, $4, $5, $6::inet)",
        )
        .bind(&self.installation)
        .bind(&deed.who)
        .bind(deed.what)
        .bind(cut(&deed.target, TARGET))
        .bind(cut(&deed.detail, DETAIL))
        .bind(deed.from.map(|from| from.to_string()))
        .execute(&self.pool)
        .await
        .context("note what was done in the panel")
        .map(drop)
    }

    async fn read(&self, search: &DeedSearch) -> anyhow::Result<Vec<NotedDeed>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT deed_id, (extract(epoch FROM done_at) * 1000)::bigint, who, what, target, detail, \
                 coalesce(host(from_address), '') \
             FROM worker.panel_deeds \
             WHERE installation = $1 AND ($2 = '' OR who = $2) AND starts_with(what, $3) \
                 AND position($4 IN target) > 0 AND ($5::bigint IS NULL OR deed_id < $5) \
             ORDER BY deed_id DESC LIMIT $6",
        )
        .bind(&self.installation)
        .bind(&search.who)
        .bind(&search.what)
        .bind(&search.target)
        .bind(search.before)
        .bind(i64::from(search.limit))
        .fetch_all(&self.pool)
        .await
        .context("read what was done in the panel")?;
        let noted = |(id, at, who, what, target, detail, from): Row| NotedDeed {
            id,
            at: at.unsigned_abs(),
            who,
            what,
            target,
            detail,
            from,
        };
        Ok(rows.into_iter().map(noted).collect())
    }
}

impl AuditLog for Deeds {
    fn note<'a>(&'a self, deed: &'a Deed) -> BoxFuture<'a, Result<(), StoreFailure>> {
        async move { Ok(self.write(deed).await?) }.boxed()
    }

    fn find<'a>(
        &'a self,
        search: &'a DeedSearch,
    ) -> BoxFuture<'a, Result<Vec<NotedDeed>, StoreFailure>> {
        async move { Ok(self.read(search).await?) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_database;
    use super::*;

    fn deed(who: &str, what: &'static str, target: &str) -> Deed {
        Deed {
            who: who.to_owned(),
            what,
            target: target.to_owned(),
            detail: String::new(),
            from: "192.0.2.7".parse().ok(),
        }
    }

    #[tokio::test]
    async fn deeds_are_found_by_who_what_and_target_newest_first() {
        let pool = test_database::pool().await;
        let (ours, theirs) = (Deeds::new(pool.clone(), "ours"), Deeds::new(pool, "theirs"));
        for deed in [
            deed("ana", "queue.pause", "exports"),
            deed("ana", "job.retry", "exports/01J"),
            deed("vera", "job.retry", "mail/01J"),
        ] {
            ours.note(&deed).await.unwrap();
        }
        let find = async |who: &str, what: &str, target: &str| {
            let search = DeedSearch {
                who: who.to_owned(),
                what: what.to_owned(),
                target: target.to_owned(),
                before: None,
                limit: 10,
            };
            let found = ours.find(&search).await.unwrap();
            found
                .into_iter()
                .map(|deed| deed.target)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            find("", "", "").await,
            ["mail/01J", "exports/01J", "exports"]
        );
        assert_eq!(find("ana", "job.", "").await, ["exports/01J"]);
        assert_eq!(find("", "", "exports").await.len(), 2);
        let all = DeedSearch {
            limit: 1,
            ..DeedSearch::default()
        };
        let newest = ours.find(&all).await.unwrap().remove(0);
        assert_eq!(
            (newest.who.as_str(), newest.from.as_str()),
            ("vera", "192.0.2.7")
        );
        assert!(theirs.find(&all).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn old_deeds_are_forgotten_and_long_texts_are_cut() {
        let pool = test_database::pool().await;
        let deeds = Deeds::new(pool.clone(), "ours");
        deeds
            .note(&deed("ana", "job.retry", &"x".repeat(9000)))
            .await
            .unwrap();
        assert_eq!(deeds.forget(Duration::from_secs(60)).await.unwrap(), 0);
        let aged =
            sqlx::query("UPDATE worker.panel_deeds SET done_at = done_at - interval '1 hour'");
        aged.execute(&pool).await.unwrap();
        assert_eq!(deeds.forget(Duration::from_secs(60)).await.unwrap(), 1);
    }
}
