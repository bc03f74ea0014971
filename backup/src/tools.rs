//! `pg_dump` and `pg_restore`: where they are, and which version.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::leash::Leash;
use crate::server::Server;

/// The client programs of `PostgreSQL`.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    folder: Option<PathBuf>,
}

impl Tools {
    /// Those of a folder, or of `PATH`.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    pub(crate) fn pg_dump(&self, server: &Server) -> Command {
        let mut command = self.program("pg_dump");
        server.configure(&mut command);
        command
    }

    pub(crate) fn pg_restore(&self) -> Command {
        let mut command = self.program("pg_restore");
        command.env("LC_ALL", "C");
        command
    }

    /// The version of `pg_dump`, such as 15.18.
    pub fn dump_version(&self) -> anyhow::Result<String> {
        version(self.program("pg_dump"))
    }

    /// The version of `pg_restore`.
    pub fn restore_version(&self) -> anyhow::Result<String> {
        version(self.program("pg_restore"))
    }

    /// Refuses a client that is older than the server: it cannot dump it.
    pub fn check(&self, server_major: u32) -> anyhow::Result<String> {
        let found = self.dump_version()?;
        let major = major(&found);
        if major < server_major {
            bail!(
                "pg_dump is {found}, the server is {server_major}; hint: install the client programs of \
                 PostgreSQL {server_major} or newer, or set backups.pg_bin_dir"
            );
        }
        Ok(found)
    }

    fn program(&self, name: &str) -> Command {
        match &self.folder {
            Some(folder) => Command::new(folder.join(name)),
            None => Command::new(name),
        }
    }
}

fn version(mut program: Command) -> anyhow::Result<String> {
    let leash = Leash::default();
    let mut running = leash.start(program.arg("--version"))?;
    let mut said = String::new();
    if let Some(stdout) = running.stdout.take() {
        use std::io::Read;
        stdout
            .take(1000)
            .read_to_string(&mut said)
            .context("read the version")?;
    }
    running.finish()?;
    let number = said
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number
        .map(str::to_owned)
        .context("find a number in the version")
}

/// The part that decides what a dump can hold.
pub(crate) fn major(version: &str) -> u32 {
    let digits = version.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_too_old_is_refused_with_both_numbers() {
        let tools = Tools::default();
        tools.check(12).unwrap();
        let error = tools.check(99).unwrap_err().to_string();
        assert!(error.contains("the server is 99; hint: install"), "{error}");
        let nowhere = Tools::new(Some("/nowhere".into()));
        let error = format!("{:#}", nowhere.check(12).unwrap_err());
        assert!(error.contains("start /nowhere/pg_dump; hint: "), "{error}");
    }
}
