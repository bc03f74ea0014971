//! Which command changes what a job waits for.

use rouage::inspect::{Cause, JobView};

/// The command, or several to choose from; `None` where waiting is the best one can do.
pub(super) fn remedy(cause: Cause, job: &JobView) -> Option<String> {
    let id = &job.id;
    let text = match cause {
        Cause::QueuePaused => format!("crm-worker queues resume {}", job.queue),
        Cause::KindPaused => format!("crm-worker queues resume {} --kind {}", job.queue, job.kind),
        Cause::NoWorker => format!("crm-worker run --queues {}", job.queue),
        Cause::Scheduled | Cause::Snoozed | Cause::Retrying => {
            format!("crm-worker jobs retry {id} runs it now")
        }
        Cause::Running | Cause::Overdue => format!("crm-worker jobs cancel {id} stops it"),
        Cause::UnknownKind
        | Cause::Undecodable
        | Cause::CrashLoop
        | Cause::EffectUnknown
        | Cause::Held => {
            format!("crm-worker jobs retry {id} runs it again, crm-worker jobs cancel {id} ends it")
        }
        Cause::Cancelled | Cause::Discarded => {
            format!("crm-worker jobs retry {id} runs it again, with all its attempts")
        }
        _ => return None,
    };
    Some(text)
}
