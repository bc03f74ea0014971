//! Where the server programs are, and which version they say they are.
//!
//! Redis is taken from `REDIS_SERVER`, else from `PATH`, where Valkey counts as Redis. PostgreSQL
//! is taken from `PATH`, else from the newest of the version folders that Debian installs beside
//! each other. Nothing is downloaded: a missing program is an error that says what to install.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Doing, ServerError};

/// Where Debian and its kin keep the programs of each PostgreSQL version.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The Redis (or Valkey) server program.
#[derive(Debug, Clone)]
pub(crate) struct RedisBinary {
    /// The program.
    pub(crate) path: PathBuf,
    /// The major version; decides which directives the configuration may hold.
    pub(crate) major: u32,
}

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone)]
pub(crate) struct PostgresBinaries {
    /// Creates a cluster.
    pub(crate) initdb: PathBuf,
    /// The server.
    pub(crate) postgres: PathBuf,
    /// The server's whole version line; part of the key of the cached template.
    pub(crate) version: String,
}

/// Finds the Redis server.
pub(crate) fn redis() -> Result<RedisBinary, ServerError> {
    let path = match env::var_os("REDIS_SERVER") {
        Some(chosen) if !chosen.is_empty() => PathBuf::from(chosen),
        _ => on_path("redis-server")
            .or_else(|| on_path("valkey-server"))
            .ok_or(ServerError::NotInstalled {
                program: "redis-server or valkey-server".into(),
                hint: "apt-get install redis-server, or set REDIS_SERVER to the program",
            })?,
    };
    let major = leading_number(version_of(&path)?.split("v=").nth(1).unwrap_or_default());
    Ok(RedisBinary { path, major })
}

/// Finds PostgreSQL.
pub(crate) fn postgres() -> Result<PostgresBinaries, ServerError> {
    let (initdb, postgres) = postgres_pair().ok_or(ServerError::NotInstalled {
        program: "initdb and postgres".into(),
        hint: "apt-get install postgresql",
    })?;
    let version = version_of(&postgres)?;
    Ok(PostgresBinaries {
        initdb,
        postgres,
        version,
    })
}

/// Both programs from the same place, `PATH` first.
fn postgres_pair() -> Option<(PathBuf, PathBuf)> {
    if let (Some(initdb), Some(postgres)) = (on_path("initdb"), on_path("postgres")) {
        return Some((initdb, postgres));
    }
    let newest = std::fs::read_dir(POSTGRES_VERSIONS)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max_by_key(|bin| version_folder(bin))?;
    Some((newest.join("initdb"), newest.join("postgres")))
}

/// The number in `…/15/bin`.
fn version_folder(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).unwrap_or_default();
    leading_number(&name.to_string_lossy())
}

/// The first file of that name on `PATH`.
fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// What the program answers to `--version`.
fn version_of(program: &Path) -> Result<String, ServerError> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .doing(format!("run {} --version", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The digits at the start of `text`, 0 when there are none.
fn leading_number(text: &str) -> u32 {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_the_front() {
        assert_eq!(leading_number("7.0.15 sha=0"), 7);
        assert_eq!(leading_number("16"), 16);
        assert_eq!(leading_number("beta"), 0);
    }

    #[test]
    fn the_newest_version_folder_wins_by_number_not_by_letters() {
        let older = Path::new("/usr/lib/postgresql/9.6/bin");
        let newer = Path::new("/usr/lib/postgresql/15/bin");
        assert!(version_folder(newer) > version_folder(older));
    }
}
