//! A server that speaks TLS, and the certificates for it.
//!
//! An authority, a certificate for `localhost` and 127.0.0.1, and one for a client are made with
//! the `openssl` program in a tenth of a second; there is no certificate code in this crate. The
//! server keeps its plain port too, which only the readiness check and `tell` use.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Persistence, RedisServer};
use crate::error::{Doing, ServerError};
use crate::{folder, port};

/// What `openssl` is told about the certificates.
const EXTENSIONS: &str = "\
[req]\n\
distinguished_name = name\n\
prompt = no\n\
[name]\n\
CN = devkit\n\
[authority]\n\
basicConstraints = critical, CA:TRUE\n\
keyUsage = critical, keyCertSign, cRLSign\n\
[leaf]\n\
basicConstraints = critical, CA:FALSE\n\
subjectAltName = DNS:localhost, IP:127.0.0.1\n\
extendedKeyUsage = serverAuth, clientAuth\n";

/// Certificates in a folder that vanishes with this value.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes an authority and what it signs.
    pub fn make() -> Result<Self, ServerError> {
        let made = Self {
            folder: folder::create("tls")?,
        };
        let file = made.path("openssl.cnf");
        fs::write(&file, EXTENSIONS).doing(format!("write {}", file.display()))?;
        made.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
             -config openssl.cnf -extensions authority -keyout ca.key -out ca.pem",
        )?;
        for who in ["server", "client"] {
            made.openssl(&format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                 -config openssl.cnf -keyout {who}.key -out {who}.csr"
            ))?;
            made.openssl(&format!(
                "x509 -req -in {who}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
                 -extfile openssl.cnf -extensions leaf -out {who}.pem"
            ))?;
        }
        Ok(made)
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// A client's certificate and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.path("client.pem"), self.path("client.key"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, line: &str) -> Result<(), ServerError> {
        let output = Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .map_err(|_| ServerError::NotInstalled {
                program: "openssl".into(),
                hint: "apt-get install openssl",
            })?;
        if output.status.success() {
            return Ok(());
        }
        Err(ServerError::CommandFailed {
            command: format!("openssl {line}"),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// A running server with a port for TLS.
#[derive(Debug)]
pub struct TlsRedis {
    server: RedisServer,
    certificates: Certificates,
    port: u16,
}

impl TlsRedis {
    /// Starts a server; with `mutual` it lets in only clients with a certificate.
    pub fn start(mutual: bool) -> Result<Self, ServerError> {
        let certificates = Certificates::make()?;
        let tls_port = Cell::new(0);
        let server = RedisServer::start_with(Persistence::None, |_| {
            // Port 0 turns TLS off, which the first client would tell.
            tls_port.set(port::free().unwrap_or(0));
            let clients = if mutual { "yes" } else { "no" };
            let [cert, key, ca] =
                ["server.pem", "server.key", "ca.pem"].map(|name| certificates.path(name));
            format!(
                "tls-port {}\ntls-auth-clients {clients}\n{}{}{}",
                tls_port.get(),
                line("tls-cert-file", &cert),
                line("tls-key-file", &key),
                line("tls-ca-cert-file", &ca),
            )
        })
        .map_err(without_tls)?;
        Ok(Self {
            server,
            certificates,
            port: tls_port.get(),
        })
    }

    /// The address for clients, which must trust [`Certificates::authority`].
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}/0", self.port)
    }

    /// Its certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The server.
    pub fn server(&self) -> &RedisServer {
        &self.server
    }
}

/// A server program may be built without TLS; its log says so.
fn without_tls(error: ServerError) -> ServerError {
    match error {
        ServerError::DidNotStart { log, .. } if log.contains("TLS support") => {
            ServerError::NotInstalled {
                program: "a redis or valkey server that speaks TLS".into(),
                hint: "set REDIS_SERVER to one that was built with BUILD_TLS=yes",
            }
        }
        error => error,
    }
}

fn line(directive: &str, file: &Path) -> String {
    format!("{directive} \"{}\"\n", file.display())
}
