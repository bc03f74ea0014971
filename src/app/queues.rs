//! Which queues this process serves: the settings, narrowed by the command line.

use crate::config::{Problem, Settings};
use crate::suggest;

/// The queue of the kinds that are for trying things out.
const DEBUG: &str = "debug";

/// A queue named on the command line, with its slots if they are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The queue.
    pub(crate) queue: String,
    /// Jobs at once; the settings decide if it is not given.
    pub(crate) slots: Option<usize>,
}

/// Queues with their slots; at least one.
pub(super) fn choose(
    settings: &Settings,
    named: &[Named],
) -> Result<Vec<(String, usize)>, Problem> {
    let configured = &settings.worker.queues;
    let mut chosen: Vec<(String, usize)> = Vec::new();
    for Named { queue, slots } in named {
        let Some(default) = configured.get(queue) else {
            let known = || configured.keys().map(String::as_str);
            let hint = suggest::closest(queue, known()).map_or_else(
                || format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            return Err(Problem::new(format!("unknown queue {queue:?}")).hint(hint));
        };
        if queue == DEBUG && !settings.debug_jobs {
            return Err(
                Problem::new("queue debug is asked for, but debug_jobs.enabled is false")
                    .hint("set CRM_WORKER__DEBUG_JOBS__ENABLED=true"),
            );
        }
        chosen.push((queue.clone(), slots.unwrap_or(*default)));
    }
    if named.is_empty() {
        let enabled = configured
            .iter()
            .filter(|(queue, _)| *queue != DEBUG || settings.debug_jobs);
        chosen = enabled
            .map(|(queue, slots)| (queue.clone(), *slots))
            .collect();
    }
    chosen.retain(|(_, slots)| *slots > 0);
    if chosen.is_empty() {
        return Err(Problem::new("no queue to serve")
            .hint("give a queue of worker.queues at least one slot"));
    }
    Ok(chosen)
}
