//! Before an operation: how many jobs it would change, and putting it in its queue.

use std::time::Duration;

use super::{Action, Operation};
use crate::client::{Client, ClientError};
use crate::filter::Filter;
use crate::id::JobId;
use crate::inspect::JobView;
use crate::job::Job;

/// Most jobs that are looked at for a count: a person waits for it.
const MAX_COUNTED: usize = 50_000;
/// Jobs that are shown as examples.
const SAMPLE: usize = 5;
/// Jobs of one page of a count.
const PAGE: usize = 1000;

/// What an operation would change now.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How many jobs.
    pub count: u64,
    /// Whether that is all; otherwise it is at least so many.
    pub exact: bool,
    /// The first of them, as lists show them.
    pub sample: Vec<JobView>,
}

impl Client {
    /// Counts the jobs that an operation would change, exactly as long as it looks at no more than
    /// 50,000 or needs to look at none.
    pub async fn preview(&self, action: Action, filter: &Filter) -> Result<Preview, ClientError> {
        let filter = of_action(action, filter);
        let mut preview = Preview {
            count: 0,
            exact: false,
            sample: Vec::new(),
        };
        if filter.asks_for_places_only() {
            preview.sample = self.search(&filter, None, SAMPLE).await?.jobs;
            for queue in self.queues_of(&filter).await? {
                let view = self.queue_view(&queue).await?;
                let states = filter.states().into_iter();
                preview.count += states.map(|state| view.in_state(state)).sum::<u64>();
            }
            preview.exact = true;
            return Ok(preview);
        }
        let (mut cursor, mut looked_at) = (None, 0);
        while looked_at < MAX_COUNTED && !preview.exact {
            let page = self.search(&filter, cursor.as_ref(), PAGE).await?;
            preview.count += page.jobs.len() as u64;
            let room = SAMPLE.saturating_sub(preview.sample.len());
            preview.sample.extend(page.jobs.into_iter().take(room));
            looked_at += page.looked_at.max(1);
            preview.exact = page.complete;
            cursor = page.cursor;
        }
        Ok(preview)
    }

    /// Starts an operation on all jobs that `filter` means now. It begins when `undo_window` is
    /// over; until then, cancelling it in queue `operations` undoes it.
    pub async fn start_operation(
        &self,
        action: Action,
        filter: &Filter,
        by: &str,
        undo_window: Duration,
    ) -> Result<JobId, ClientError> {
        if filter.is_empty() {
            return Err(ClientError::EverythingMeant);
        }
        let at = self.now_ms().await?;
        let operation = Operation {
            action,
            filter: filter.clone().fixed_at(at).to_string(),
            by: by.to_owned(),
            at,
        };
        self.enqueue(&operation)
            .delay(undo_window)
            .tag(format!("operation:{action}"))
            .await
    }
}

/// The jobs of a filter that an action changes. Operations do not change operations.
pub(super) fn of_action(action: Action, filter: &Filter) -> Filter {
    filter.clone().without(action.spares(), Operation::QUEUE)
}
