//! What each action does to the world: the scripts, in the model's words.
//!
//! One function per script, with the rules where a script has its safeguards. Whether a step was
//! right is not judged here but in `exploring`, by its effect; only a second completion under
//! one fence is noticed here, since nothing of it is left to see afterwards.

use crate::protocol::{Action, Attempt, Index, Job, Outcome, Rule, Rules, Told, World};

/// Losses that hold a job.
const MAX_LOST: u8 = 3;
/// What [`World::broken`] says when a job completed twice under one fence.
pub(crate) const TWICE: &str = "completed twice under one fence";

impl World {
    /// Takes the action.
    pub(crate) fn apply(&mut self, rules: Rules, action: Action) {
        match action {
            Action::Enqueue { job, later } => self.enqueue(job, later),
            Action::Promote { job } => {
                let job = &mut self.jobs[job];
                if job.indexes.remove(Index::Scheduled) || job.indexes.remove(Index::Retrying) {
                    job.indexes.insert(Index::Available);
                }
            }
            Action::Claim { worker, job } => self.claim(rules, worker, job),
            Action::Beat { worker, attempt } => self.beat(worker, attempt),
            Action::Decide {
                worker,
                attempt,
                outcome,
            } => {
                self.workers[worker][attempt].decided = Some(outcome);
            }
            Action::Deliver {
                worker,
                attempt,
                answer_lost,
            } => {
                let ack = self.workers[worker][attempt].clone();
                if !answer_lost {
                    self.workers[worker].remove(attempt);
                }
                self.acknowledge(rules, &ack);
            }
            Action::Expire { job } => self.jobs[job]
                .leases
                .iter_mut()
                .for_each(|lease| lease.1 = true),
            Action::Sweep => self.jobs.iter_mut().for_each(|job| sweep(rules, job)),
            Action::Cancel { job } => cancel(&mut self.jobs[job]),
            Action::Retry { job } => retry(&mut self.jobs[job]),
            Action::Prune { job } => self.prune(job),
            Action::Crash { worker } => self.workers[worker].clear(),
        }
        self.workers.iter_mut().for_each(|held| held.sort());
        self.workers.sort();
    }

    fn enqueue(&mut self, job: usize, later: bool) {
        let job = &mut self.jobs[job];
        if job.stored {
            return;
        }
        job.stored = true;
        job.indexes.insert(if later {
            Index::Scheduled
        } else {
            Index::Available
        });
    }

    fn claim(&mut self, rules: Rules, worker: usize, job: usize) {
        if rules.have(Rule::ClaimsRenewTheFence) || self.fence == 0 {
            self.fence += 1;
        }
        let fence = self.fence;
        let stored = &mut self.jobs[job];
        if !stored.indexes.remove(Index::Available) {
            return;
        }
        self.claims += 1;
        stored.attempt += 1;
        stored.fence = fence;
        stored.leases.push((fence, false));
        self.workers[worker].push(Attempt {
            job,
            fence,
            number: stored.attempt,
            lost: stored.lost,
            told: Told::Nothing,
            decided: None,
        });
    }

    fn beat(&mut self, worker: usize, attempt: usize) {
        let attempt = &mut self.workers[worker][attempt];
        let job = &mut self.jobs[attempt.job];
        let lease = job.leases.iter_mut().find(|lease| lease.0 == attempt.fence);
        // A worker that hears that its lease is gone may end as one that did not hear it.
        if let Some(lease) = lease {
            lease.1 = false;
            if job.marked {
                attempt.told = Told::Stop;
            }
        }
    }

    fn acknowledge(&mut self, rules: Rules, ack: &Attempt) {
        let Some(outcome) = ack.decided else { return };
        let job = &mut self.jobs[ack.job];
        if rules.have(Rule::AckChecksTheFence) && !job.is_leased_under(ack.fence) {
            return;
        }
        job.leases.retain(|lease| lease.0 != ack.fence);
        job.attempt = ack.number - u8::from(outcome.refunds());
        job.lost = ack.lost;
        let ends = [Outcome::Completed, Outcome::Discarded].contains(&outcome);
        if job.marked && !ends && rules.have(Rule::AckObeysTheMark) {
            job.indexes.insert(Index::Cancelled);
        } else {
            job.indexes.insert(outcome.index());
        }
        if job.is_over() || job.is_in(Index::Held) {
            job.marked = false;
        }
        if outcome == Outcome::Completed {
            if job.completed_under == ack.fence {
                self.broken = Some(TWICE);
            }
            job.completed_under = ack.fence;
        }
    }

    fn prune(&mut self, job: usize) {
        let job = &mut self.jobs[job];
        if job.is_over() {
            *job = Job {
                // The mark is in a key of its own, which prune does not know.
                marked: job.marked,
                completed_under: job.completed_under,
                ..Job::default()
            };
        }
    }
}

fn sweep(rules: Rules, job: &mut Job) {
    if !rules.have(Rule::SomebodySweeps) || !job.leases.iter().any(|lease| lease.1) {
        return;
    }
    if rules.have(Rule::SweepRemovesTheLease) {
        job.leases.retain(|lease| !lease.1);
    }
    job.lost += 1;
    let index = if job.marked {
        job.marked = false;
        Index::Cancelled
    } else if job.lost >= MAX_LOST {
        Index::Held
    } else {
        Index::Available
    };
    job.indexes.insert(index);
}

fn cancel(job: &mut Job) {
    let waits = [
        Index::Available,
        Index::Scheduled,
        Index::Retrying,
        Index::Held,
    ];
    if let Some(index) = waits.iter().find(|index| job.is_in(**index)) {
        job.indexes.remove(*index);
        job.indexes.insert(Index::Cancelled);
        job.marked = false;
    } else if job.is_leased_under(job.fence) {
        job.marked = true;
    }
}

fn retry(job: &mut Job) {
    let ahead = [Index::Scheduled, Index::Retrying];
    let anew = [Index::Held, Index::Discarded, Index::Cancelled];
    if ahead.iter().any(|index| job.indexes.remove(*index)) {
        job.indexes.insert(Index::Available);
    } else if anew.iter().any(|index| job.indexes.remove(*index)) {
        job.indexes.insert(Index::Available);
        (job.attempt, job.lost) = (0, 0);
    }
}
