//! What speaks to other machines for the handlers: one file a protocol, behind the ports of `jobs/`.

pub(crate) mod announce;
pub(crate) mod blobs;
pub(crate) mod certificates;
