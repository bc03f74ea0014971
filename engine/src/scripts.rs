//! The Lua scripts: one file per transition, each put behind the shared prelude.
//!
//! Their headers state keys, arguments and answer. None is unbounded, none makes a transition
//! in two steps, and all of them use Redis' clock.

use crate::link::Script;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Script = Script::new(
                || redis::Script::new(concat!(include_str!("scripts/prelude.lua"), "\n", include_str!($file))),
                &[include_str!("scripts/prelude.lua"), "\n", include_str!($file)],
            );
        )*
    };
}

scripts! {
    /// Stores new jobs.
    ENQUEUE = "scripts/enqueue.lua";
    /// Cancels a job.
    CANCEL = "scripts/cancel.lua";
    /// Lines a job up again.
    RETRY = "scripts/retry.lua";
    /// Pauses and resumes a queue.
    PAUSE = "scripts/pause.lua";
    /// Everything about one job.
    LOOK = "scripts/look.lua";
    /// Names of a hash or zset, step by step.
    SCAN = "scripts/scan.lua";
}

#[cfg(feature = "worker")]
scripts! {
    /// Promotes and leases jobs.
    CLAIM = "scripts/claim.lua";
    /// Ends attempts.
    ACK = "scripts/ack.lua";
    /// Extends leases.
    BEAT = "scripts/beat.lua";
    /// Takes lost jobs back.
    SWEEP = "scripts/sweep.lua";
    /// Removes old finished jobs.
    PRUNE = "scripts/prune.lua";
    /// Reserves permits of a rate limit.
    LIMIT = "scripts/limit.lua";
    /// Stores progress and checkpoints.
    REPORT = "scripts/report.lua";
}

/// Most jobs in one script call: Lua's `unpack` and Redis' attention are both limited.
pub(crate) const MAX_BATCH: usize = 500;
