//! A running worker: its log as it comes, its port, its signals, its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::waiting::LIMIT;

/// The lines so far, and whether no more will come.
type Log = (Vec<Value>, bool);

/// A worker process; killed when dropped.
pub(crate) struct Worker {
    child: Child,
    log: Arc<(Mutex<Log>, Condvar)>,
    port: u16,
}

impl Worker {
    /// Starts it and waits until its port is open.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut worker = Self::spawn(command);
        let line = worker.logged("probes and metrics are served");
        worker.port = line["address"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        worker
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new((Mutex::new((Vec::new(), false)), Condvar::new()));
        let (stderr, shared) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || collect(stderr, &shared));
        Self {
            child,
            log,
            port: 0,
        }
    }

    /// The port of its probes.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a log line that contains `part` in its message.
    pub(crate) fn logged(&self, part: &str) -> Value {
        let (lock, news) = &*self.log;
        let start = Instant::now();
        let mut log = lock.lock().unwrap();
        loop {
            let wanted = |line: &&Value| {
                line["message"]
                    .as_str()
                    .is_some_and(|message| message.contains(part))
            };
            if let Some(line) = log.0.iter().find(wanted) {
                return line.clone();
            }
            assert!(
                !log.1 && start.elapsed() < LIMIT,
                "no line with {part:?} in {:#?}",
                log.0
            );
            log = news.wait_timeout(log, LIMIT).unwrap().0;
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.try_signal(name));
    }

    /// The same to one that may be gone; whether it was there.
    pub(crate) fn try_signal(&self, name: &str) -> bool {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        sent.unwrap().success()
    }

    /// Waits for the end; the exit code and the whole log.
    pub(crate) fn ended(mut self) -> (i32, Vec<Value>) {
        let (lock, news) = &*self.log;
        let start = Instant::now();
        let mut log = lock.lock().unwrap();
        // Its end closes standard error.
        while !log.1 {
            assert!(
                start.elapsed() < LIMIT,
                "the worker did not end: {:#?}",
                log.0
            );
            log = news.wait_timeout(log, LIMIT).unwrap().0;
        }
        let lines = log.0.clone();
        drop(log);
        (self.child.wait().unwrap().code().unwrap_or(-1), lines)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(stderr: ChildStderr, log: &(Mutex<Log>, Condvar)) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        // What is no JSON (an error of the command line) is kept as a text.
        let line =
            serde_json::from_str(&line).unwrap_or_else(|_| serde_json::json!({ "message": line }));
        log.0.lock().unwrap().0.push(line);
        log.1.notify_all();
    }
    log.0.lock().unwrap().1 = true;
    log.1.notify_all();
}
