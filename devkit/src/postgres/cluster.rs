//! One PostgreSQL cluster in a folder of its own: created or copied, configured, started.
//!
//! Everything here blocks; the async callers run it on a blocking thread. The folder is watched
//! before it is filled, so a kill in the middle of a copy leaves nothing behind. Settings live in
//! `postgres.conf` beside the data, which stays exactly as the template has it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::binaries::PostgresBinaries;
use crate::error::{Doing, ServerError};
use crate::folder::{self, Account};
use crate::port;
use crate::supervised::{Program, Supervised};

/// How long a start may take, including the recovery after a kill.
const PATIENCE: Duration = Duration::from_secs(30);
/// Starts on different ports before giving up: another process may bind the port first.
const ATTEMPTS: u32 = 5;
/// The line of `postmaster.pid` that says what the server is doing.
const STATUS_LINE: usize = 7;

/// A cluster and the process that serves it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) process: Supervised,
    port: u16,
}

impl Cluster {
    /// Creates an empty cluster and starts it.
    pub(super) fn create(binaries: &PostgresBinaries) -> Result<Self, ServerError> {
        Self::start(binaries, |data, account| {
            let mut initdb = Command::new(&binaries.initdb);
            initdb
                .arg("-D")
                .arg(data)
                .args([
                    "-U",
                    super::ROLE,
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                ])
                // Small segments keep the copies small.
                .args(["--wal-segsize=1", "--no-sync", "--no-instructions"]);
            if let Some(account) = account {
                initdb.uid(account.uid).gid(account.gid);
            }
            run(initdb.current_dir("/"))
        })
    }

    /// Copies the cluster at `template` and starts the copy.
    pub(super) fn copy_of(
        binaries: &PostgresBinaries,
        template: &Path,
    ) -> Result<Self, ServerError> {
        Self::start(binaries, |data, _| copy(template, data))
    }

    /// Prepares a watched folder, lets `fill` make the data in it, starts the server.
    fn start(
        binaries: &PostgresBinaries,
        fill: impl FnOnce(&Path, Option<Account>) -> Result<(), ServerError>,
    ) -> Result<Self, ServerError> {
        let folder = folder::create("postgres")?;
        let account = folder::disown(folder.path())?;
        let data = folder.path().join("data");
        let mut configuration = OsString::from("config_file=");
        configuration.push(folder.path().join("postgres.conf"));
        let program = Program {
            name: "postgres",
            command: vec![
                binaries.postgres.clone().into(),
                "-D".into(),
                data.clone().into(),
                "-c".into(),
                configuration,
            ],
            account,
            final_signal: "QUIT",
        };
        let process = Supervised::watch(folder, &program)?;
        fill(&data, account)?;
        let mut cluster = Self { process, port: 0 };
        cluster.find_a_port_and_launch()?;
        Ok(cluster)
    }

    /// The address of one database.
    pub(super) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{}@127.0.0.1:{}/{database}",
            super::ROLE,
            self.port
        )
    }

    /// The port in use.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Where the cluster's files are.
    pub(super) fn data(&self) -> PathBuf {
        self.process.folder().join("data")
    }

    /// Starts the process on the port chosen before and waits until it serves.
    pub(super) fn launch(&mut self) -> Result<(), ServerError> {
        self.process.start()?;
        let Some(pid) = self.process.pid() else {
            return Err(self.process.did_not_start("no process number"));
        };
        let status = self.data().join("postmaster.pid");
        self.process.wait_until(PATIENCE, || is_ready(&status, pid))
    }

    /// Launches on a free port, trying others when one turns out to be taken.
    fn find_a_port_and_launch(&mut self) -> Result<(), ServerError> {
        let mut attempt = 1;
        loop {
            self.port = port::free().doing("find a free port for postgres")?;
            self.write_configuration()?;
            match self.launch() {
                Err(ServerError::DidNotStart { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    self.process.end("QUIT")?;
                }
                other => return other,
            }
        }
    }

    /// Writes the settings: speed over durability, and no file outside the folder.
    ///
    /// Commits stay synchronous: with `fsync` off that costs next to nothing, and what was answered
    /// then survives [`super::PostgresServer::kill`].
    fn write_configuration(&self) -> Result<(), ServerError> {
        let folder = self.process.folder();
        let text = format!(
            "listen_addresses = '127.0.0.1'\n\
             port = {}\n\
             unix_socket_directories = '{}'\n\
             max_connections = 200\n\
             fsync = off\n\
             full_page_writes = off\n\
             dynamic_shared_memory_type = mmap\n\
             max_wal_size = 256MB\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n",
            self.port,
            folder.display()
        );
        let path = folder.join("postgres.conf");
        fs::write(&path, text).doing(format!("write {}", path.display()))
    }
}

/// Copies a cluster with owners and times; blocks are shared where the file system can.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), ServerError> {
    run(Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(from)
        .arg(to))
}

/// Whether the server wrote into its status file that it, and not a predecessor, is ready.
fn is_ready(status: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(status) else {
        return false;
    };
    let mut lines = text.lines();
    let same = lines
        .next()
        .is_some_and(|line| line.trim() == pid.to_string());
    same && lines
        .nth(STATUS_LINE - 1)
        .is_some_and(|line| line.trim() == "ready")
}

/// Runs a set-up command to its end.
fn run(command: &mut Command) -> Result<(), ServerError> {
    let shown = format!("{command:?}");
    let output = command.output().doing(format!("run {shown}"))?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ServerError::CommandFailed {
        command: shown,
        output,
    })
}
