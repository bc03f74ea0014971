//! A server process that cannot outlive us, nor leave its folder behind.
//!
//! `Drop` does not run when a process is killed, and asking the kernel for a death signal needs
//! unsafe code. So the server is the child of a small shell script, `watchdog.sh`, whose standard
//! input is a pipe that only we hold: however we end, the pipe closes, and the script ends the
//! server and removes the folder. The script runs in a process group of its own, so that a ctrl-C
//! in the terminal reaches us but not the script before it has cleaned up.
//!
//! This module knows no particular server: no ports, no readiness, no protocol.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::{Doing, ServerError};
use crate::folder::Account;

/// The watchdog itself, handed to `sh -c`.
const SCRIPT: &str = include_str!("watchdog.sh");
/// Longer than the script's own two bounds (5 s for each signal) and its removal attempts.
const FAREWELL: Duration = Duration::from_secs(15);
/// Pause between two looks at the state of a process.
const POLL: Duration = Duration::from_millis(4);
/// How much of a server's log an error message carries.
const LOG_LINES: usize = 15;

/// What to run and how to end it.
#[derive(Debug)]
pub(crate) struct Program {
    /// The server's name in messages.
    pub(crate) name: &'static str,
    /// The program and its arguments; the same for each start.
    pub(crate) command: Vec<OsString>,
    /// The account to run as, if not our own.
    pub(crate) account: Option<Account>,
    /// The signal that ends the server when its data no longer matters.
    pub(crate) final_signal: &'static str,
}

/// A server, its watchdog and its folder.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: &'static str,
    folder: PathBuf,
    watchdog: Child,
    /// `None` only while dropping: closing it is the order to clean up.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pid: Option<u32>,
}

impl Supervised {
    /// Starts the watchdog, which from now on owns `folder`; the server itself is not started.
    pub(crate) fn watch(folder: TempDir, program: &Program) -> Result<Self, ServerError> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "watchdog"])
            .arg(folder.path())
            .arg(program.final_signal)
            .args(&program.command)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(account) = program.account {
            shell.uid(account.uid).gid(account.gid);
        }
        let mut watchdog = shell
            .spawn()
            .doing(format!("start the watchdog of {}", program.name))?;
        let lost = ServerError::WatchdogLost {
            server: program.name,
        };
        let (Some(orders), Some(answers)) = (watchdog.stdin.take(), watchdog.stdout.take()) else {
            return Err(lost);
        };
        Ok(Self {
            name: program.name,
            folder: folder.keep(),
            watchdog,
            orders: Some(orders),
            answers: BufReader::new(answers),
            pid: None,
        })
    }

    /// Starts the server; it may end again at once, which [`Self::is_alive`] tells.
    pub(crate) fn start(&mut self) -> Result<(), ServerError> {
        let answer = self.ask("start")?;
        self.pid = answer.parse().ok();
        Ok(())
    }

    /// Whether the server process exists.
    pub(crate) fn is_alive(&mut self) -> Result<bool, ServerError> {
        Ok(self.ask("alive")? == "yes")
    }

    /// Sends `signal` and waits until the server is gone; after five seconds it is killed.
    pub(crate) fn end(&mut self, signal: &str) -> Result<(), ServerError> {
        self.pid = None;
        self.ask(&format!("end {signal}")).map(drop)
    }

    /// The server's process number, unless it was ended by us.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The folder that vanishes with us.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until `ready` holds, and fails as soon as the process is gone instead.
    pub(crate) fn wait_until(
        &mut self,
        bound: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), ServerError> {
        let start = Instant::now();
        let mut looks = 0_u32;
        while !ready() {
            looks += 1;
            // Asking costs a fork, hence not at each look.
            if looks.is_multiple_of(10) && !self.is_alive()? {
                return Err(self.did_not_start("the process ended"));
            }
            if start.elapsed() > bound {
                return Err(self.did_not_start(&format!("waited {bound:?}")));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// The error for a server that did not come up, with the end of its log.
    pub(crate) fn did_not_start(&self, reason: &str) -> ServerError {
        let text = fs::read(self.folder.join("server.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        ServerError::DidNotStart {
            server: self.name,
            reason: reason.to_owned(),
            log,
        }
    }

    /// Sends one order and reads its one line of answer.
    fn ask(&mut self, order: &str) -> Result<String, ServerError> {
        let lost = || ServerError::WatchdogLost { server: self.name };
        let orders = self.orders.as_mut().ok_or_else(lost)?;
        writeln!(orders, "{order}").map_err(|_| lost())?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer) {
            Ok(length) if length > 0 => Ok(answer.trim_end().to_owned()),
            _ => Err(lost()),
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.orders.take());
        let start = Instant::now();
        while start.elapsed() < FAREWELL && matches!(self.watchdog.try_wait(), Ok(None)) {
            thread::sleep(POLL);
        }
        // Normally gone by now; this covers a parent folder that the watchdog may not write to.
        drop(fs::remove_dir_all(&self.folder));
    }
}
