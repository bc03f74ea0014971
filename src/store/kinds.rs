//! What jobs there are, where SQL can see it: `worker.kinds`, written after the migrations.

use anyhow::Context;

use super::pool::{self, Options, Pool};

/// Writes the kinds of this release, by name and queue, and marks those it does not know as retired.
pub(crate) async fn declare(options: &Options, kinds: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut connection = pool::single(options).await?;
    let (names, queues): (Vec<&str>, Vec<&str>) = kinds.iter().copied().unzip();
    // One statement: nobody sees half of it. What is right already is left alone.
    sqlx::query(
        "WITH known AS (SELECT * FROM unnest($1::text[], $2::text[]) AS known (name, queue)), \
         written AS ( \
             INSERT INTO worker.kinds (name, queue) SELECT name, queue FROM known \
             ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, retired_at = NULL \
                 WHERE kinds.queue <> excluded.queue OR kinds.retired_at IS NOT NULL) \
         UPDATE worker.kinds SET retired_at = now() \
         WHERE retired_at IS NULL AND name <> ALL ($1)",
    )
    .bind(&names)
    .bind(&queues)
    .execute(&mut connection)
    .await
    .context("write the kinds")?;
    Ok(())
}

/// The names that SQL may enqueue.
pub(crate) async fn declared(pool: &Pool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT name FROM worker.kinds WHERE retired_at IS NULL ORDER BY name")
        .fetch_all(pool)
        .await
}
