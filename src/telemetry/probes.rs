//! The port of `/healthz`, `/readyz` and `/metrics`.
//!
//! Three pages without parameters, bodies or logins, one request a connection. Everything is
//! bounded: 64 connections, 5 s for the head of a request, 10 s for all of it. A scraper that
//! is too slow or too many waits in the system's queue and costs nothing here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::readiness::{self, Part};
use super::scrape::Scrape;

/// Connections at once.
const CONNECTIONS: usize = 64;
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a connection may live.
const WHOLE: Duration = Duration::from_secs(10);
/// Bytes of a request's head; the smallest that hyper allows.
const HEAD_BYTES: usize = 8192;
/// A pause after a failed accept: out of file descriptors does not pass by asking again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What the pages show.
pub(crate) struct Pages {
    /// The parts of `/readyz`.
    pub(crate) parts: Vec<Part>,
    /// The page of `/metrics`.
    pub(crate) scrape: Scrape,
}

/// An open port that nobody is served on yet.
pub(crate) struct Probes {
    listener: TcpListener,
}

impl Probes {
    /// Opens the port.
    pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let bound = TcpListener::bind(address).await;
        let listener =
            bound.with_context(|| format!("listen on {address}; hint: see http.bind"))?;
        Ok(Self { listener })
    }

    /// Serves for ever; dropping the future ends the connections too.
    pub(crate) async fn serve(self, pages: Pages) {
        if let Ok(address) = self.listener.local_addr() {
            tracing::info!(%address, "probes and metrics are served");
        }
        let pages = Arc::new(pages);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let pages = Arc::clone(&pages);
                    connections.spawn(async move {
                        serve_one(stream, pages).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn serve_one(stream: TcpStream, pages: Arc<Pages>) {
    let service = service_fn(move |request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(answer(&request, &pages).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(WHOLE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "probe connection ended"),
        Err(_) => tracing::debug!("probe connection took too long"),
    }
}

async fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "use GET\n");
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/healthz" => page(StatusCode::OK, "text/plain", "ok\n"),
        "/readyz" => {
            let readiness = readiness::ask(&pages.parts).await;
            let status = if readiness.ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            page(
                status,
                "application/json",
                serde_json::to_string(&readiness).unwrap_or_default(),
            )
        }
        "/metrics" => page(
            StatusCode::OK,
            "text/plain; version=0.0.4",
            pages.scrape.page().await,
        ),
        _ => page(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /healthz, /readyz and /metrics\n",
        ),
    }
}

fn page(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
