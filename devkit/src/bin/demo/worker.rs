//! The real binary: its commands, and the worker as a process.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{LOOK_EVERY, Outcome};

/// How long the worker may take to get ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who may open the panel of the demo, which is on loopback and soon gone.
pub(crate) const NAME: &str = "demo";
pub(crate) const PASSWORD: &str = "demo-demo";

/// How the binary finds its servers.
pub(crate) struct Settings {
    binary: PathBuf,
    variables: Vec<(&'static str, String)>,
    /// Where the worker answers.
    pub(crate) bind: String,
    /// Where its API is.
    pub(crate) api: String,
}

impl Settings {
    pub(crate) fn new(redis: &str, database: &str, broker: &str, exports: &Path) -> Outcome<Self> {
        let binary = std::env::current_exe()?.with_file_name("crm-worker");
        if !binary.exists() {
            return Err(format!("{} is not built; hint: cargo build", binary.display()).into());
        }
        let (bind, api) = (free()?, free()?);
        let backups = exports.join("backups");
        std::fs::create_dir_all(&backups)?;
        let users = format!("{NAME}:admin:{}", hash(&binary)?);
        let variables = vec![
            ("CRM_WORKER__PANEL__USERS", users),
            ("REDIS_URL", redis.to_owned()),
            ("DATABASE_URL", database.to_owned()),
            ("CRM_WORKER__EXPORTS__DIR", exports.display().to_string()),
            ("CRM_WORKER__BACKUPS__DIR", backups.display().to_string()),
            ("CRM_WORKER__HTTP__BIND", bind.clone()),
            ("CRM_WORKER__PANEL__BIND", api.clone()),
            ("CRM_WORKER__CELERY__BROKER_URL", broker.to_owned()),
            ("CRM_WORKER__ENVIRONMENT__NAME", "development".to_owned()),
            ("CRM_WORKER__DEBUG_JOBS__ENABLED", "true".to_owned()),
            ("CRM_WORKER__LOG__LEVEL", "off".to_owned()),
        ];
        Ok(Self {
            binary,
            variables,
            bind,
            api,
        })
    }

    fn base(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; its output, or what it complained about.
    pub(crate) fn command(&self, arguments: &[&str]) -> Outcome<String> {
        let done = self.base(arguments).output()?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned());
        }
        let complaint = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(format!("crm-worker {}: {complaint}", arguments.join(" ")).into())
    }

    /// The variables as a shell takes them.
    pub(crate) fn exports(&self) -> String {
        let lines = self
            .variables
            .iter()
            .map(|(name, value)| format!("    export {name}='{value}'"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The hash of the demo's password, as the binary makes it.
fn hash(binary: &Path) -> Outcome<String> {
    let mut child = Command::new(binary)
        .args(["panel", "hash-password"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut password) = child.stdin.take() {
        password.write_all(PASSWORD.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

/// An address that nobody uses now.
fn free() -> Outcome<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// A running worker; ends with the demo, whatever happens.
pub(crate) struct Worker(Child);

impl Worker {
    /// Starts it and waits until it says that it is ready.
    pub(crate) async fn start(settings: &Settings) -> Outcome<Self> {
        let mut worker = Self(settings.base(&["run"]).spawn()?);
        let since = Instant::now();
        while !is_ready(&settings.bind).await {
            if let Some(status) = worker.0.try_wait()? {
                return Err(format!("the worker ended: {status}").into());
            }
            if since.elapsed() > PATIENCE {
                return Err("the worker did not get ready".into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(worker)
    }

    /// Asks it to drain and waits for its end.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status()?;
        let since = Instant::now();
        while self.0.try_wait()?.is_none() {
            if since.elapsed() > PATIENCE {
                return Err("the worker did not end".into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) && self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

async fn is_ready(bind: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(bind).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    matches!(
        tokio::time::timeout(Duration::from_secs(2), ask).await,
        Ok(Ok(true))
    )
}
