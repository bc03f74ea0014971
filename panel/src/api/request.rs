//! What a producer asks for, checked until it certainly can be stored.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use rouage::{Group, MAX_TAGS, NewJob, Priority, RunAt, Unique};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::texts::{Moment, Span};
use crate::catalog::KindCatalog;
use crate::http::decode::{Fault, Undecodable, decode};

/// Longest tag, unique key or group, in bytes.
const MAX_LABEL_BYTES: usize = 200;
/// What a label is made of: anything but control characters.
const LABEL: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";
/// Longest soft timeout.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// A job to be stored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobRequest {
    /// What is to be done, such as `exports.export_records`. `GET /api/v1/kinds` lists the kinds.
    #[schemars(length(min = 1, max = 100))]
    kind: String,
    /// What the kind asks for; `GET /api/v1/kinds` has its JSON Schema.
    #[schemars(with = "serde_json::Value")]
    payload: Box<RawValue>,
    /// Not before this instant. Not together with `delay`.
    run_at: Option<Moment>,
    /// Not before this much time has passed, counted by the clock of the store.
    delay: Option<Span>,
    /// 0 runs first, 9 last; the kind's if it is not given.
    #[schemars(range(min = 0, max = 9))]
    priority: Option<u8>,
    /// Unless it was started by then, it is cancelled.
    expires_at: Option<Moment>,
    /// What it must be the only one of; the kind's own key if it is not given.
    unique: Option<UniqueRequest>,
    /// Whom it belongs to, for fair turns and a limit of its own; the kind's if it is not given.
    group: Option<GroupRequest>,
    /// What it belongs to, such as `campaign:12`. No personal data: tags are shown to operators.
    #[serde(default)]
    #[schemars(length(max = 16), extend("uniqueItems" = true))]
    #[schemars(inner(length(min = 1, max = 200), regex(pattern = LABEL)))]
    tags: Vec<String>,
    /// Attempts in all; the kind's if it is not given.
    #[schemars(range(min = 1, max = 1000))]
    max_attempts: Option<u32>,
    /// How long one attempt may take, at most a day; the kind's if it is not given.
    timeout: Option<Span>,
    /// Asks for everything but the effect.
    #[serde(default)]
    dry_run: bool,
}

/// What a job must be the only one of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UniqueRequest {
    /// The key. No second job of the queue has it while one lives. No personal data.
    #[schemars(length(min = 1, max = 200), regex(pattern = LABEL))]
    key: String,
    /// Keeps the key taken for this long, whether or not the job is over.
    window: Option<Span>,
}

/// Whom a job belongs to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupRequest {
    /// The key, such as `mailbox:7`. No personal data.
    #[schemars(length(min = 1, max = 200), regex(pattern = LABEL))]
    key: String,
    /// How many jobs of the group may run at once.
    #[schemars(range(min = 1, max = 10000))]
    limit: Option<NonZeroU32>,
}

/// Many jobs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobsRequest {
    /// The jobs, in their order.
    #[schemars(length(min = 1))]
    pub(super) jobs: Vec<JobRequest>,
}

/// A body of `POST /api/v1/jobs`.
#[derive(Debug)]
pub(super) enum Asked {
    /// One job.
    One(Box<JobRequest>),
    /// Many, and what their pointers start with.
    Many(Vec<JobRequest>, &'static str),
}

impl Asked {
    /// One job is an object with a `kind`; many are an array, or an object with `jobs`.
    pub(super) fn read(body: &[u8]) -> Result<Self, Undecodable> {
        #[derive(Deserialize)]
        struct Shape {
            jobs: Option<IgnoredAny>,
        }
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return decode(body).map(|jobs| Self::Many(jobs, ""));
        }
        let many = decode::<Shape>(body).is_ok_and(|shape| shape.jobs.is_some());
        if many {
            return decode(body).map(|JobsRequest { jobs }| Self::Many(jobs, "/jobs"));
        }
        decode(body).map(|job| Self::One(Box::new(job)))
    }
}

