//! The other end of the probes: one request to this machine's own worker, for `healthcheck`.
//!
//! A container's health check runs every few seconds, so it is one socket and one line of HTTP
//! instead of a client library.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the answer may take: less than the usual timeout of a container's check.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes read of an answer.
const LONGEST: u64 = 16 * 1024;

/// A probe's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, cut.
    pub(crate) body: String,
}

/// Asks the worker that listens on `bind` for `path`.
pub(crate) async fn ask(bind: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    let address = reachable(bind);
    let asked = tokio::time::timeout(PATIENCE, exchange(address, path)).await;
    asked
        .unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"))
        .with_context(|| format!("ask http://{address}{path}"))
}

async fn exchange(address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(LONGEST).read_to_end(&mut bytes).await?;
    parse(&String::from_utf8_lossy(&bytes)).context("the answer is not HTTP")
}

fn parse(text: &str) -> Option<Answer> {
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = text
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.trim().to_owned());
    Some(Answer {
        status,
        body: body.unwrap_or_default(),
    })
}

/// Whoever listens everywhere is asked on loopback.
fn reachable(mut bind: SocketAddr) -> SocketAddr {
    match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => bind.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => bind.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_found_and_anything_else_is_refused() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{}\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{}"));
        assert!(parse("SSH-2.0-x\r\n").is_none());
    }

    #[test]
    fn a_worker_that_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(
            reachable("0.0.0.0:9180".parse().unwrap()).to_string(),
            "127.0.0.1:9180"
        );
        assert_eq!(
            reachable("[::]:9180".parse().unwrap()).to_string(),
            "[::1]:9180"
        );
        assert_eq!(
            reachable("10.0.0.7:1".parse().unwrap()).to_string(),
            "10.0.0.7:1"
        );
    }
}
