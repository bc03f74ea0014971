//! Empties a queue of Celery that keeps its workers from working, message by message into the parking.
//!
//! Nothing is lost and nothing runs: each message is parked whole, and can be put back. What the
//! parking has no room for stays where it is.

use serde::Serialize;

use super::broker::{List, Lying, Spot, WINDOW};
use super::park::Parked;
use super::{CeleryIngress, Shared, wire};
use crate::client::ClientError;

/// Looks at most, so that a queue which grows meanwhile is left at last.
const LOOKS: usize = 1000;

/// A message that would be moved.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The priority step's list, by its number from 0.
    pub list: usize,
    /// Its task, if that can be read.
    pub task: Option<String>,
    /// Its task id, if that can be read.
    pub task_id: Option<String>,
    /// Why it cannot be read, if so.
    pub reason: Option<String>,
    /// Its size in bytes.
    pub bytes: usize,
}

/// What was done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Drained {
    /// Messages that are parked now.
    pub parked: usize,
    /// Messages that are still there.
    pub left: usize,
    /// Those of them that are too large to be parked whole.
    pub too_large: usize,
}

impl CeleryIngress {
    /// The next messages of a queue, at most so many of each list; nothing is moved.
    pub async fn preview(&self, queue: &str, most: usize) -> Result<Vec<Preview>, ClientError> {
        let lists = self.lists_of(queue);
        let shared = &self.shared;
        let spots = vec![Spot::default(); lists.len()];
        let largest = shared.settings.limits.message_bytes;
        let (_, seen) = shared.broker.peek(&lists, &spots, largest).await?;
        let mut found = Vec::new();
        for (list, seen) in seen.iter().enumerate() {
            found.extend(
                seen.messages
                    .iter()
                    .map(|lying| preview(shared, list, lying)),
            );
        }
        found.truncate(most);
        Ok(found)
    }

    /// Parks the messages of a queue, at most so many and only as long as there is room.
    pub async fn drain(&self, queue: &str, most: usize) -> Result<Drained, ClientError> {
        let shared = &self.shared;
        let lists = self.lists_of(queue);
        let mut spots = vec![Spot::default(); lists.len()];
        let mut done = Drained::default();
        for _ in 0..LOOKS {
            let parked = shared.parking.count().await? as usize;
            let room = shared.settings.parked.saturating_sub(parked);
            let room = room.min(most - done.parked).min(WINDOW);
            let (now, seen) = shared
                .broker
                .peek(&lists, &spots, Parked::MOST_BYTES)
                .await?;
            done.left = seen.iter().map(|seen| seen.length).sum();
            let mut wanted: Vec<(&List, Lying)> = Vec::new();
            for ((list, seen), spot) in lists.iter().zip(&seen).zip(&mut spots) {
                for lying in &seen.messages {
                    if lying.large > 0 {
                        spot.skip += 1;
                        done.too_large += 1;
                    } else if wanted.len() < room {
                        wanted.push((list, lying.clone()));
                    }
                }
            }
            if wanted.is_empty() {
                break;
            }
            for held in shared.broker.take(&wanted).await?.into_iter().flatten() {
                let head = wire::head(&held.bytes, &shared.settings.limits).ok();
                let parked = Parked {
                    id: held.tag.clone(),
                    at: now,
                    queue: held.queue.clone(),
                    reason: "drained".to_owned(),
                    message: "the queue was drained".to_owned(),
                    task: head.as_ref().map(|head| head.task.clone()),
                    task_id: head.map(|head| head.id),
                    bytes: held.bytes.len(),
                    raw: String::new(),
                };
                let parked = parked.keep(&held.bytes);
                shared.parking.put(&parked, shared.settings.parked).await?;
                shared.broker.release(&[held.tag]).await?;
                done.parked += 1;
                done.left -= 1;
            }
        }
        Ok(done)
    }

    fn lists_of(&self, queue: &str) -> Vec<List> {
        let keys = self.shared.broker.keys.lists(queue);
        keys.into_iter()
            .map(|key| List {
                queue: queue.to_owned(),
                key,
            })
            .collect()
    }
}

fn preview(shared: &Shared, list: usize, lying: &Lying) -> Preview {
    let bytes = lying.large.max(lying.bytes.len());
    match wire::head(&lying.bytes, &shared.settings.limits) {
        Ok(head) => Preview {
            list,
            task: Some(head.task),
            task_id: Some(head.id),
            reason: None,
            bytes,
        },
        Err(refusal) => Preview {
            list,
            task: refusal.task,
            task_id: refusal.task_id,
            reason: Some(refusal.reason.code().to_owned()),
            bytes,
        },
    }
}
