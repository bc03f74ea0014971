//! What the scripts should do, said with a map.
//!
//! It follows the same protocol as `protocol.rs`, with what Redis has besides: places in the
//! line, due times, reasons, counters. Two things it cannot know, since they are Redis' clock:
//! the place of a job that lines up now, and the order of jobs that ended in one millisecond.
//! The driver tells it both (`lined_up`, `prune`); from then on it holds Redis to them.

use std::collections::BTreeMap;

use rouage::State;

use crate::calls::{Ack, Claimed};
use crate::comparing::PRIORITY_STEP;

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) state: State,
    pub(crate) priority: u8,
    pub(crate) attempt: u32,
    pub(crate) lost: u32,
    /// The latest claim's.
    pub(crate) fence: u64,
    pub(crate) errors: usize,
    pub(crate) reason: String,
    pub(crate) worker: String,
    pub(crate) result: Option<String>,
    pub(crate) progress: Option<String>,
    /// Its cancellation was asked for while it ran.
    pub(crate) marked: bool,
    /// Its score in the line if that is known, kept while it runs.
    pub(crate) place: Option<u64>,
    /// Its score among the scheduled or retrying once it is due.
    pub(crate) due: Option<u64>,
    /// When its lease ran out.
    pub(crate) expired: Option<u64>,
}

/// All jobs of the queue.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) jobs: BTreeMap<String, Known>,
    /// Ever enqueued, completed, discarded and not retried, leases lost.
    pub(crate) totals: [u64; 4],
    fence: u64,
}

impl Reference {
    /// Whether it was stored.
    pub(crate) fn enqueue(&mut self, id: &str, priority: u8, later: bool) -> bool {
        if self.jobs.contains_key(id) {
            return false;
        }
        self.totals[0] += 1;
        let job = Known {
            state: if later {
                State::Scheduled
            } else {
                State::Available
            },
            priority,
            attempt: 0,
            lost: 0,
            fence: 0,
            errors: 0,
            reason: String::new(),
            worker: String::new(),
            result: None,
            progress: None,
            marked: false,
            place: None,
            due: None,
            expired: None,
        };
        self.jobs.insert(id.to_owned(), job);
        true
    }

    /// Which jobs become available: those due first, scheduled before retrying.
    fn promote(&mut self, most: usize) {
        let mut left = most;
        for state in [State::Scheduled, State::Retrying] {
            let mut due: Vec<(u64, String)> = self.having(state, |job| job.due);
            due.truncate(left);
            left -= due.len();
            for (score, id) in due {
                let job = self.jobs.get_mut(&id).unwrap();
                job.state = State::Available;
                job.due = None;
                // All due times of a case lie before the line's epoch, where places end.
                job.place = Some(score % 10 * PRIORITY_STEP);
            }
        }
    }

    /// The ids with their fences and attempts, in their order.
    pub(crate) fn claim(&mut self, slots: usize, promotions: usize) -> Vec<(String, u64, u32)> {
        self.promote(promotions);
        let line = self.having(State::Available, |job| job.place);
        // Of the jobs that the next death would hold, one at a time.
        let mut suspects = 0;
        let mut one_suspect = |id: &String| {
            suspects += usize::from(self.jobs[id].lost >= 2);
            self.jobs[id].lost < 2 || suspects == 1
        };
        let claimed: Vec<_> = line
            .into_iter()
            .filter(|(_, id)| one_suspect(id))
            .take(slots)
            .collect();
        claimed
            .into_iter()
            .map(|(_, id)| {
                self.fence += 1;
                let job = self.jobs.get_mut(&id).unwrap();
                job.state = State::Running;
                job.attempt += 1;
                job.fence = self.fence;
                job.reason.clear();
                "worker".clone_into(&mut job.worker);
                (id, self.fence, job.attempt)
            })
            .collect()
    }

    fn holder(&mut self, claim: &str) -> Option<&mut Known> {
        let (fence, id) = claim.split_once(':')?;
        let job = self.jobs.get_mut(id)?;
        (job.state == State::Running && job.fence.to_string() == fence).then_some(job)
    }

    /// What the attempt's worker hears.
    pub(crate) fn beat(&mut self, lease: &str) -> u8 {
        self.holder(lease).map_or(0, |job| {
            job.expired = None;
            1 + u8::from(job.marked)
        })
    }

    pub(crate) fn progress(&mut self, lease: &str, progress: &str) -> bool {
        self.holder(lease)
            .map(|job| job.progress = Some(progress.to_owned()))
            .is_some()
    }

