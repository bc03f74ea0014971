//! A small S3: what a client of object stores asks for, in memory.
//!
//! Written from the documentation of the REST interface: put (also only if there is nothing), get,
//! head, list, delete, delete many, and uploads in parts. It checks who asks by the name of the key,
//! and that a body is what its hash says; signatures it does not. One bucket, paths with the bucket in
//! them. It ends with its owner.

mod http;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::{Doing, ServerError};
use http::{Answer, Request};

/// When every object was written: nobody here asks for the truth.
const WRITTEN: (&str, &str) = ("Mon, 23 Nov 2026 02:00:00 GMT", "2026-11-23T02:00:00.000Z");

/// A running store.
#[derive(Debug)]
pub struct S3Server {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    bucket: String,
    access_key: String,
    stopped: AtomicBool,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<String, Vec<u8>>,
    /// Parts by upload and number.
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    started: u64,
    requests: u64,
}

impl S3Server {
    /// Starts one with an empty bucket of that name, for whoever signs with that key.
    pub fn start(bucket: &str, access_key: &str) -> Result<Self, ServerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen for S3")?;
        let port = listener.local_addr().doing("ask for the port")?.port();
        let state = Arc::new(State {
            bucket: bucket.to_owned(),
            access_key: access_key.to_owned(),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Ok(Self { port, state })
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port, for a proxy before it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A copy of what is stored.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.content().objects.clone()
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.state.content().requests
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl State {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    while let Ok(Some(request)) = http::read(&mut stream) {
        let answer = judge(state, &request);
        if http::write(&mut stream, &request, &answer).is_err() {
            return;
        }
    }
}

fn judge(state: &State, request: &Request) -> Answer {
    state.content().requests += 1;
    let allowed = format!("Credential={}/", state.access_key);
    if !request.header("authorization").contains(&allowed) {
        return Answer::error(403, "AccessDenied");
    }
    if !request.body_is_whole() {
        return Answer::error(400, "XAmzContentSHA256Mismatch");
    }
    let path = request.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != state.bucket {
        return Answer::error(404, "NoSuchBucket");
    }
    let mut content = state.content();
    match (request.method.as_str(), key) {
        ("GET", "") => list(&content, request.query("prefix").unwrap_or_default()),
        ("POST", "") => content.delete_many(request),
        ("POST", key) if request.query("uploads").is_some() => content.begin(key),
        ("POST", key) => content.complete(key, request),
        ("PUT", key) => content.put(key, request),
        ("GET" | "HEAD", key) => content.objects.get(key).map_or_else(
            || Answer::error(404, "NoSuchKey"),
            |bytes| {
                Answer::ok(bytes.clone())
                    .with("ETag", &etag(bytes))
                    .with("Last-Modified", WRITTEN.0)
            },
        ),
        ("DELETE", key) => {
            match request.query("uploadId") {
                Some(upload) => drop(content.uploads.remove(upload)),
                None => drop(content.objects.remove(key)),
            }
            Answer::empty(204)
        }
        _ => Answer::error(405, "MethodNotAllowed"),
    }
}

impl Content {
    fn put(&mut self, key: &str, request: &Request) -> Answer {
        let body = request.body.clone();
        let tag = etag(&body);
        let part = request
            .query("partNumber")
            .and_then(|number| number.parse().ok());
        if let (Some(number), Some(upload)) = (part, request.query("uploadId")) {
            let Some(parts) = self.uploads.get_mut(upload) else {
                return Answer::error(404, "NoSuchUpload");
            };
            parts.insert(number, body);
            return Answer::empty(200).with("ETag", &tag);
        }
        if request.header("if-none-match") == "*" && self.objects.contains_key(key) {
            return Answer::error(412, "PreconditionFailed");
        }
        self.objects.insert(key.to_owned(), body);
        Answer::empty(200).with("ETag", &tag)
    }

    fn begin(&mut self, key: &str) -> Answer {
        self.started += 1;
        let upload = format!("upload{}", self.started);
        let body = format!(
            "<InitiateMultipartUploadResult><Key>{key}</Key><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        );
        self.uploads.insert(upload, BTreeMap::new());
        Answer::xml(&body)
    }

    fn complete(&mut self, key: &str, request: &Request) -> Answer {
        let upload = request.query("uploadId").unwrap_or_default();
        let Some(parts) = self.uploads.remove(upload) else {
            return Answer::error(404, "NoSuchUpload");
        };
        // All but the last part must have five megabytes, as in the real one.
        let small = parts
            .values()
            .rev()
            .skip(1)
            .any(|part| part.len() < 5 * 1024 * 1024);
        if small {
            return Answer::error(400, "EntityTooSmall");
        }
        let whole: Vec<u8> = parts.into_values().flatten().collect();
        let tag = etag(&whole);
        self.objects.insert(key.to_owned(), whole);
        Answer::xml(&format!(
            "<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
        ))
    }

    fn delete_many(&mut self, request: &Request) -> Answer {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let mut deleted = String::new();
        for rest in text.split("<Key>").skip(1) {
            let key = rest.split("</Key>").next().unwrap_or_default();
            self.objects.remove(key);
            // Writing to a String does not fail.
            let _ = write!(deleted, "<Deleted><Key>{key}</Key></Deleted>");
        }
        Answer::xml(&format!("<DeleteResult>{deleted}</DeleteResult>"))
    }
}

fn list(content: &Content, prefix: &str) -> Answer {
    let found = content
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix));
    let mut contents = String::new();
    for (key, bytes) in found {
        let (written, tag, size) = (WRITTEN.1, etag(bytes), bytes.len());
        let _ = write!(
            contents,
            "<Contents><Key>{key}</Key><LastModified>{written}</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
        );
    }
    Answer::xml(&format!(
        "<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    ))
}

/// Differs where the bytes differ, which is all that a tag promises.
fn etag(bytes: &[u8]) -> String {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("\"{:016x}\"", bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}
