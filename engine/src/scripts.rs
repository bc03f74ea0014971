//! The Lua scripts: one file per transition, each put behind what it shares with others.
//!
//! Each is given the queue's base and names the queue's keys itself (the prelude); the second key of
//! a call only keeps it whole in a cluster (`link::script`).
//! Their headers state the parts they use, arguments and answer. None is unbounded, none makes a transition
//! in two steps, and all of them use Redis' clock.

use crate::link::Script;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Script = Script::new(concat!($(include_str!(concat!("scripts/", $file)), "\n"),+));
        )*
    };
}

scripts! {
    /// Stores new jobs.
    ENQUEUE = "prelude.lua" "groups.lua" "enqueue.lua";
    /// Cancels or discards a job by hand.
    CANCEL = "prelude.lua" "groups.lua" "ending.lua" "cancel.lua";
    /// Makes a new job from an old one.
    REPLAY = "prelude.lua" "groups.lua" "ending.lua" "replay.lua";
    /// Lines a job up again.
    RETRY = "prelude.lua" "groups.lua" "retry.lua";
    /// Pauses and resumes a queue.
    PAUSE = "prelude.lua" "pause.lua";
    /// Sets a group's limit by hand.
    GROUP_LIMIT = "prelude.lua" "groups.lua" "group_limit.lua";
    /// Everything about one job.
    LOOK = "prelude.lua" "look.lua";
    /// Looks at circuit breakers.
    BREAKER_LOOK = "prelude.lua" "breaker.lua" "breaker_look.lua";
    /// Checks one step of one of a queue's keys.
    FSCK_CHECK = "prelude.lua" "groups.lua" "fsck/places.lua" "fsck/check.lua";
    /// Checks, or writes anew, the counters of a queue.
    FSCK_COUNTERS = "prelude.lua" "groups.lua" "fsck/counters.lua";
    /// Repairs one flaw.
    FSCK_REPAIR = "prelude.lua" "groups.lua" "fsck/places.lua" "fsck/repair.lua";
    /// Opens a batch.
    BATCH_OPEN = "prelude.lua" "batch.lua" "batch_open.lua";
    /// Notes members of a batch.
    BATCH_ADD = "prelude.lua" "batch.lua" "batch_add.lua";
    /// Says what became of members that were noted.
    BATCH_STORED = "prelude.lua" "batch.lua" "batch_stored.lua";
    /// Tells a batch of its members' ends.
    BATCH_TELL = "prelude.lua" "batch.lua" "batch_tell.lua";
    /// Seals or cancels a batch.
    BATCH_CLOSE = "prelude.lua" "batch.lua" "batch_close.lua";
    /// Notes that a batch's callbacks were enqueued.
    BATCH_SENT = "prelude.lua" "batch.lua" "batch_sent.lua";
    /// Notes a batch in the index.
    BATCH_INDEX = "prelude.lua" "batch_index.lua";
    /// Notes at which batches somebody must look.
    BATCH_AGENDA = "prelude.lua" "batch_agenda.lua";
    /// Notes a request that may come twice.
    REQUEST_NOTE = "prelude.lua" "request_note.lua";
    /// Notes what a request was answered.
    REQUEST_ANSWER = "prelude.lua" "request_answer.lua";
    /// Changes the rate of a limit.
    LIMIT_SET = "prelude.lua" "limit_set.lua";
    /// The next entries of an index.
    WINDOW = "window.lua";
    /// What lists show of jobs.
    HEADS = "prelude.lua" "heads.lua";
}

#[cfg(feature = "schedule")]
scripts! {
    /// Takes, keeps or gives back the lead among schedulers.
    SCHEDULE_LEAD = "schedule_lead.lua";
}

#[cfg(feature = "worker")]
scripts! {
    /// Promotes and leases jobs.
    CLAIM = "prelude.lua" "groups.lua" "claim.lua";
    /// Ends attempts.
    ACK = "prelude.lua" "groups.lua" "ending.lua" "reports.lua" "ack.lua";
    /// Extends leases.
    BEAT = "prelude.lua" "beat.lua";
    /// What was left undone in a batch.
    BATCH_LOOK = "prelude.lua" "batch.lua" "batch_look.lua";
    /// Takes signals.
    SIGNALS_TAKE = "prelude.lua" "signals_take.lua";
    /// Forgets signals that were told.
    SIGNALS_TOLD = "prelude.lua" "signals_told.lua";
    /// Takes lost jobs back.
    SWEEP = "prelude.lua" "groups.lua" "ending.lua" "sweep.lua";
    /// Removes old finished jobs.
    PRUNE = "prelude.lua" "prune.lua";
    /// Takes finished jobs for the history.
    ARCHIVE = "prelude.lua" "archive.lua";
    /// Asks a circuit breaker for leave.
    BREAKER_ASK = "prelude.lua" "breaker.lua" "breaker_ask.lua";
    /// Tells circuit breakers how attempts went.
    BREAKER_TELL = "prelude.lua" "breaker.lua" "breaker_tell.lua";
    /// Reserves permits of a rate limit.
    LIMIT = "prelude.lua" "limit.lua";
    /// Lends out tasks of apalis-redis.
    APALIS_TAKE = "apalis_take.lua";
    /// Settles tasks of apalis-redis.
    APALIS_SETTLE = "apalis_settle.lua";
    /// Decides parked tasks of apalis-redis.
    APALIS_DECIDE = "apalis_decide.lua";
    /// Stores progress, checkpoints and logs.
    REPORT = "prelude.lua" "reports.lua" "report.lua";
}

#[cfg(feature = "celery")]
scripts! {
    /// Looks at lists of a Celery broker.
    CELERY_PEEK = "celery/peek.lua";
    /// Moves messages out of lists of a Celery broker.
    CELERY_TAKE = "celery/take.lua";
    /// Puts messages into lists of a Celery broker, once.
    CELERY_PUBLISH = "celery/publish.lua";
    /// Writes a task's state for its Celery client.
    CELERY_STORE = "celery/store.lua";
    /// Notes the end of one task of a chord.
    CELERY_CHORD = "celery/chord.lua";
    /// Notes tasks that are about to become jobs.
    CELERY_REGISTER = "prelude.lua" "celery/register.lua";
    /// Takes tasks at which somebody must look.
    CELERY_DUE = "prelude.lua" "celery/due.lua";
    /// Writes anew what is known of tasks.
    CELERY_NOTE = "prelude.lua" "celery/note.lua";
    /// Forgets tasks whose end was told.
    CELERY_CLOSE = "prelude.lua" "celery/close.lua";
    /// Keeps a message that became no job.
    CELERY_PARK = "prelude.lua" "celery/park.lua";
    /// Counts messages that stay where they are.
    CELERY_COUNT = "prelude.lua" "celery/count.lua";
    /// Remembers that tasks are revoked.
    CELERY_REVOKE = "prelude.lua" "celery/revoke.lua";
}

/// Most jobs in one script call: Lua's `unpack` and Redis' attention are both limited.
pub(crate) const MAX_BATCH: usize = 500;
