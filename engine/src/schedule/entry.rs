//! One schedule: when, which job, and what to do about runs that were missed or overlap.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::DateTime;
use sha2::{Digest, Sha256};

use super::invalid::{InvalidSchedule, closest};
use super::timing::Timing;
use crate::client::{ClientError, NewJob, RunAt, encode};
use crate::filter::read_duration;
use crate::id::JobId;
use crate::policy::{Group, Unique};

/// Longest name: with an occurrence behind it, it is a job's id.
pub const MAX_NAME_BYTES: usize = 47;
/// Most missed occurrences that are caught up with at once.
pub const MAX_CAUGHT_UP: u32 = 1000;

/// What becomes of occurrences that nobody fired in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissed {
    /// Nothing.
    Skip,
    /// The latest is fired, unless a newer one is fired anyway.
    #[default]
    Latest,
    /// All are fired, the oldest first, but at most the newest so many.
    All(u32),
}

impl FromStr for OnMissed {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let number = text
            .strip_prefix("all ")
            .map(|number| number.trim().parse());
        match (text, number) {
            ("skip", _) => Ok(Self::Skip),
            ("latest", _) => Ok(Self::Latest),
            (_, Some(Ok(most))) if (1..=MAX_CAUGHT_UP).contains(&most) => Ok(Self::All(most)),
            _ => {
                let hint = format!("skip, latest, or \"all N\" with N from 1 to {MAX_CAUGHT_UP}");
                Err(InvalidSchedule::new(
                    format!("on_missed {text:?} is unknown"),
                    hint,
                ))
            }
        }
    }
}

impl fmt::Display for OnMissed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Latest => f.write_str("latest"),
            Self::All(most) => write!(f, "all {most}"),
        }
    }
}

/// What happens when the job of an earlier occurrence is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// They run beside each other.
    Allow,
    /// The new one is left out: a unique key belongs to the job that lives.
    #[default]
    Skip,
    /// The new one waits until the earlier one is over: a group of which one runs at once.
    Queue,
}

impl Overlap {
    const ALL: [(&'static str, Self); 3] = [
        ("allow", Self::Allow),
        ("skip", Self::Skip),
        ("queue", Self::Queue),
    ];
}

impl FromStr for Overlap {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, overlap)| overlap).ok_or_else(|| {
            let names = || Self::ALL.into_iter().map(|(name, _)| name);
            let hint = closest(text, names()).map_or_else(
                || "there are allow, skip and queue".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            InvalidSchedule::new(format!("overlap {text:?} is unknown"), hint)
        })
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.into_iter().find(|(_, overlap)| overlap == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Names it for ever: its jobs' ids, its state, its metrics.
    pub name: String,
    /// The job; its id and its times are made anew for every occurrence.
    pub job: NewJob,
    /// When it is due.
    pub timing: Timing,
    /// What becomes of missed occurrences.
    pub on_missed: OnMissed,
    /// What happens when an earlier job is not over.
    pub overlap: Overlap,
    /// How long after its occurrence a job may still start.
    pub expires: Option<Duration>,
    /// Each job starts up to this much later, always the same for an occurrence.
    pub jitter: Duration,
    /// Whether it is fired at all.
    pub enabled: bool,
}

/// What was changed about a schedule by hand; texts as in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Fired or not, whatever the file says.
    pub enabled: Option<bool>,
    /// Another expression.
    pub cron: Option<String>,
    /// Another period.
    pub every: Option<String>,
    /// Another zone.
    pub zone: Option<String>,
    /// Another rule for missed occurrences.
    pub on_missed: Option<String>,
    /// Another rule for overlapping ones.
    pub overlap: Option<String>,
    /// Another time to start within; `none` for no limit.
    pub expires: Option<String>,
    /// Another spread.
    pub jitter: Option<String>,
    /// Who changed it last.
    pub by: String,
    /// When, ms since 1970.
    pub at: u64,
    /// Why.
    pub note: String,
}

impl Overrides {
    /// Whether anything is changed.
    pub fn is_empty(&self) -> bool {
        self.enabled.is_none() && self.texts().iter().all(|(_, text)| text.is_none())
    }

    /// What is changed besides `enabled`, by its name in the file.
    pub fn texts(&self) -> [(&'static str, Option<&str>); 7] {
        [
            ("cron", self.cron.as_deref()),
            ("every", self.every.as_deref()),
            ("zone", self.zone.as_deref()),
            ("on_missed", self.on_missed.as_deref()),
            ("overlap", self.overlap.as_deref()),
            ("expires", self.expires.as_deref()),
            ("jitter", self.jitter.as_deref()),
        ]
    }
}

impl Entry {
    /// An entry with the defaults: the latest missed occurrence is caught up with, overlapping ones
    /// are left out.
    pub fn new(name: &str, job: NewJob, timing: Timing) -> Result<Self, InvalidSchedule> {
        let fits = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        };
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(fits) {
            let shown: String = name.chars().take(MAX_NAME_BYTES).collect();
            let hint =
                format!("1 to {MAX_NAME_BYTES} lower-case letters, digits, '-', '_' and '.'");
            return Err(InvalidSchedule::new(
                format!("schedule name {shown:?} cannot be one"),
                hint,
            ));
        }
        let entry = Self {
            name: name.to_owned(),
            job,
            timing,
            on_missed: OnMissed::default(),
            overlap: Overlap::default(),
            expires: None,
            jitter: Duration::ZERO,
            enabled: true,
        };
        // One that cannot be stored would hold up all that are due with it.
        let stored = entry.at(0, 0).and_then(|job| encode(&job));
        stored.map_err(|error| {
            let hint = "its payload, tags and keys must be what any job may have";
            InvalidSchedule::new(format!("schedule {name:?}: {error}"), hint)
        })?;
        Ok(entry)
    }

