//! Reads everything an export shows from one snapshot of the database.
//!
//! Permissions, the count and the rows are read in one REPEATABLE READ, READ ONLY transaction:
//! what is changed meanwhile does not appear, and the count is the number of rows. Rows are
//! streamed; PostgreSQL sends them as fast as they are taken, so memory stays constant.
//!
//! The connection is closed afterwards. A connection whose query was abandoned half-way would
//! have to read the remaining rows before its next use.

use std::future::Future;

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt};
use rouage::{JobContext, JobError};
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::task;

use crate::exports::artifact::Written;
use crate::exports::format::Format;
use crate::exports::pdf_file::Summary;
use crate::exports::permissions::Scope;
use crate::exports::request::Request;
use crate::exports::writing::{self, Plan};
use crate::exports::{pdf_file, permissions, query, statistics, xlsx_file};
use crate::services::ExportSettings;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
/// Rows handed over at once: few enough to stop soon, enough to make handing over cheap.
const BATCH_ROWS: usize = 500;
/// Batches waiting for the writing thread; one is being written, one is being filled.
const WAITING_BATCHES: usize = 2;

/// Writes the rows of `request` to a part file; `inside` is the file's name in an archive.
pub(super) async fn write(
    database: &PgPool,
    settings: &ExportSettings,
    request: &Request,
    inside: &str,
    now: DateTime<Utc>,
    cx: &JobContext,
) -> Result<Written, JobError> {
    let mut connection = until_cancelled(cx, database.acquire()).await?;
    connection.close_on_drop();
    let mut snapshot = until_cancelled(cx, connection.begin_with(BEGIN)).await?;
    let scope = permissions::scope_of(&mut snapshot, request, settings.require_permission).await?;
    let mut count = query::count(request, scope);
    let count = count.build_query_scalar::<i64>().fetch_one(&mut *snapshot);
    let total = u64::try_from(until_cancelled(cx, count).await?)?;
    check_rows(total, request, settings.max_rows)?;
    let statistics = if request.format == Format::Xlsx && request.charts {
        until_cancelled(cx, statistics::counts(&mut snapshot, request, scope)).await?
    } else {
        Vec::new()
    };
    let summary = if request.format == Format::Pdf {
        until_cancelled(cx, summary(&mut snapshot, request, scope, now)).await?
    } else {
        Summary::default()
    };
    let plan = Plan {
        dir: settings.dir.clone(),
        dataset: request.dataset,
        format: request.format,
        inside: request.zip.then(|| inside.to_owned()),
        columns: request.columns.clone(),
        language: request.language,
        statistics,
        summary,
        total,
        max_bytes: settings.max_bytes,
    };
    let mut rows = query::rows(request, scope);
    stream(&mut snapshot, rows.build(), plan, cx).await
}

/// PostgreSQL knows what the reader's clock shows.
const LOCAL: &str = "SELECT to_char(local, 'DD/MM/YYYY'), to_char(local, 'HH24:MI') \
     FROM (SELECT $1 AT TIME ZONE $2 AS local) AS at";

async fn summary(
    snapshot: &mut PgConnection,
    request: &Request,
    scope: Scope,
    now: DateTime<Utc>,
) -> sqlx::Result<Summary> {
    let generated = sqlx::query_as(LOCAL)
        .bind(now)
        .bind(&request.time_zone)
        .fetch_one(&mut *snapshot)
        .await?;
    let active = statistics::active(snapshot, request, scope).await?;
    Ok(Summary { generated, active })
}

type RowsQuery<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Moves rows from the query to the writing thread, and waits for the thread in any case.
async fn stream(
    snapshot: &mut PgConnection,
    rows: RowsQuery<'_>,
    plan: Plan,
    cx: &JobContext,
) -> Result<Written, JobError> {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let writing = task::spawn_blocking({
        let cx = cx.clone();
        move || writing::write(&plan, &cx, receiver)
    });
    let pumped = pump(snapshot, rows, &sender, cx).await;
    // The end of the channel is the end of the file, also when the rows broke off: what the
    // thread then returns is dropped here, and the part file with it.
    drop(sender);
    let written = writing.await.context("write the export")?;
    pumped.and(written)
}

async fn pump(
    snapshot: &mut PgConnection,
    rows: RowsQuery<'_>,
    sender: &mpsc::Sender<Vec<PgRow>>,
    cx: &JobContext,
) -> Result<(), JobError> {
    let mut batches = rows.fetch(snapshot).try_chunks(BATCH_ROWS);
    loop {
        let next = async { batches.next().await.transpose().map_err(|broken| broken.1) };
        let Some(batch) = until_cancelled(cx, next).await? else {
            return Ok(());
        };
        if sender.send(batch).await.is_err() {
            // The thread gave up; its result says why.
            return Ok(());
        }
    }
}

/// The result of `step`, or a cancellation while it lasts: a query may take long to begin.
async fn until_cancelled<T>(
    cx: &JobContext,
    step: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, JobError> {
    tokio::select! {
        biased;
        () = cx.token().cancelled() => Err(JobError::Cancelled),
        result = step => Ok(result?),
    }
}

fn check_rows(total: u64, request: &Request, max_rows: u64) -> Result<(), JobError> {
    if total > max_rows {
        return Err(JobError::discard(format!(
            "{total} rows exceed {max_rows}, the limit of one export; hint: narrow it by filters or ids"
        )));
    }
    let fits = match request.format {
        Format::Xlsx => xlsx_file::MOST_ROWS,
        Format::Pdf => pdf_file::MOST_ROWS,
        Format::Csv | Format::Json => return Ok(()),
    };
    if total > fits {
        return Err(JobError::discard(format!(
            "{total} rows exceed {fits}, the most of a {} file; hint: choose csv, or narrow it by filters or ids",
            request.format.name()
        )));
    }
    Ok(())
}
