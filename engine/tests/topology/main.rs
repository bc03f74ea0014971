//! Every way to a Redis: socket, password, TLS, sentinels, cluster; real servers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

mod cluster;
mod failovers;
#[expect(dead_code, reason = "some of it only the other tests need")]
#[path = "../stage/running.rs"]
mod running;
mod secrets;
mod sentinels;
mod stage;
mod tls;
