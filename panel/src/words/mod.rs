//! What the pages say, in English and French.
//!
//! A language is one value of [`Words`]: a phrase that is missing in one of them does not compile.
//! Sentences with numbers are functions, because languages count differently. What comes from jobs
//! (kinds, messages, reasons) is shown as it is.

mod english;
mod french;

use rouage::{Action, State};

pub(crate) use english::ENGLISH;
pub(crate) use french::FRENCH;

/// A language of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    English,
    French,
}

impl Language {
    /// By its code, as in `Accept-Language`.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        match code.split('-').next()?.trim() {
            "en" => Some(Self::English),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    /// Its phrases.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }
}

macro_rules! words {
    ($($name:ident),* $(,)?) => {
        /// The phrases of one language.
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
            /// The name of a state.
            pub(crate) state_name: fn(State) -> &'static str,
            /// How long ago something was, from a length as `12m`.
            pub(crate) ago: fn(&str) -> String,
            /// When something will be, from a length as `12m`.
            pub(crate) ahead: fn(&str) -> String,
            /// How many jobs need a person.
            pub(crate) need_a_person: fn(u64) -> String,
            /// How many jobs wait where nobody serves, in which queue.
            pub(crate) unserved: fn(u64, &str) -> String,
            /// Which queue has waited for how long.
            pub(crate) waits_long: fn(&str, &str) -> String,
            /// Which queue is paused.
            pub(crate) queue_is_paused: fn(&str) -> String,
            /// Who paused something, when, why.
            pub(crate) paused_by: fn(&str, &str, &str) -> String,
            /// How many jobs run in how many slots.
            pub(crate) runs_of: fn(usize, usize) -> String,
            /// How many jobs were compared with the filter, and whether those were all.
            pub(crate) looked_at: fn(&str, bool) -> String,
            /// How many jobs a check looked at, and how many violations it found.
            pub(crate) checked: fn(&str, u64) -> String,
            /// The number of an attempt.
            pub(crate) attempt: fn(u32) -> String,
        }
    };
}

words! {
code, skip, menu, appearance, language, light, dark, system,
nav_overview, nav_queues, nav_jobs, nav_held, nav_workers, nav_limits,
health, all_is_well, nothing_runs, as_of, totals, all,
no_queue, no_queue_hint, no_worker, no_job, no_job_hint, not_yet_found, no_group, no_log, no_limit,     queue, available, oldest, running, retrying, held, paused, queues_lead,
resume, pause, reason, facts, groups, group, waiting, at_most,
filter, search, states, state, kind, job, when, attempts, last_word, more, all_of_these,
retry, cancel, discard, release, stop, quiet, claim_again, close, reset,
life, log, tags, payload, output, show_payload, hide_payload, payload_hidden, payload_masked,
for_how_long, enqueued, started, ended, expires, priority, unique, batch, follows, replay_of, worker,
version, slots, memory, last_beat, draining, is_quiet, up_since,
held_lead, limits_lead, limit, rate, burst, free, breakers, breaker, failures, until,
page_missing, page_missing_hint, not_allowed, not_allowed_hint, redis_away, redis_away_hint, failed, back_home,
done_paused, done_resumed, done_retried, done_cancelled, done_discarded, done_ordered, done_reset,
nav_batches, nav_operations, nav_system, nav_audit, progress, jobs_per_minute, now, chart_begins, completed, discarded,
operations_lead, no_operation, no_operation_hint, changed, left_alone, did_not_work, who, what, target, from_where, second_thought,
batches_lead, no_batch, no_batch_hint, created, sealed, retry_failed, system_lead, check_all, check_takes_long, this_panel,
audit_lead, no_audit, audit_away, no_deed, edit_and_run, edit_lead, run_again, schema, done_replayed, done_set,
keys, keys_go, keys_filter, keys_help, slots_lead, set, throughput, last_hour, rows, refused, refused_hint,
nothing_changed, back, preview, preview_lead, do_it, undo, operation, undone, }

impl Words {
    /// What an action on many jobs is called.
    pub(crate) fn of_action(&self, action: Action) -> &'static str {
        match action {
            Action::Retry => self.retry,
            Action::Cancel => self.cancel,
            Action::Discard => self.discard,
        }
    }
}
