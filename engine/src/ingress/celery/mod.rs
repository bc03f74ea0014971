//! Messages of Celery clients, taken in as jobs, and the results their callers wait for.

pub mod wire;
