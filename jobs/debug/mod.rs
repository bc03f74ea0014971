//! Handlers that do nothing useful: for trying an installation, a panel or a policy.
//!
//! They need no services, so they also run where database and disk are down.

mod echo;
mod effect;
mod fail;
mod sleep;

use rouage::Registry;

use crate::services::Services;

/// Adds the handlers of this family.
#[must_use]
pub fn register(registry: Registry, _services: &Services) -> Registry {
    registry
        .function(echo::echo)
        .function(effect::effect)
        .function(fail::fail)
        .function(sleep::sleep)
}
