//! Child processes that can be ended from outside, and that never outlive who started them.
//!
//! Whatever runs here blocks its thread. Another one holds a clone of the [`Leash`] and cuts it: the
//! child is killed, its pipes close, and the blocked side comes back with an error.
//!
//! Of what a child says on standard error the last lines are kept. Lines that may quote rows
//! (`CONTEXT`, `DETAIL`, values after a colon) are left out: errors are read by operators.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a child may take to end after it closed its output.
const GOODBYE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);
/// Lines of standard error that are kept, and bytes of each.
const LINES: usize = 5;
const LINE: usize = 300;

/// Ends what is running.
#[derive(Debug, Clone, Default)]
pub struct Leash(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    child: Option<Child>,
    cut: bool,
}

impl Leash {
    /// Kills the child that runs, and every later one at its start.
    pub fn cut(&self) {
        let mut held = self.held();
        held.cut = true;
        if let Some(child) = &mut held.child {
            kill(child);
        }
    }

    /// An error once it was cut.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.held().cut {
            bail!("stopped before the end");
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child with pipes on all three sides.
    pub(crate) fn start(&self, command: &mut Command) -> anyhow::Result<Running> {
        self.check()?;
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Of its own, so that whatever it starts ends with it and lets go of the pipes.
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!(
                    "start {program}; hint: install the client programs of PostgreSQL, or set backups.pg_bin_dir"
                )
            })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child
            .stderr
            .take()
            .map(|pipe| thread::spawn(|| last_lines(pipe)));
        self.held().child = Some(child);
        let running = Running {
            leash: self.clone(),
            program,
            stdin,
            stdout,
            stderr,
        };
        // Cut between the check and now: dropping it kills the child.
        self.check()?;
        Ok(running)
    }
}

/// A child; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    leash: Leash,
    program: String,
    /// To be dropped when nothing more is said.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Waits for the end; an error unless the child ended well.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.stdin = None;
        self.stdout = None;
        let started = Instant::now();
        let status = loop {
            let mut held = self.leash.held();
            let Some(child) = &mut held.child else {
                bail!("{} is gone", self.program);
            };
            if started.elapsed() > GOODBYE {
                kill(child);
            }
            if let Some(status) = child.try_wait().context("wait for the end")? {
                held.child = None;
                break status;
            }
            drop(held);
            thread::sleep(PAUSE);
        };
        let said = self.stderr.take().map(JoinHandle::join);
        let said = said.and_then(Result::ok).unwrap_or_default();
        self.leash.check()?;
        if !status.success() {
            let said = if said.is_empty() {
                "it said nothing"
            } else {
                &said
            };
            bail!("{} failed ({status}): {said}", self.program);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.leash.held().child.take() {
            kill(&child);
            drop(child.wait());
        }
    }
}

/// Kills a child and its children; it may have ended by itself.
fn kill(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

fn last_lines(pipe: impl Read) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut reader = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        // A line without an end must not fill the memory; its rest counts as another line.
        let read = reader.by_ref().take(64 * 1024).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return kept.join("; ");
        }
        if let Some(line) = harmless(&String::from_utf8_lossy(&line)) {
            if kept.len() == LINES {
                kept.remove(0);
            }
            kept.push(line);
        }
    }
}

/// A line that quotes no row, cut to its length.
fn harmless(line: &str) -> Option<String> {
    let line = line.trim_end();
    let ours = ["pg_dump: ", "pg_restore: ", "pg_dump (", "pg_restore ("];
    let fatal = ["error: ", "detail: ", "hint: "];
    let starts = ours.iter().any(|start| line.starts_with(start));
    if !starts || line.contains("CONTEXT: ") || line.contains("Command was: ") {
        return None;
    }
    let line = match line.find("ERROR:  ") {
        // What the server says may end with a value.
        Some(at) if line[at..].contains("invalid input") => &line[..at],
        _ => line,
    };
    let known = fatal.iter().any(|word| line.contains(word));
    known.then(|| line.chars().take(LINE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_that_fails_says_why_and_quotes_no_row() {
        let script = "echo 'pg_dump: error: it is so' >&2; echo 'CONTEXT: COPY people: Marie' >&2; \
                      echo 'pg_dump: error: COPY failed: ERROR:  invalid input syntax: \"Marie\"' >&2; exit 3";
        let running = Leash::default().start(&mut shell(script)).unwrap();
        let error = running.finish().unwrap_err().to_string();
        assert!(
            error.contains("status: 3") && error.contains("it is so"),
            "{error}"
        );
        assert!(!error.contains("Marie"), "{error}");
    }

    #[test]
    fn a_cut_leash_ends_what_runs_and_what_would() {
        let leash = Leash::default();
        let running = leash.start(&mut shell("sleep 600")).unwrap();
        leash.cut();
        assert!(running.finish().is_err());
        assert!(leash.start(&mut shell("true")).is_err());
    }

    #[test]
    fn much_talk_is_no_trouble() {
        let script = "yes 'pg_dump: error: no' | head -n 100000 >&2";
        Leash::default()
            .start(&mut shell(script))
            .unwrap()
            .finish()
            .unwrap();
    }
}
