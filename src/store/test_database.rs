//! A migrated database for one test of the statements here.

use devkit::{PostgresServer, Template};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::migrate;
use super::pool::{self, Limits, Pool};

/// One server for all tests of the process; its watchdog ends it.
static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();

/// A pool on a database of its own.
pub(super) async fn pool() -> Pool {
    let server = SERVER
        .get_or_init(|| async { PostgresServer::start().await.unwrap() })
        .await;
    let url = server.database(Template::Empty).await.unwrap();
    let options = pool::options(&SecretString::from(url)).unwrap();
    migrate::run(&options).await.unwrap();
    let limits = Limits {
        max_connections: 4,
        acquire_timeout: std::time::Duration::from_secs(10),
        statement_timeout: std::time::Duration::from_secs(30),
    };
    pool::connect(&options, &limits).await.unwrap()
}
