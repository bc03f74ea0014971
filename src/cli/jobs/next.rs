//! What happens next with a job, in one sentence.

use rouage::inspect::{JobView, WorkerView};
use rouage::{Pause, State};

use crate::cli::moment;

/// The sentence; `workers` are all that are alive, `paused` is the pause of the job's queue.
pub(super) fn next(
    job: &JobView,
    workers: &[WorkerView],
    paused: Option<&Pause>,
    now: u64,
) -> String {
    let id = &job.id;
    let queue = &job.queue;
    let served = workers
        .iter()
        .any(|worker| worker.info.queues.iter().any(|(name, _)| name == queue));
    let by = match (paused, served) {
        (Some(_), _) => format!(", once `crm-worker queues resume {queue}` ends its pause"),
        (None, true) => String::new(),
        (None, false) => ", once a worker serves the queue: none does now".to_owned(),
    };
    match job.state {
        State::Scheduled => format!(
            "runs {} ({}){by}",
            moment::relative(job.since, now),
            moment::show(job.since)
        ),
        State::Available => format!("runs as soon as a slot of queue {queue} is free{by}"),
        State::Running
            if workers
                .iter()
                .any(|worker| worker.info.instance == job.worker) =>
        {
            format!("runs on {} since {}", job.worker, moment::show(job.started))
        }
        State::Running => format!(
            "{} was not heard of lately: the job runs again when its lease ends{by}",
            job.worker
        ),
        State::Retrying => {
            let attempt = job.attempt + 1;
            format!(
                "attempt {attempt} runs {} ({}){by}",
                moment::relative(job.since, now),
                moment::show(job.since)
            )
        }
        State::Held => {
            format!(
                "waits for a person: `crm-worker jobs retry {id}` runs it again, `crm-worker jobs cancel {id}` ends it"
            )
        }
        State::Completed => "is over; it is forgotten when its retention ends".to_owned(),
        State::Cancelled | State::Discarded => {
            format!("is over; `crm-worker jobs retry {id}` runs it again, with all its attempts")
        }
    }
}
