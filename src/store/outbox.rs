//! The outbox: `worker.outbox`, rows that other programs' transactions wrote for us.
//!
//! A turn is one transaction: it takes an advisory lock, so that one relay at a time sees the first
//! rows and their order is kept, and deletes what Redis has. The lock goes with the transaction,
//! however that ends, so the next relay has its turn at once. It needs no session, so a pooler
//! between us and the server does no harm; news do need one, and where there is none the relay
//! looks every second.
//!
//! Rows that were deleted stay in the table until it is vacuumed, which a long transaction of
//! somebody else prevents. So a turn looks behind the rows of a few seconds ago only ([`sweep`]).

mod parked;
mod sweep;

use std::time::{Duration, Instant};

use anyhow::Context;
use rouage::ingress::{Entry, Parked, Source, Taken};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Postgres, Transaction};

use self::sweep::Sweep;
use super::pool::{Options, Pool};

pub(crate) use self::parked::{Glance, ParkedRows};

/// The advisory lock of whoever has a turn: "outbox" in ASCII.
const TURN: i64 = 0x6f75_7462_6f78;
/// Where inserts are told.
const CHANNEL: &str = "worker_outbox";
/// How long one step of a turn may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server waits for our next statement before it takes the turn back.
const FORSAKEN_MS: &str = "30000";
/// Bytes of payloads in one turn, unless the first one has more.
const MOST_BYTES: i64 = 16 * 1024 * 1024;
/// One for turns, one for news.
const CONNECTIONS: u32 = 2;

/// The relay's side of the outbox.
pub(crate) struct Outbox {
    pool: Pool,
    /// Rows that are lent out.
    turn: Option<Transaction<'static, Postgres>>,
    listener: Option<PgListener>,
    sweep: Sweep,
}

/// A row as it is read.
#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    job_id: String,
    kind: String,
    payload: String,
    run_at: Option<i64>,
    expires_at: Option<i64>,
    priority: Option<i16>,
    max_attempts: Option<i32>,
    unique_key: Option<String>,
    tags: Vec<String>,
}

impl Outbox {
    /// Connections of its own, opened when they are needed.
    pub(crate) fn new(options: &Options) -> Self {
        let options = options.clone().options([
            ("idle_in_transaction_session_timeout", FORSAKEN_MS),
            ("statement_timeout", "10000"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE / 2)
            .connect_lazy_with(options);
        Self {
            pool,
            turn: None,
            listener: None,
            sweep: Sweep::default(),
        }
    }

    async fn begin(&mut self, most: usize) -> anyhow::Result<Taken<i64>> {
        self.turn = None;
        let mut turn = self.pool.begin().await.context("begin a turn")?;
        let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(TURN)
            .fetch_one(&mut *turn)
            .await
            .context("ask for the turn")?;
        if !ours {
            return Ok(Taken::Busy);
        }
        let behind = self.sweep.behind(Instant::now());
        // A statement of its own, after the lock: it sees what the turn before has deleted.
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, job_id, kind, payload::text AS payload, \
                 (extract(epoch FROM run_at) * 1000)::bigint AS run_at, \
                 (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at, \
                 priority, max_attempts, unique_key, tags \
             FROM (SELECT *, sum(bytes) OVER (ORDER BY id) - bytes AS before \
                   FROM (SELECT * FROM worker.outbox WHERE parked_at IS NULL AND id > $1 \
                         ORDER BY id LIMIT $2) AS first) AS summed \
             WHERE before < $3 ORDER BY id",
        )
        .bind(behind)
        .bind(i64::try_from(most)?)
        .bind(MOST_BYTES)
        .fetch_all(&mut *turn)
        .await
        .context("read rows")?;
        if let Some(first) = rows.first() {
            self.sweep.found(first.id);
            self.turn = Some(turn);
        }
        Ok(Taken::Entries(rows.into_iter().map(entry).collect()))
    }

    async fn end(&mut self, relayed: &[i64], parked: &[Parked<i64>]) -> anyhow::Result<()> {
        let mut turn = self.turn.take().context("the turn is over")?;
        if !parked.is_empty() {
            let (ids, reasons): (Vec<i64>, Vec<&str>) = parked
                .iter()
                .map(|row| (row.ticket, row.reason.as_str()))
                .unzip();
            sqlx::query(
                "UPDATE worker.outbox SET parked_at = now(), reason = why.reason \
                 FROM unnest($1::bigint[], $2::text[]) AS why (id, reason) WHERE outbox.id = why.id",
            )
            .bind(ids)
            .bind(reasons)
            .execute(&mut *turn)
            .await
            .context("park rows")?;
        }
        sqlx::query("DELETE FROM worker.outbox WHERE id = ANY($1)")
            .bind(relayed)
            .execute(&mut *turn)
            .await
            .context("remove relayed rows")?;
        turn.commit().await.context("end a turn")?;
        let rows = relayed.iter().chain(parked.iter().map(|row| &row.ticket));
        self.sweep.left(rows.max().copied().unwrap_or(0));
        Ok(())
    }

    /// Waits for an insert. Who cannot listen waits for ever: there is the poll.
    async fn listen(&mut self) {
        if self.listener.is_none() {
            let listening = async {
                let mut listener = PgListener::connect_with(&self.pool).await?;
                listener.listen(CHANNEL).await?;
                Ok::<_, sqlx::Error>(listener)
            };
            self.listener = tokio::time::timeout(PATIENCE, listening)
                .await
                .ok()
                .and_then(Result::ok);
            if self.listener.is_some() {
                // What came in before we listened.
                return;
            }
        }
        if let Some(listener) = &mut self.listener {
            // None: the connection was lost, and with it perhaps news.
            match listener.try_recv().await {
                Ok(_) => return,
                Err(_) => self.listener = None,
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Source for Outbox {
    type Ticket = i64;

    fn name(&self) -> &'static str {
        "outbox"
    }

    async fn take(&mut self, most: usize) -> anyhow::Result<Taken<i64>> {
        in_time(self.begin(most)).await
    }

    async fn settle(&mut self, relayed: &[i64], parked: &[Parked<i64>]) -> anyhow::Result<()> {
        in_time(self.end(relayed, parked)).await
    }

    async fn give_back(&mut self) {
        // The connection rolls back when it is used or pinged next.
        if let Some(turn) = self.turn.take() {
            drop(tokio::time::timeout(PATIENCE, turn.rollback()).await);
        }
    }

    async fn news(&mut self) {
        self.listen().await;
    }
}

fn entry(row: Row) -> Entry<i64> {
    let instant = |ms: Option<i64>| ms.map(|ms| u64::try_from(ms).unwrap_or(0));
    Entry {
        ticket: row.id,
        id: row.job_id,
        kind: row.kind,
        payload: row.payload,
        run_at: instant(row.run_at),
        expires_at: instant(row.expires_at),
        priority: row
            .priority
            .map(|priority| u8::try_from(priority).unwrap_or(u8::MAX)),
        max_attempts: row
            .max_attempts
            .map(|most| u32::try_from(most).unwrap_or(1)),
        unique: row.unique_key,
        tags: row.tags,
    }
}

async fn in_time<T>(answer: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => anyhow::bail!("the database did not answer within {PATIENCE:?}"),
    }
}

#[cfg(test)]
mod tests;
