//! The outbox: what a transaction asked for runs once, and nothing else runs.

mod kills;
mod outages;
mod people;
mod producers;

use rouage::Client;
use sqlx::PgPool;

use crate::world::{Worker, World, eventually, redis_command};

/// Where the jobs of these tests wait.
const QUEUE: &str = "debug";

/// A process that only relays.
fn relay(world: &World) -> Worker {
    Worker::start(world.command().args(["run", "--roles", "outbox"]))
}

/// Writes rows in one statement; their jobs are called `row-NUMBER`.
async fn write(database: &PgPool, numbers: std::ops::Range<i64>) {
    sqlx::query(
        "INSERT INTO worker.outbox (job_id, kind, payload) \
         SELECT 'row-' || n, 'debug.echo', jsonb_build_object('value', n) \
         FROM generate_series($1, $2) AS n ORDER BY n",
    )
    .bind(numbers.start)
    .bind(numbers.end - 1)
    .execute(database)
    .await
    .unwrap();
}

/// Waits until no row is left.
async fn relayed(database: &PgPool) {
    eventually("all rows are relayed", || async {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM worker.outbox")
            .fetch_one(database)
            .await
            .unwrap();
        (rows == 0).then_some(())
    })
    .await;
}

/// Jobs that were ever stored.
async fn stored(client: &Client) -> u64 {
    client.queue_view(QUEUE).await.unwrap().enqueued_total
}

/// The names of rows whose jobs wait, in the order in which they will run.
fn waiting(world: &World) -> Vec<String> {
    let answer = redis_command(world.redis.port(), "ZRANGE crm:{debug}:ready 0 -1");
    let names = answer.lines().filter(|line| line.starts_with("row-"));
    names.map(str::to_owned).collect()
}

fn names(numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| format!("row-{number}")).collect()
}