    /// The entry as it was changed by hand; the first change that cannot be is the error.
    pub fn with(&self, changed: &Overrides) -> Result<Self, InvalidSchedule> {
        let mut entry = self.clone();
        if let Some(enabled) = changed.enabled {
            entry.enabled = enabled;
        }
        let zone = changed.zone.as_deref().unwrap_or(self.timing.zone());
        entry.timing = match (&changed.cron, &changed.every) {
            (Some(cron), _) => Timing::cron(cron, zone)?,
            (None, Some(every)) => Timing::every(every, zone)?,
            (None, None) => self.timing.in_zone(zone)?,
        };
        if let Some(text) = &changed.on_missed {
            entry.on_missed = text.parse()?;
        }
        if let Some(text) = &changed.overlap {
            entry.overlap = text.parse()?;
        }
        match changed.expires.as_deref() {
            Some("none") => entry.expires = None,
            Some(text) => entry.expires = Some(length("expires", text)?),
            None => {}
        }
        if let Some(text) = &changed.jitter {
            entry.jitter = length("jitter", text)?;
        }
        Ok(entry)
    }

    /// What a state belongs to: another timing, or a pause, begins anew instead of catching up.
    pub fn fingerprint(&self) -> String {
        if self.enabled {
            self.timing.to_string()
        } else {
            "off".to_owned()
        }
    }

    /// What its jobs are tagged with.
    pub fn tag(&self) -> String {
        format!("schedule:{}", self.name)
    }

    /// The job of an occurrence, in seconds since 1970, made at `now_ms`.
    pub(super) fn at(&self, occurrence: i64, now_ms: u64) -> Result<NewJob, ClientError> {
        let mut job = self.tagged(now_ms);
        job.id = self.job_id(occurrence)?;
        let due = occurrence.max(0) as u64 * 1000 + self.delay_ms(occurrence);
        job.run_at = RunAt::At(due);
        job.envelope.expires_at = self.expires.map(|expires| due + in_ms(expires));
        Ok(job)
    }

    /// A job that runs now because somebody wants it to; it may expire like any other.
    pub fn by_hand(&self, now_ms: u64) -> NewJob {
        let mut job = self.tagged(now_ms);
        job.id = JobId::generate();
        job.run_at = RunAt::Now;
        job.envelope.expires_at = self.expires.map(|expires| now_ms + in_ms(expires));
        job
    }

    fn tagged(&self, now_ms: u64) -> NewJob {
        let mut job = self.job.clone();
        job.envelope.enqueued_at = now_ms;
        job.envelope.tags.push(self.tag());
        match self.overlap {
            Overlap::Allow => {}
            // The kind's own key says as much, and other producers know it.
            Overlap::Skip if job.unique.is_some() => {}
            Overlap::Skip => job.unique = Some(Unique::while_live(self.tag())),
            Overlap::Queue if runs_alone(job.envelope.group.as_ref()) => {}
            Overlap::Queue => job.envelope.group = Some(Group::at_most(1, self.tag())),
        }
        job
    }

    /// `cleanup-access-logs.20260301T010000Z`.
    pub fn job_id(&self, occurrence: i64) -> Result<JobId, ClientError> {
        let at = DateTime::from_timestamp(occurrence, 0).unwrap_or_default();
        let id = format!("{}.{}", self.name, at.format("%Y%m%dT%H%M%SZ"));
        id.parse()
            .map_err(|error: crate::id::InvalidJobId| ClientError::Protocol(error.to_string()))
    }

    /// How much later an occurrence starts: the same for whoever asks.
    fn delay_ms(&self, occurrence: i64) -> u64 {
        let jitter = in_ms(self.jitter);
        if jitter == 0 {
            return 0;
        }
        let digest = Sha256::digest(format!("{}.{occurrence}", self.name));
        let mut number = [0; 8];
        number.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(number) % jitter
    }

    /// Whether a job of that occurrence could not start any more.
    pub(super) fn is_over(&self, occurrence: i64, now: i64) -> bool {
        let lasts = |expires: Duration| (expires + self.jitter).as_secs() as i64;
        self.expires
            .is_some_and(|expires| occurrence + lasts(expires) <= now)
    }
}

fn runs_alone(group: Option<&Group>) -> bool {
    group.is_some_and(|group| group.limit.is_some_and(|limit| limit.get() == 1))
}

fn in_ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// A length of time as in the file.
pub(super) fn length(what: &str, text: &str) -> Result<Duration, InvalidSchedule> {
    read_duration(text.trim()).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        let hint = "a length such as 90s, 10m, 1h30m or 2d";
        InvalidSchedule::new(format!("{what} {shown:?} cannot be read"), hint)
    })
}

#[cfg(test)]
pub(super) mod tests;
