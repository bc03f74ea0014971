//! Visits every state of the protocol within bounds and checks what must hold in each.
//!
//! The only bound is the number of claims; everything else repeats states that are known. One
//! job is explored with many claims, two jobs with few, because two jobs only meet in a worker
//! that crashes and in a sweep. "Nothing is lost" is checked constructively: in every state all
//! workers die at once, and one that starts then must bring every job to an end or find it held.
//!
//! Properties about steps (an old fence changed something, an attempt was taken back) are
//! decided while stepping and kept in the state as `broken`. The numbers of states are in
//! `docs/decisions/0003-a-model-of-the-protocol.md`.

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::protocol::{Action, Index, Job, Outcome, Rule, Rules, World};
use crate::stepping::TWICE;

const ONE_INDEX: &str = "a job is in exactly one index";
const ONE_HOLDER: &str = "a fence is held by one worker";
const OVER: &str = "what is over does not run";
const NO_OLD_MARK: &str = "what does not run is not marked";
const NOTHING_LOST: &str = "nothing acknowledged is lost";
const OLD_FENCE: &str = "an outcome was applied under an old fence";
const TAKEN_BACK: &str = "an attempt was taken back without a refund";

/// The protocol within bounds.
struct Protocol {
    rules: Rules,
    jobs: usize,
    workers: usize,
    /// Most claims, which bounds the fences.
    claims: u8,
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.jobs, self.workers)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        for job in 0..world.jobs.len() {
            actions.extend([
                Action::Enqueue { job, later: false },
                Action::Enqueue { job, later: true },
                Action::Promote { job },
                Action::Expire { job },
                Action::Cancel { job },
                Action::Retry { job },
                Action::Prune { job },
            ]);
        }
        actions.push(Action::Sweep);
        for (worker, held) in world.workers.iter().enumerate() {
            // Workers that believe the same are the same worker.
            if worker > 0 && world.workers[worker - 1] == *held {
                continue;
            }
            actions.push(Action::Crash { worker });
            for (job, stored) in world.jobs.iter().enumerate() {
                if held.is_empty() && stored.is_in(Index::Available) && world.claims < self.claims {
                    actions.push(Action::Claim { worker, job });
                }
            }
            for (attempt, believed) in held.iter().enumerate() {
                let decide = |outcome| Action::Decide {
                    worker,
                    attempt,
                    outcome,
                };
                actions.extend(World::outcomes(believed).into_iter().map(decide));
                if believed.is_decided() {
                    let deliver = |answer_lost| Action::Deliver {
                        worker,
                        attempt,
                        answer_lost,
                    };
                    actions.extend([false, true].map(deliver));
                } else {
                    actions.push(Action::Beat { worker, attempt });
                }
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut after = before.clone();
        after.apply(self.rules, action);
        if after == *before {
            return None;
        }
        after.broken = after.broken.or_else(|| broken_by(before, &after, action));
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_INDEX, |_, world: &World| {
                world
                    .jobs
                    .iter()
                    .all(|job| indexes(job) == usize::from(job.stored))
            }),
            Property::always(ONE_HOLDER, |_, world: &World| {
                let mut fences: Vec<u8> = world
                    .workers
                    .iter()
                    .flatten()
                    .map(|held| held.fence)
                    .collect();
                fences.sort_unstable();
                fences.windows(2).all(|pair| pair[0] != pair[1])
            }),
            Property::always(OLD_FENCE, |_, world: &World| {
                world.broken != Some(OLD_FENCE)
            }),
            Property::always(TWICE, |_, world: &World| world.broken != Some(TWICE)),
            Property::always(TAKEN_BACK, |_, world: &World| {
                world.broken != Some(TAKEN_BACK)
            }),
            Property::always(OVER, |_, world: &World| {
                world
                    .jobs
                    .iter()
                    .all(|job| !job.is_over() || job.leases.is_empty())
            }),
            Property::always(NO_OLD_MARK, |_, world: &World| {
                world
                    .jobs
                    .iter()
                    .all(|job| !job.marked || !job.leases.is_empty())
            }),
            Property::always(NOTHING_LOST, |model: &Self, world: &World| {
                world.broken.is_some() || recovers(model.rules, world)
            }),
        ];
        if self.claims >= 3 {
            properties.extend(Self::reached());
        }
        properties
    }
}

impl Protocol {
    /// That the exploration gets far enough to mean something.
    fn reached() -> [Property<Self>; 2] {
        [
            Property::sometimes("a job is held after its third loss", |_, world: &World| {
                world
                    .jobs
                    .iter()
                    .any(|job| job.lost == 3 && job.is_in(Index::Held))
            }),
            Property::sometimes("a late outcome is on its way", |_, world: &World| {
                world.workers.iter().flatten().any(|held| {
                    held.is_decided() && !world.jobs[held.job].is_leased_under(held.fence)
                })
            }),
        ]
    }
}

