//! The loop that serves: connections within bounds, and an end that comes.
//!
//! At most so many connections are open; whoever comes then waits in the system's queue. A head has
//! ten seconds to arrive, which is also how long an idle connection is kept. When the process
//! drains, nobody new is let in, requests that are being answered may finish, and what is still
//! open when the time for that is over is closed: an open stream does not hold the process up.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::metrics;

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// A pause after a failed accept: out of file descriptors does not pass by asking again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Bounds of the loop.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Connections at once.
    pub connections: usize,
    /// How long requests may go on once the process drains.
    pub grace: Duration,
}

/// An open port that nobody is served on yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    options: ServerOptions,
    accepting: Arc<AtomicBool>,
}

/// Tells whether the port takes connections.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<AtomicBool>);

impl Pulse {
    /// Whether the latest attempt to take a connection worked.
    pub fn is_accepting(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Opens the port.
    pub async fn bind(address: SocketAddr, options: ServerOptions) -> std::io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            options,
            accepting: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The address it is open on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Tells later whether the port takes connections.
    pub fn pulse(&self) -> Pulse {
        Pulse(Arc::clone(&self.accepting))
    }

    /// Serves until `drain`, and then until everything was answered or the grace is over. Dropping
    /// the future closes all connections.
    pub async fn serve(self, router: Router, drain: CancellationToken) {
        let room = Arc::new(Semaphore::new(self.options.connections));
        let mut connections = JoinSet::new();
        let taken = self.take(&router, &drain, &room, &mut connections);
        let _never = drain.run_until_cancelled(taken).await;
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.grace, ended)
            .await
            .is_err()
        {
            tracing::info!("requests that took too long were cut off");
        }
        metrics::connections(0);
    }

    async fn take(
        &self,
        router: &Router,
        drain: &CancellationToken,
        room: &Arc<Semaphore>,
        connections: &mut JoinSet<()>,
    ) {
        loop {
            let Ok(place) = Arc::clone(room).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.accepting.store(true, Ordering::Relaxed);
                    let (router, drain) = (router.clone(), drain.clone());
                    connections.spawn(async move {
                        serve_one(stream, peer, router, drain).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    self.accepting.store(false, Ordering::Relaxed);
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
            while connections.try_join_next().is_some() {}
            metrics::connections(connections.len());
        }
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, router: Router, drain: CancellationToken) {
    // Answers are small and wait for nobody.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let router = router.clone();
        async move {
            request.extensions_mut().insert(Peer(peer));
            let answer: Result<_, Infallible> = router.oneshot(request).await;
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
