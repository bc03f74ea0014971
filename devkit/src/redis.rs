//! A private Redis (or Valkey) server.
//!
//! It listens on a loopback port and on a socket in its own folder, never evicts, and writes an
//! append-only file only when asked to. For fault tests it can be killed and started again on the
//! same port with the same data. Readiness is checked over a plain TCP stream: the worker's Redis
//! client lives in one crate only, and that is not this one. Servers that speak TLS, stand behind
//! sentinels or form a cluster are in the folder beside.

mod cluster;
mod sentinel;
mod tls;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

pub use self::cluster::RedisCluster;
pub use self::sentinel::RedisSentinels;
pub use self::tls::{Certificates, TlsRedis};
use crate::binaries;
use crate::error::{Doing, ServerError};
use crate::supervised::{Program, Supervised};
use crate::{folder, port};

/// How long a start may take; loading a big append-only file is the slow case.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one readiness question may take.
const ANSWER: Duration = Duration::from_secs(1);
/// Pause between two questions.
const POLL: Duration = Duration::from_millis(10);
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
        Self::start_with(persistence, |_| String::new())
    }

    /// The same with more lines in its configuration, given its port.
    fn start_with(
        persistence: Persistence,
        more: impl Fn(u16) -> String,
    ) -> Result<Self, ServerError> {
        let guards_debug = binaries::redis()?.major >= GUARDS_DEBUG;
        Self::begin(None, &|folder, port| {
            let mut text = configuration(folder, port, persistence);
            if guards_debug {
                text.push_str("enable-debug-command local\n");
            }
            text + &more(port)
        })
    }

    /// Starts the program, in another mode if one is named, with the configuration that is made
    /// for its folder and port.
    fn begin(
        mode: Option<&str>,
        configuration: &dyn Fn(&Path, u16) -> String,
    ) -> Result<Self, ServerError> {
        let folder = folder::create("redis")?;
        let file = folder.path().join("redis.conf");
        let mut command = vec![binaries::redis()?.path.into(), file.clone().into()];
        command.extend(mode.map(Into::into));
        let program = Program {
            name: "redis",
            command,
            account: None,
            // Its data is about to vanish; a polite end would take up to 100 ms.
            final_signal: "KILL",
        };
        let process = Supervised::watch(folder, &program)?;
        let mut server = Self { process, port: 0 };
        let mut attempt = 1;
        loop {
            server.port = port::free().doing("find a free port for redis")?;
            let text = configuration(server.folder(), server.port);
            fs::write(&file, text).doing(format!("write {}", file.display()))?;
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

    /// Sends one command and returns the answer as it comes over the wire.
    pub fn tell(&self, command: &str) -> Result<String, ServerError> {
        let told = || -> std::io::Result<String> {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(format!("{command}\r\n").as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        told().doing(format!("tell redis on port {} {command:?}", self.port))
    }

    /// Asks the same again until the answer holds `wanted`.
    fn tell_until(&self, command: &str, wanted: &str) -> Result<(), ServerError> {
        let start = Instant::now();
        loop {
            let answer = self.tell(command)?;
            if answer.contains(wanted) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let reason = format!("{command:?} never answered {wanted:?} but {answer:?}");
                return Err(self.process.did_not_start(&reason));
            }
            thread::sleep(POLL);
        }
    }
}

/// The whole configuration; nothing is inherited from the machine's own.
fn configuration(folder: &Path, port: u16, persistence: Persistence) -> String {
    let folder = folder.display();
    let append = if persistence == Persistence::Aof {
        "yes"
    } else {
        "no"
    };
    format!(
        "bind 127.0.0.1\n\
         port {port}\n\
         unixsocket \"{folder}/redis.sock\"\n\
         dir \"{folder}\"\n\
         logfile \"{folder}/server.log\"\n\
         daemonize no\n\
         save \"\"\n\
         appendonly {append}\n\
         appendfsync everysec\n\
         maxmemory-policy noeviction\n"
    )
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