fn indexes(job: &Job) -> usize {
    job.indexes.len() + job.leases.len()
}

/// Judges a step by its effect, without the rules that led to it.
fn broken_by(before: &World, after: &World, action: Action) -> Option<&'static str> {
    let mut refunded = None;
    if let Action::Deliver {
        worker, attempt, ..
    } = action
    {
        let ack = &before.workers[worker][attempt];
        let job = &before.jobs[ack.job];
        let may = job.fence == ack.fence && job.is_leased_under(ack.fence);
        if !may && after.jobs[ack.job] != *job {
            return Some(OLD_FENCE);
        }
        refunded = ack.decided_refund().then_some(ack.job);
    }
    let anew = matches!(action, Action::Retry { .. } | Action::Prune { .. });
    let taken_back = before
        .jobs
        .iter()
        .zip(&after.jobs)
        .enumerate()
        .any(|(n, (was, is))| is.attempt + u8::from(refunded == Some(n)) < was.attempt && !anew);
    taken_back.then_some(TAKEN_BACK)
}

/// All workers die, one starts: does every job come to an end, or to a human?
fn recovers(rules: Rules, world: &World) -> bool {
    let mut world = world.clone();
    for worker in 0..world.workers.len() {
        world.workers[worker].clear();
    }
    let jobs = world.jobs.len();
    // A lease runs out and a due time comes; then a claim and an end: two rounds at most.
    for _ in 0..2 {
        for job in 0..jobs {
            world.apply(rules, Action::Expire { job });
        }
        world.apply(rules, Action::Sweep);
        for job in 0..jobs {
            world.apply(rules, Action::Promote { job });
            let free = 0;
            if world.jobs[job].is_in(Index::Available) {
                world.apply(rules, Action::Claim { worker: free, job });
                let worker = world.workers.len() - 1;
                world.apply(
                    rules,
                    Action::Decide {
                        worker,
                        attempt: 0,
                        outcome: Outcome::Completed,
                    },
                );
                world.apply(
                    rules,
                    Action::Deliver {
                        worker,
                        attempt: 0,
                        answer_lost: false,
                    },
                );
            }
        }
    }
    world
        .jobs
        .iter()
        .all(|job| !job.stored || job.is_over() || job.is_in(Index::Held))
}

fn explore(rules: Rules, jobs: usize, claims: u8, until: HasDiscoveries) -> impl Checker<Protocol> {
    let model = Protocol {
        rules,
        jobs,
        workers: 3,
        claims,
    };
    model
        .checker()
        .threads(2)
        .finish_when(until)
        .spawn_bfs()
        .join()
}

/// Explores without one of the rules, until these properties are found broken.
fn breaks(rule: Rule, properties: &[&'static str]) {
    let rules = Rules {
        without: Some(rule),
    };
    let until = HasDiscoveries::AllOf(properties.iter().copied().collect());
    let checker = explore(rules, 1, 3, until);
    for property in properties {
        checker.assert_any_discovery(property);
    }
}

#[test]
fn one_job_keeps_every_promise_in_every_state() {
    let checker = explore(Rules::ALL, 1, 3, HasDiscoveries::All);
    checker.assert_properties();
    assert_eq!(
        checker.unique_state_count(),
        90_069,
        "as the decision record says"
    );
}

#[test]
fn two_jobs_keep_every_promise_in_every_state() {
    let checker = explore(Rules::ALL, 2, 2, HasDiscoveries::All);
    checker.assert_properties();
    assert_eq!(
        checker.unique_state_count(),
        82_208,
        "as the decision record says"
    );
}

#[test]
fn without_the_fence_check_old_outcomes_are_applied() {
    breaks(
        Rule::AckChecksTheFence,
        &[OLD_FENCE, TWICE, ONE_INDEX, OVER],
    );
}

#[test]
fn without_new_fences_two_workers_hold_one() {
    breaks(Rule::ClaimsRenewTheFence, &[ONE_HOLDER]);
}

#[test]
fn a_sweep_that_leaves_the_lease_puts_a_job_into_two_indexes() {
    breaks(Rule::SweepRemovesTheLease, &[ONE_INDEX]);
}

#[test]
fn without_a_sweep_a_job_is_lost_with_its_worker() {
    breaks(Rule::SomebodySweeps, &[NOTHING_LOST]);
}

#[test]
fn a_cancellation_that_an_outcome_overlooks_reaches_into_the_next_attempt() {
    breaks(Rule::AckObeysTheMark, &[NO_OLD_MARK]);
}
