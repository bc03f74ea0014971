//! A measured process: a producer or a worker, driven over its standard streams.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::subject::Subject;
use crate::worker::Pickup;

/// A child that is connected and waits for its start.
pub(crate) struct Measured {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Measured {
    /// Starts a child and waits until it is connected.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start a measured process")?;
        let output = child.stdout.take().context("no output of the child")?;
        let mut measured = Self {
            child,
            output: BufReader::new(output),
        };
        if measured.read_line()?.trim() != "ready" {
            bail!("the measured process did not start; hint: run bench child {arguments:?}");
        }
        Ok(measured)
    }

    /// A worker of the engine that runs already.
    pub(crate) fn worker(url: &str, slots: usize) -> Result<Self> {
        let mut worker = Self::start(&["work", Subject::Ours.name(), url, &slots.to_string()])?;
        worker.go()?;
        Ok(worker)
    }

    pub(crate) fn go(&mut self) -> Result<()> {
        let input = self.child.stdin.as_mut().context("no input of the child")?;
        writeln!(input, "go")?;
        input.flush().context("start the child")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for a child that ends by itself.
    pub(crate) fn wait(mut self) -> Result<()> {
        if self.child.wait()?.success() {
            return Ok(());
        }
        bail!("a measured process failed")
    }

    /// Ends a worker of ours and reads what it has to say.
    pub(crate) fn finish(mut self) -> Result<Pickup> {
        drop(self.child.stdin.take());
        let line = self.read_line()?;
        self.child.wait()?;
        serde_json::from_str(&line).context("read what the worker measured")
    }

    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }
}

/// Puts no-ops in, so many a call; how long it took.
pub(crate) fn fill(subject: Subject, url: &str, jobs: usize, chunk: usize) -> Result<Duration> {
    let (jobs, chunk) = (jobs.to_string(), chunk.to_string());
    let mut producer = Measured::start(&["enqueue", subject.name(), url, &jobs, &chunk])?;
    let start = Instant::now();
    producer.go()?;
    producer.wait()?;
    Ok(start.elapsed())
}
