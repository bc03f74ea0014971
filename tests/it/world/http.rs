//! One request, one answer; and one inline command to Redis. No client library.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks a worker's port.
pub(crate) fn get(port: u16, path: &str) -> Page {
    let answer = exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Page {
        status: head[9..12].parse().unwrap(),
        body: body.to_owned(),
    }
}

/// Sends one command to Redis and answers what it says.
pub(crate) fn redis_command(port: u16, command: &str) -> String {
    exchange(port, &format!("{command}\r\nQUIT\r\n"))
}

fn exchange(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
