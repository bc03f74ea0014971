//! The built binary against real servers: what an operator sees and what a job leaves behind.
//!
//! Each test has a Redis, a database and folders of its own ([`world`]), so all run at once.
//! Nothing sleeps for a fixed time: tests wait for a log line, for an exit, or for a state that
//! can be observed, each with a limit.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on has failed its test"
)]

mod apalis;
mod backups;
mod batches;
mod borders;
mod celery;
mod checks;
mod configuration;
mod dashboards;
mod effects;
mod exports;
mod filters;
mod help;
mod history;
mod http_api;
mod jobs;
mod maintenance;
mod migrations;
mod operations;
mod outbox;
mod panel;
mod payloads;
mod probes;
mod replays;
mod schedules;
mod shutdown;
mod wishes;
mod world;
