//! A wire that is longer: passes bytes on after half a round trip, each way.
//!
//! Threads and blocking sockets, because a runtime's timers tick in whole milliseconds and half
//! of one is wanted. What was read is written once it is due, together with all else that is due
//! then, so a delayed stream costs few calls. `bench` measures through a wire of no length beside
//! the bare socket to show what the wire itself costs. It is no fault proxy: `devkit` has that.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Bytes of one read.
const CHUNK: usize = 256 * 1024;
/// Reads that may be under way in one direction of a connection.
const UNDER_WAY: usize = 1024;
/// Sleeps to learn from how much too long they are.
const SLEEPS: usize = 21;

type Late = (Instant, Vec<u8>);

/// A running wire; dropping it refuses new connections, those that are there end with their ends.
pub(crate) struct Delay {
    port: u16,
    over: Arc<AtomicBool>,
}

impl Delay {
    /// Lays a wire to a loopback port.
    pub(crate) fn start(target: u16, rtt: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen for a wire")?;
        let port = listener.local_addr()?.port();
        let over = Arc::new(AtomicBool::new(false));
        let latency = (rtt / 2).saturating_sub(oversleep(rtt / 2));
        let ended = Arc::clone(&over);
        spawn(move || {
            for client in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    join(&client, &server, latency).ok();
                }
            }
        });
        Ok(Self { port, over })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

/// How much longer than asked for a sleep takes here: the median of some.
fn oversleep(wanted: Duration) -> Duration {
    let mut extra: Vec<Duration> = (0..SLEEPS)
        .map(|_| {
            let start = Instant::now();
            sleep(wanted);
            start.elapsed().saturating_sub(wanted)
        })
        .collect();
    extra.sort_unstable();
    extra[SLEEPS / 2]
}

fn join(client: &TcpStream, server: &TcpStream, latency: Duration) -> std::io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        from.set_nodelay(true)?;
        let (sender, receiver) = sync_channel(UNDER_WAY);
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        spawn(move || read(from, &sender, latency));
        spawn(move || write(to, &receiver));
    }
    Ok(())
}

fn read(mut from: TcpStream, sender: &SyncSender<Late>, latency: Duration) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + latency;
        if sender.send((due, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, receiver: &Receiver<Late>) {
    let mut next = receiver.recv().ok();
    while let Some((due, mut bytes)) = next.take() {
        sleep(due.saturating_duration_since(Instant::now()));
        // What else is due goes along.
        while let Ok((due, more)) = receiver.try_recv() {
            if due > Instant::now() {
                next = Some((due, more));
                break;
            }
            bytes.extend_from_slice(&more);
        }
        if to.write_all(&bytes).is_err() {
            break;
        }
        next = next.or_else(|| receiver.recv().ok());
    }
    drop(to.shutdown(Shutdown::Both));
}
