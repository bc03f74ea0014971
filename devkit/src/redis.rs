//! A private Redis (or Valkey) server.
//!
//! It listens on a loopback port and on a socket in its own folder, never evicts, and writes an
//! append-only file only when asked to. For fault tests it can be killed and started again on the
//! same port with the same data. Readiness is checked over a plain TCP stream: the worker's Redis
//! client lives in one crate only, and that is not this one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::binaries::{self, RedisBinary};
use crate::error::{Doing, ServerError};
use crate::supervised::{Program, Supervised};
use crate::{folder, port};

/// How long a start may take; loading a big append-only file is the slow case.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one readiness question may take.
const ANSWER: Duration = Duration::from_secs(1);
/// Starts on different ports before giving up: another process may bind the port first.
const ATTEMPTS: u32 = 5;
/// First major version that refuses `DEBUG` unless told otherwise.
const GUARDS_DEBUG: u32 = 7;

/// What survives a kill of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing: memory only.
    None,
    /// Everything answered: an append-only file, flushed each second as in production.
    Aof,
}

/// A running server; dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct RedisServer {
    process: Supervised,
    port: u16,
}

impl RedisServer {
    /// Starts a server and returns when it answers. Blocks for some 20 ms.
    pub fn start(persistence: Persistence) -> Result<Self, ServerError> {
        let binary = binaries::redis()?;
        let folder = folder::create("redis")?;
        let program = Program {
            name: "redis",
            command: vec![
                binary.path.clone().into(),
                folder.path().join("redis.conf").into(),
            ],
            account: None,
            // Its data is about to vanish; a polite end would take up to 100 ms.
            final_signal: "KILL",
        };
        let process = Supervised::watch(folder, &program)?;
        let mut server = Self { process, port: 0 };
        let mut attempt = 1;
        loop {
            server.port = port::free().doing("find a free port for redis")?;
            server.write_configuration(&binary, persistence)?;
            match server.launch() {
                Err(ServerError::DidNotStart { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    server.process.end("KILL")?;
                }
                outcome => return outcome.map(|()| server),
            }
        }
    }

    /// The address for clients, database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The address for clients that use the socket, database 0.
    pub fn socket_url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The socket's path.
    pub fn socket(&self) -> PathBuf {
        self.folder().join("redis.sock")
    }

    /// The loopback port; stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process number, `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// The folder with its data and log; vanishes with the server.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// Kills the process without warning; the data folder and the port stay for [`Self::restart`].
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.process.end("KILL")
    }

    /// Lets the process finish its writes and end; the folder stays.
    pub fn stop_gracefully(&mut self) -> Result<(), ServerError> {
        self.process.end("TERM")
    }

    /// Starts the process again, after killing it if it runs: same port, same folder.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        if self.pid().is_some() {
            self.kill()?;
        }
        self.launch()
    }

    /// Starts the process and waits until it, and no other, answers on the port.
    fn launch(&mut self) -> Result<(), ServerError> {
        self.process.start()?;
        let Some(pid) = self.process.pid() else {
            return Err(self.process.did_not_start("no process number"));
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.process
            .wait_until(PATIENCE, || answers(address, pid).unwrap_or(false))
    }

    /// Writes the whole configuration; nothing is inherited from the machine's own.
    fn write_configuration(
        &self,
        binary: &RedisBinary,
        persistence: Persistence,
    ) -> Result<(), ServerError> {
        let folder = self.folder().display();
        let append = if persistence == Persistence::Aof {
            "yes"
        } else {
            "no"
        };
        let mut text = format!(
            "bind 127.0.0.1\n\
             port {}\n\
             unixsocket \"{folder}/redis.sock\"\n\
             dir \"{folder}\"\n\
             logfile \"{folder}/server.log\"\n\
             daemonize no\n\
             save \"\"\n\
             appendonly {append}\n\
             appendfsync everysec\n\
             maxmemory-policy noeviction\n",
            self.port
        );
        if binary.major >= GUARDS_DEBUG {
            text.push_str("enable-debug-command local\n");
        }
        let path = self.folder().join("redis.conf");
        fs::write(&path, text).doing(format!("write {}", path.display()))
    }
}

/// Whether the process `pid` answers PING at `address`; a stranger on the port does not count.
fn answers(address: SocketAddr, pid: u32) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(b"PING\r\nINFO server\r\nQUIT\r\n")?;
    let mut lines = BufReader::new(stream).lines();
    if lines.next().transpose()?.as_deref() != Some("+PONG") {
        return Ok(false);
    }
    let identity = format!("process_id:{pid}");
    for line in lines {
        if line? == identity {
            return Ok(true);
        }
    }
    Ok(false)
}
