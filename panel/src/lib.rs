//! The HTTP side of `rouage`: a router that anyone who uses the engine can mount.
//!
//! It talks to the engine's client and views only and keeps no state of its own.
