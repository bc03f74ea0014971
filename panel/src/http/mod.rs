//! What API and panel need of HTTP: problems, bodies, and the loop that serves.

pub(crate) mod body;
pub(crate) mod decode;
pub(crate) mod observe;
pub(crate) mod problem;
pub(crate) mod server;
