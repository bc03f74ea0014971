//! The servers and the data set, tried for real.
//!
//! Everything here starts the programs that are installed; nothing is mocked. The tests that only
//! read share one PostgreSQL server, each in a database of its own.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on has failed its test"
)]

mod data;
mod lifetimes;
mod proxy;
mod redis;
mod schema;

use devkit::{PostgresServer, Template};
use sqlx::PgPool;
use tokio::sync::OnceCell;

/// Ends with the process: statics are not dropped, but its watchdog notices.
static POSTGRES: OnceCell<PostgresServer> = OnceCell::const_new();

/// The shared server.
async fn postgres() -> &'static PostgresServer {
    POSTGRES
        .get_or_init(|| async { PostgresServer::start().await.unwrap() })
        .await
}

/// A pool on a new database of the shared server.
async fn database(template: Template) -> PgPool {
    let url = postgres().await.database(template).await.unwrap();
    PgPool::connect(&url).await.unwrap()
}
