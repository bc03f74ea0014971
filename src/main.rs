//! crm-worker: the CRM's background jobs in one binary.
//!
//! Read on in `cli` (what it can be asked), `app` (how it is put together), `config`, `store`
//! and `telemetry`; what speaks to other machines is in `adapters`. The jobs themselves are in `jobs/`, the job system in `engine/`.

mod adapters;
mod app;
mod cli;
mod config;
mod explain;
mod store;
mod suggest;
mod telemetry;

use std::process::ExitCode;

/// A third of a job's time in the worker is memory management; this one makes it cheaper (decision 0006).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
