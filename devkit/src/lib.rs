//! Private servers and demo data for tests, benches and the demo.
//!
//! A test that speaks to a real Redis and a real PostgreSQL finds what a mock hides. This crate
//! starts both on loopback, in a folder of their own on tmpfs, in well under half a second, and
//! guarantees that they end with the process that started them, even when that is killed.
//! [`crm`] fills a database with the tables of a CRM and a repeatable data set of three sizes,
//! in which the awkward values of real life are always present.
//!
//! It is not a test framework, knows nothing of jobs, and is never linked into the worker.

pub mod crm;
pub mod error;
pub mod postgres;
pub mod proxy;
pub mod redis;
pub mod s3;

mod binaries;
mod folder;
mod port;
mod python;
mod supervised;

pub use error::ServerError;
pub use postgres::{PostgresServer, Template};
pub use proxy::{Direction, FaultProxy};
pub use python::python;
pub use redis::{Certificates, Persistence, RedisCluster, RedisSentinels, RedisServer, TlsRedis};
pub use s3::S3Server;
