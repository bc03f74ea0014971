//! One request and its answer, byte by byte: what no client library would send can be sent too.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that is being put together.
pub(crate) struct Ask<'a> {
    port: u16,
    first: String,
    headers: Vec<(String, Vec<u8>)>,
    body: &'a [u8],
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(port: u16, method: &str, path: &str) -> Self {
        Self {
            port,
            first: format!("{method} {path} HTTP/1.1\r\n"),
            headers: vec![
                ("Host".to_owned(), b"test".to_vec()),
                ("Connection".to_owned(), b"close".to_vec()),
            ],
            body: b"",
        }
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn json(self, body: &'a str) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.as_bytes())
    }

    pub(crate) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        let length = body.len().to_string();
        self.header("Content-Length", length)
    }

    /// A body whose length is told in another way.
    pub(crate) fn raw(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Sends it all and reads all of the answer.
    pub(crate) fn send(self) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = self.first.into_bytes();
        for (name, value) in self.headers {
            request.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request.extend(self.body);
        // Who is refused early closes before everything was sent.
        drop(stream.write_all(&request));
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => Answer::parse(&String::from_utf8_lossy(&bytes)),
        }
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.get(9..12));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.unwrap_or("0").parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
