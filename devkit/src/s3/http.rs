//! As much of HTTP/1.1 as the store needs: requests with a length, connections that stay open.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Longest body: a part has eight megabytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What was asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A header's value, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// A parameter's value, decoded.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the body has the hash that was signed, if one was.
    pub(super) fn body_is_whole(&self) -> bool {
        let claimed = self.header("x-amz-content-sha256");
        if claimed.len() != 64 {
            return true;
        }
        let mut found = String::new();
        for byte in Sha256::digest(&self.body) {
            let _ = write!(found, "{byte:02x}");
        }
        found == claimed
    }
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn ok(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body,
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::ok(Vec::new())
        }
    }

    pub(super) fn xml(body: &str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
        Self::ok(text.into_bytes()).with("Content-Type", "application/xml")
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
        Self {
            status,
            ..Self::xml(&body)
        }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Reads the next request; `None` when the other side has none.
pub(super) fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    stream.set_read_timeout(Some(IDLE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    });
    let mut request = Request {
        method,
        path: decode(path),
        query: query.collect(),
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    reader
        .take(u64::min(length, LONGEST))
        .read_to_end(&mut request.body)?;
    Ok(Some(request))
}

/// Answers; of `HEAD` only the head.
pub(super) fn write(stream: &mut TcpStream, request: &Request, answer: &Answer) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} -\r\nContent-Length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if request.method != "HEAD" {
        stream.write_all(&answer.body)?;
    }
    stream.flush()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let pair = (byte == b'%').then(|| [rest.next(), rest.next()]);
        let Some([Some(high), Some(low)]) = pair else {
            bytes.push(byte);
            continue;
        };
        let digits = [high, low];
        let number = std::str::from_utf8(&digits).ok();
        bytes.push(
            number
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .unwrap_or(b'?'),
        );
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
