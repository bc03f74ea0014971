//! One proxied connection: two directions, each read, kept until it is due, and written.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Behaviour, Direction};

/// Bytes of one read.
const CHUNK: usize = 16 * 1024;
/// Reads that may be under way in one direction of a connection.
const CHUNKS: usize = 16;

/// One connection's life; whatever ends it otherwise than politely is passed on as a reset.
pub(super) async fn connect(
    number: u64,
    mut client: TcpStream,
    target: SocketAddr,
    behaviour: Arc<watch::Sender<Behaviour>>,
) -> io::Result<()> {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return client.set_zero_linger();
    };
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut resets = behaviour.subscribe();
    let polite = {
        let lane = Lane {
            number,
            behaviour,
            reply_left: Mutex::new(None),
        };
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            done = async { tokio::try_join!(
                lane.pass_on(from_client, to_server, Direction::ToServer),
                lane.pass_on(from_server, to_client, Direction::ToClient),
            ) } => done.is_ok(),
            _ = resets.wait_for(|now| number < now.reset_below) => false,
        }
    };
    if !polite {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// What the two directions of a connection share.
struct Lane {
    number: u64,
    behaviour: Arc<watch::Sender<Behaviour>>,
    /// Bytes of the reply that still pass, once its request was seen.
    reply_left: Mutex<Option<usize>>,
}

impl Lane {
    /// Passes one direction on until its end; an error resets the connection.
    async fn pass_on(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        direction: Direction,
    ) -> io::Result<()> {
        let (chunks, mut waiting) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
        let read = async move {
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = from.read(&mut chunk).await?;
                chunk.truncate(read);
                let latency = self.behaviour.borrow().flows[direction as usize].latency;
                let sent = chunks.send((Instant::now() + latency, chunk)).await;
                if read == 0 || sent.is_err() {
                    return Ok::<(), io::Error>(());
                }
            }
        };
        let write = async move {
            let mut changes = self.behaviour.subscribe();
            while let Some((due, mut chunk)) = waiting.recv().await {
                tokio::time::sleep_until(due).await;
                drop(
                    changes
                        .wait_for(|now| !now.holds(direction, self.number))
                        .await,
                );
                if chunk.is_empty() {
                    break;
                }
                let whole = self.cut(direction, &mut chunk);
                to.write_all(&chunk).await?;
                if !whole {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
            to.shutdown().await
        };
        tokio::try_join!(read, write).map(|_| ())
    }

    /// Sees a request that is to be cut, and cuts its reply; `false` once it is cut.
    fn cut(&self, direction: Direction, chunk: &mut Vec<u8>) -> bool {
        let mut left = self
            .reply_left
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if direction == Direction::ToServer {
            self.behaviour.send_if_modified(|now| {
                *left = left.or_else(|| now.take_cut(chunk));
                false
            });
            return true;
        }
        let Some(passes) = *left else { return true };
        *left = Some(passes.saturating_sub(chunk.len()));
        if chunk.len() <= passes {
            return true;
        }
        chunk.truncate(passes);
        self.behaviour.send_modify(|now| now.cuts += 1);
        false
    }
}
