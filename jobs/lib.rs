//! Handlers of the CRM's jobs, one folder per family.
//!
//! A handler is thin: it takes what the payload names, checks it, and calls functions with
//! narrow arguments. What it needs from outside (a database, a clock, settings) comes in
//! [`Services`], which the binary builds once. Payload types live in `crm-job-contract`, so
//! that whoever enqueues does not compile any of this.
//!
//! Families do not import each other; a job that wants another one enqueues it.

pub mod backups;
pub mod blobs;
pub mod debug;
pub mod exports;
pub mod maintenance;
pub mod services;

pub use services::{Clock, ExportSettings, Services, SystemClock};

use rouage::Registry;

/// Adds the handlers of every family; those of [`debug`] only if the services say so.
#[must_use]
pub fn register(registry: Registry, services: &Services) -> Registry {
    let registry = backups::register(registry, services);
    let registry = exports::register(registry, services);
    let registry = maintenance::register(registry, services);
    if services.debug_kinds {
        debug::register(registry, services)
    } else {
        registry
    }
}

/// The guide's example, compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/guides/test-a-job.md")]
pub struct Guide;