impl JobRequest {
    /// The job, or everything that is wrong with it.
    pub(super) fn check(self, kinds: &dyn KindCatalog) -> Result<NewJob, Vec<Fault>> {
        let mut faults = self.faults();
        let made = kinds.new_job(&self.kind, self.payload.get());
        let mut job = match made {
            Ok(job) if faults.is_empty() => job,
            Ok(_) => return Err(faults),
            Err(refusal) => {
                // A wrong kind is the first thing to know.
                faults.insert(0, refusal.fault);
                return Err(faults);
            }
        };
        self.wish(&mut job);
        // What the engine would refuse is refused here, before anything is stored.
        let checked = job.check();
        checked.map_err(|_| vec![Fault::new("", "cannot be stored as a job")])?;
        Ok(job)
    }

    fn wish(self, job: &mut NewJob) {
        job.run_at = match (self.run_at, self.delay) {
            (Some(at), _) => RunAt::At(at.0),
            (None, Some(delay)) => RunAt::After(delay.0),
            (None, None) => RunAt::Now,
        };
        let envelope = &mut job.envelope;
        if let Some(priority) = self.priority.and_then(Priority::new) {
            envelope.priority = priority;
        }
        envelope.expires_at = self.expires_at.map(|at| at.0);
        envelope.max_attempts = self.max_attempts;
        envelope.timeout_ms = self.timeout.map(|timeout| timeout.0.as_millis() as u64);
        envelope.tags = self.tags;
        envelope.dry_run = self.dry_run;
        if let Some(GroupRequest { key, limit }) = self.group {
            envelope.group = Some(Group { key, limit });
        }
        if let Some(UniqueRequest { key, window }) = self.unique {
            let window = window.map(|window| window.0);
            job.unique = Some(Unique { key, window });
        }
    }

    /// What is wrong besides kind and payload.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.run_at.is_some() && self.delay.is_some() {
            let fault = Fault::new("/delay", "given together with run_at");
            faults.push(fault.hint("leave one of them out"));
        }
        if self.priority.is_some_and(|priority| priority > 9) {
            faults.push(Fault::new("/priority", "not 0 (first) to 9 (last)"));
        }
        if self
            .max_attempts
            .is_some_and(|attempts| !(1..=1000).contains(&attempts))
        {
            faults.push(Fault::new("/max_attempts", "not 1 to 1000"));
        }
        let possible = Duration::from_millis(1)..=LONGEST_TIMEOUT;
        if self
            .timeout
            .is_some_and(|timeout| !possible.contains(&timeout.0))
        {
            faults.push(Fault::new("/timeout", "not 1ms to 24h"));
        }
        if self.tags.len() > MAX_TAGS {
            faults.push(Fault::new("/tags", format!("more than {MAX_TAGS} tags")));
        }
        let mut seen = BTreeSet::new();
        for (number, tag) in self.tags.iter().enumerate() {
            faults.extend(label(&format!("/tags/{number}"), tag));
            if !seen.insert(tag) {
                faults.push(Fault::new(format!("/tags/{number}"), "given twice"));
            }
        }
        if let Some(unique) = &self.unique {
            faults.extend(label("/unique/key", &unique.key));
        }
        if let Some(group) = &self.group {
            faults.extend(label("/group/key", &group.key));
            if group.limit.is_some_and(|limit| limit.get() > 10_000) {
                faults.push(Fault::new("/group/limit", "not 1 to 10000"));
            }
        }
        faults
    }
}

fn label(field: &str, text: &str) -> Option<Fault> {
    let bad = !(1..=MAX_LABEL_BYTES).contains(&text.len()) || text.chars().any(char::is_control);
    let detail = format!("not 1 to {MAX_LABEL_BYTES} bytes without control characters");
    bad.then(|| Fault::new(field, detail))
}
