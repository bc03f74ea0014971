//! Free loopback ports that stay ours while a server is down.
//!
//! `bind(0)` hands out ephemeral ports, and so does every outgoing connection: while a killed
//! server is down, a client that retries could be given the server's own port and even connect to
//! itself. Ports are therefore drawn from below the usual ephemeral range (Linux starts at 32768).
//! Nothing is reserved: between the check and the server's own bind another process may win, so
//! the callers retry.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// First port to draw; below live the well-known services.
const LOWEST: u16 = 15_000;
/// How many ports to draw from; the sum stays below the ephemeral range of Linux.
const SPAN: u16 = 17_000;
/// Draws before falling back to whatever the system offers.
const DRAWS: u32 = 50;

/// Finds a port that nobody listens on at this moment.
pub(crate) fn free() -> io::Result<u16> {
    for draw in 0..DRAWS {
        // A fresh `RandomState` is seeded by the system: parallel processes draw differently.
        let random = RandomState::new().hash_one(draw);
        let candidate = LOWEST + (random % u64::from(SPAN)) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)).is_ok() {
            return Ok(candidate);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()
        .map(|address| address.port())
}
