//! Where a database is, as `PostgreSQL`'s client programs want to be told: in the environment.
//!
//! The command line of a process can be read by everybody on its host, so the password is not there.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use url::Url;

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One database of one server.
#[derive(Clone)]
pub struct Server {
    options: PgConnectOptions,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the password.
        f.debug_struct("Server")
            .field("database", &self.database())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The database of these options.
    pub fn new(options: PgConnectOptions) -> Self {
        Self { options }
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        let options = &self.options;
        options.get_database().unwrap_or(options.get_username())
    }

    /// Another database of the server.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self::new(self.options.clone().database(name))
    }

    /// Opens one connection.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        let connecting = tokio::time::timeout(PATIENCE, self.options.connect()).await;
        let connected = connecting.map_err(|_| anyhow!("no answer within {PATIENCE:?}"));
        connected
            .and_then(|connected| Ok(connected?))
            .with_context(|| format!("connect to database {}", self.database()))
    }

    /// Sets a client program up for this database.
    pub(crate) fn configure(&self, command: &mut Command) {
        // The URL is for what has no getter. It cannot be made of a socket's folder as a host, which
        // PGHOST may be, nor of every name; those are taken from the options themselves.
        let plain = self.options.clone().host("localhost").username("user");
        let url = plain.database("database").to_url_lossy();
        let host = self.options.get_socket().map_or_else(
            || self.options.get_host().to_owned(),
            |socket| socket.to_string_lossy().into_owned(),
        );
        command
            .env("PGHOST", host)
            .env("PGPORT", self.options.get_port().to_string())
            .env("PGUSER", self.options.get_username())
            .env("PGDATABASE", self.database())
            .env("PGAPPNAME", "crm-worker backup")
            .env("PGCONNECT_TIMEOUT", PATIENCE.as_secs().to_string())
            .env("LC_ALL", "C");
        if let Some(password) = password(&url) {
            command.env("PGPASSWORD", password);
        }
        for (option, variable) in [
            ("sslmode", "PGSSLMODE"),
            ("sslrootcert", "PGSSLROOTCERT"),
            ("sslcert", "PGSSLCERT"),
            ("sslkey", "PGSSLKEY"),
        ] {
            if let Some((_, value)) = url.query_pairs().find(|(name, _)| name == option) {
                command.env(variable, value.as_ref());
            }
        }
    }

    /// The database as the value of `--dbname`, quoted: a bare name may be read as options.
    pub(crate) fn dbname(&self) -> String {
        let name = self.database().replace('\\', "\\\\").replace('\'', "\\'");
        format!("dbname='{name}'")
    }
}

fn password(url: &Url) -> Option<String> {
    let encoded = url.password()?;
    // The parser of forms decodes percent signs; no '+' is left unencoded by who made the URL.
    let pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs.map(|(text, _)| text.into_owned()).next()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn a_folder_with_a_socket_is_a_host_too() {
        let options = PgConnectOptions::new_without_pgpass()
            .host("/run/postgresql")
            .username("a@b");
        let mut command = Command::new("pg_dump");
        Server::new(options).configure(&mut command);
        let host = command.get_envs().find(|(key, _)| *key == "PGHOST");
        assert_eq!(host.unwrap().1.unwrap(), "/run/postgresql");
    }

    #[test]
    fn the_password_is_in_the_environment_and_nowhere_else() {
        let url = "postgresql://crm:p%40s%2B%26s%3Dw%25rd@db:5433/crm%27s?sslmode=require";
        let server = Server::new(PgConnectOptions::from_str(url).unwrap());
        let mut command = Command::new("pg_dump");
        server.configure(&mut command);
        let set = |name: &str| {
            let found = command.get_envs().find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value?.to_str().map(str::to_owned))
        };
        assert_eq!(set("PGPASSWORD").as_deref(), Some("p@s+&s=w%rd"));
        assert_eq!(set("PGPORT").as_deref(), Some("5433"));
        assert_eq!(set("PGSSLMODE").as_deref(), Some("require"));
        assert_eq!(command.get_args().count(), 0);
        assert_eq!(server.dbname(), r"dbname='crm\'s'");
        assert!(!format!("{server:?}").contains("p@s"));
    }
}
