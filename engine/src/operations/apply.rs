//! An operation while it runs: page after page of what its filter means, at a bounded pace.
//!
//! After every page it leaves a checkpoint: the cursor, and what was done so far. A successor
//! starts there; what its predecessor did behind the checkpoint is not met again, because those
//! jobs are no longer in the state in which they were found, or came back to it later.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::change::{Change, is_older};
use super::start::of_action;
use super::{Operation, Tally};
use crate::client::Client;
use crate::executor::{Discard, JobContext, JobError, Registry};
use crate::filter::Filter;
use crate::inspect::JobView;
use crate::job::Job;

/// Jobs of one page.
const BATCH: usize = 500;
/// A page takes at least this long: at most 5,000 jobs a second are changed, so that claims and
/// acknowledgements find Redis idle in between.
const PACE: Duration = Duration::from_millis(100);
/// Changes that are under way at once.
const IN_FLIGHT: usize = 32;

/// Where an operation is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Behind which job it goes on; `None` at the start.
    cursor: Option<String>,
    /// How many jobs it expected to meet.
    total: u64,
    tally: Tally,
}

/// Makes a worker run operations: with a client of its own, in one slot.
pub(crate) fn serve(
    registry: Registry,
    client: Client,
    queues: &mut Vec<(String, usize)>,
) -> Registry {
    if !queues.iter().any(|(queue, _)| queue == Operation::QUEUE) {
        queues.push((Operation::QUEUE.to_owned(), 1));
    }
    registry.function(move |operation: Operation, cx: JobContext| {
        let client = client.clone();
        async move { apply(&client, &operation, &cx).await }
    })
}

async fn apply(client: &Client, operation: &Operation, cx: &JobContext) -> Result<Tally, JobError> {
    let filter: Filter = operation.filter.parse().discard()?;
    let filter = of_action(operation.action, &filter);
    let mut state = match cx.checkpoint::<Checkpoint>() {
        Some(state) => state,
        None => Checkpoint {
            total: client.preview(operation.action, &filter).await?.count,
            ..Checkpoint::default()
        },
    };
    loop {
        let begun = Instant::now();
        let cursor = state
            .cursor
            .as_deref()
            .map(str::parse)
            .transpose()
            .discard()?;
        let page = client.search(&filter, cursor.as_ref(), BATCH).await?;
        for change in change_all(client, operation, page.jobs).await? {
            state.tally.count(change);
        }
        let done = state.tally.met();
        cx.progress(done, Some(state.total.max(done)), operation.action.name());
        let Some(cursor) = page.cursor else {
            return Ok(state.tally);
        };
        state.cursor = Some(cursor.to_string());
        cx.set_checkpoint(&state)?;
        cx.sleep(PACE.saturating_sub(begun.elapsed())).await?;
    }
}

/// Changes those of a page that are as they were when the operation was asked for.
async fn change_all(
    client: &Client,
    operation: &Operation,
    mut jobs: Vec<JobView>,
) -> Result<Vec<Change>, JobError> {
    jobs.retain(|job| is_older(job, operation.at));
    let action = operation.action;
    let changes = jobs.into_iter().map(|job| {
        let client = client.clone();
        async move { client.change(action, &job).await }
    });
    let changes = stream::iter(changes).buffer_unordered(IN_FLIGHT);
    Ok(changes.try_collect().await?)
}
