//! `GET /live`: tells an open page that there is something new to see.
//!
//! One stream a page, at most two words a second, and one now and then because ages grow. The page
//! then asks for itself again: what it shows is made in one place, with and without the script.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use rouage::JobId;
use serde::Deserialize;
use tokio::time::Instant;

use crate::panel::Panel;

/// Between two looks.
const PACE: Duration = Duration::from_millis(500);
/// After which a page is told to look also if nothing changed.
const AT_LEAST: Duration = Duration::from_secs(5);
/// How long one stream lives; the browser opens the next one by itself.
const LONGEST: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// A job that the page shows.
    #[serde(default)]
    queue: String,
    #[serde(default)]
    id: String,
}

/// What a stream remembers.
struct Watcher {
    panel: Panel,
    job: Option<(String, JobId)>,
    seen: u64,
    told: Instant,
    end: Instant,
}

pub(crate) async fn live(
    State(panel): State<Panel>,
    Query(asked): Query<Asked>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let now = Instant::now();
    let watcher = Watcher {
        panel,
        job: asked.id.parse().ok().map(|id| (asked.queue, id)),
        seen: 0,
        told: now,
        end: now + LONGEST,
    };
    Sse::new(unfold(watcher, next))
}

/// Waits for something new; the stream ends with the process, or when it is old.
async fn next(mut watcher: Watcher) -> Option<(Result<Event, Infallible>, Watcher)> {
    let drain = watcher.panel.drain().clone();
    loop {
        drain.run_until_cancelled(tokio::time::sleep(PACE)).await?;
        let now = Instant::now();
        if now >= watcher.end {
            return None;
        }
        let (before, seen) = (watcher.seen, watcher.look().await);
        watcher.seen = seen;
        let first = before == 0;
        if !first && (before != seen || now - watcher.told >= AT_LEAST) {
            watcher.told = now;
            return Some((Ok(Event::default().data("new")), watcher));
        }
    }
}

impl Watcher {
    /// A number that is another one when there is something new; Redis being away is new too.
    async fn look(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.panel.queues().await {
            Ok(queues) => {
                for queue in queues.iter() {
                    serde_json::to_string(queue)
                        .unwrap_or_default()
                        .hash(&mut hasher);
                }
            }
            Err(_) => "away".hash(&mut hasher),
        }
        if let Some((queue, id)) = &self.job
            && let Ok(Some(job)) = self.panel.client().job(queue, id).await
        {
            serde_json::to_string(&job)
                .unwrap_or_default()
                .hash(&mut hasher);
        }
        hasher.finish().max(1)
    }
}