    /// Whether it was applied.
    pub(crate) fn ack(&mut self, ack: &Ack) -> bool {
        let Some(job) = self.holder(&ack.lease) else {
            return false;
        };
        let ends = matches!(ack.outcome, "completed" | "discarded" | "cancelled");
        let stopped = job.marked && !ends;
        job.state = match ack.outcome {
            _ if stopped => State::Cancelled,
            "snoozed" => State::Scheduled,
            "returned" => State::Available,
            name => name.parse().unwrap(),
        };
        job.attempt -= u32::from(matches!(ack.outcome, "snoozed" | "returned"));
        job.errors += usize::from(!ack.error.is_empty());
        if !ack.progress.is_empty() {
            job.progress = Some(ack.progress.clone());
        }
        job.expired = None;
        job.reason = if stopped {
            "requested".to_owned()
        } else {
            ack.record.reason.clone()
        };
        job.marked = false;
        if job.state == State::Completed {
            if !ack.output.is_empty() {
                job.result = Some(ack.output.clone());
            }
            self.totals[1] += 1;
        } else if job.state == State::Discarded {
            self.totals[2] += 1;
        }
        true
    }

    /// How many are back in the line, held, cancelled.
    pub(crate) fn sweep(&mut self, most: usize) -> [u64; 3] {
        let mut answer = [0; 3];
        let mut expired = self.having(State::Running, |job| job.expired);
        expired.truncate(most);
        for (_, id) in expired {
            let job = self.jobs.get_mut(&id).unwrap();
            job.expired = None;
            job.lost += 1;
            job.errors += 1;
            let (n, state, reason) = if job.marked {
                (2, State::Cancelled, "requested")
            } else if job.lost >= 3 {
                (1, State::Held, "crash_loop")
            } else {
                (0, State::Available, "")
            };
            job.marked = false;
            job.state = state;
            reason.clone_into(&mut job.reason);
            answer[n] += 1;
            self.totals[3] += 1;
        }
        answer
    }

    /// The answer in the words of `cancel.lua`.
    pub(crate) fn cancel(&mut self, id: &str) -> &'static str {
        let Some(job) = self.jobs.get_mut(id) else {
            return "unknown";
        };
        if job.state.is_final() {
            return "final";
        }
        if job.state == State::Running {
            job.marked = true;
            return "cancelling";
        }
        job.state = State::Cancelled;
        job.marked = false;
        job.due = None;
        "requested".clone_into(&mut job.reason);
        "cancelled"
    }

    /// The state it was in if it was lined up again.
    pub(crate) fn retry(&mut self, id: &str) -> Option<State> {
        let job = self.jobs.get_mut(id)?;
        let was = job.state;
        if matches!(was, State::Available | State::Running | State::Completed) {
            return None;
        }
        if was == State::Held || was.is_final() {
            (job.attempt, job.lost) = (0, 0);
            job.reason.clear();
            job.worker.clear();
        }
        job.state = State::Available;
        (job.place, job.due) = (None, None);
        self.totals[2] -= u64::from(was == State::Discarded);
        Some(was)
    }

    /// Forgets all but the last `keep` of a state's jobs, which are given oldest first.
    pub(crate) fn prune(&mut self, oldest_first: &[(String, f64)], keep: usize) -> usize {
        let surplus = oldest_first.len().saturating_sub(keep);
        for (id, _) in &oldest_first[..surplus] {
            self.jobs.remove(id);
        }
        surplus
    }

    /// Learns the place of a job that just lined up, or says where it should be instead.
    pub(crate) fn lined_up(&mut self, id: &str, place: u64) -> u64 {
        let job = self.jobs.get_mut(id).unwrap();
        *job.place.get_or_insert(place)
    }

    /// Jobs of a state that have that score, lowest first; equal ones by their name in Redis.
    pub(crate) fn having(
        &self,
        state: State,
        score: impl Fn(&Known) -> Option<u64>,
    ) -> Vec<(u64, String)> {
        let jobs = self.jobs.iter().filter(|(_, job)| job.state == state);
        let mut found: Vec<_> = jobs
            .filter_map(|(id, job)| Some((score(job)?, id.clone())))
            .collect();
        found.sort();
        found
    }
}

/// The end of a claimed attempt as a worker would write it.
pub(crate) fn ack(claimed: &Claimed, outcome: &'static str, priority: u8) -> Ack {
    let fence = claimed.record.fence;
    let mut record = claimed.record.clone();
    record.finished = record.started + 1;
    if matches!(outcome, "snoozed" | "returned") {
        record.attempt -= 1;
    }
    let fails = matches!(outcome, "retrying" | "discarded" | "held");
    if fails || outcome == "cancelled" {
        let reason = if outcome == "retrying" { "" } else { "because" };
        reason.clone_into(&mut record.reason);
    }
    let error = format!(
        r#"{{"attempt":{},"at":1,"kind":"error","message":"boom"}}"#,
        record.attempt
    );
    Ack {
        lease: claimed.lease(),
        id: claimed.id.clone(),
        argument: match outcome {
            "retrying" | "snoozed" => format!("{} {priority}", crate::calls::FAR),
            "returned" => record.score.to_string(),
            _ => String::new(),
        },
        record,
        outcome,
        // Not each attempt has both, so that the columns have different lengths.
        output: if fence.is_multiple_of(3) {
            String::new()
        } else {
            fence.to_string()
        },
        progress: if fence.is_multiple_of(2) {
            String::new()
        } else {
            format!("[{fence}]")
        },
        error: if fails { error } else { String::new() },
    }
}
