//! From Celery's lists into our queues, without loss and without a double.
//!
//! 1. Look into the lists; decide by the name of the task which messages are ours ([`decide`]).
//! 2. Move those into the hash of held messages, in one script with their removal.
//! 3. Read each: a job, or a reason why it is none ([`judge`]).
//! 4. Register the jobs, store them, tell the callers of the others, keep what nobody can run.
//! 5. Let go of the held messages.
//!
//! After a death between any two steps the messages lie in the hash, and whoever finds them there
//! does steps 3 to 5 again: each of them changes nothing the second time.

mod decide;
mod enter;
mod judge;
mod spot;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::decide::{Fate, decide, takes_unknown};
use self::spot::Place;
use super::Shared;
use super::broker::{Held, List};
use crate::backoff::{Backoff, jittered};
use crate::client::ClientError;
use crate::metrics;

/// The pause between two looks while messages come.
const BUSY: Duration = Duration::from_millis(20);
/// With more messages than this on the way, no others are taken.
const MOST_PENDING: usize = 256;
/// How often abandoned messages are looked for, and bindings kept.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Something was taken.
    AtOnce,
    /// There is more to be seen.
    Soon,
    /// Nothing was new.
    Later,
}

/// Takes messages in until it is told to stop.
pub(super) struct Intake {
    shared: Arc<Shared>,
    lists: Vec<List>,
    places: Vec<Place>,
    /// Taken by this process and not brought to an end: first of all these.
    pending: Vec<Held>,
    looked_after: Option<Instant>,
}

impl Intake {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let keys = &shared.broker.keys;
        let steps = keys.steps.len();
        let queues = &shared.settings.queues;
        // As kombu does: the most urgent lists of all queues first.
        let lists: Vec<List> = (0..steps)
            .flat_map(|step| {
                queues.iter().filter_map(move |queue| {
                    let key = keys.lists(queue).into_iter().nth(step)?;
                    let queue = queue.clone();
                    Some(List { queue, key })
                })
            })
            .collect();
        Self {
            places: lists.iter().map(|_| Place::new()).collect(),
            lists,
            shared,
            pending: Vec::new(),
            looked_after: None,
        }
    }

    /// Takes messages in until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pause = BUSY;
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        while !stop.is_cancelled() {
            let rest = match self.round().await {
                Ok(next) => {
                    backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
                    pause = match next {
                        Next::Later => (pause * 3 / 2).min(self.shared.settings.idle_poll),
                        Next::Soon | Next::AtOnce => BUSY,
                    };
                    if next == Next::AtOnce {
                        Duration::ZERO
                    } else {
                        jittered(pause)
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take celery messages in, trying again");
                    backoff.next()
                }
            };
            if rest > Duration::ZERO {
                let _stopped = stop.run_until_cancelled(tokio::time::sleep(rest)).await;
            }
        }
    }

    /// One look and what follows from it; when to look again.
    pub(super) async fn round(&mut self) -> Result<Next, ClientError> {
        self.look_after().await?;
        self.settle().await?;
        if self.pending.len() > MOST_PENDING {
            return Ok(Next::Soon);
        }
        let spots: Vec<_> = self.places.iter().map(|place| place.spot.clone()).collect();
        let largest = self.shared.settings.limits.message_bytes;
        let broker = self.shared.broker.clone();
        let (now, seen) = broker.peek(&self.lists, &spots, largest).await?;
        let unknown = takes_unknown(&self.shared.names, self.shared.settings.unknown);
        let (mut wanted, mut counted, mut more) = (Vec::new(), Vec::new(), false);
        let mut lengths: HashMap<&str, usize> = HashMap::new();
        for ((list, place), seen) in self.lists.iter().zip(&mut self.places).zip(&seen) {
            let mut stayed: Vec<&str> = Vec::new();
            for lying in &seen.messages {
                match decide(
                    lying,
                    &self.shared.names,
                    unknown,
                    &self.shared.settings.limits,
                ) {
                    Fate::Take => wanted.push((list, lying.clone())),
                    Fate::Stay(name) => {
                        stayed.push(&lying.print);
                        counted.push((name, lying.print.clone()));
                    }
                }
            }
            *lengths.entry(&list.queue).or_default() += seen.length;
            more |= place.advance(seen, &stayed, self.shared.settings.depth);
        }
        for (queue, messages) in lengths {
            metrics::celery_waiting(queue, messages);
        }
        let next = match (wanted.is_empty(), more) {
            (false, _) => Next::AtOnce,
            (true, true) => Next::Soon,
            (true, false) => Next::Later,
        };
        self.count(&counted).await?;
        let taken = broker.take(&wanted).await?;
        self.pending.extend(taken.into_iter().flatten());
        self.enter(now).await?;
        Ok(next)
    }

    async fn count(&self, counted: &[(String, String)]) -> Result<(), ClientError> {
        let new = self.shared.registry.count(counted).await?;
        if new > 0 {
            metrics::celery_messages("left", new);
        }
        Ok(())
    }

    /// Brings what this process has taken to an end.
    async fn settle(&mut self) -> Result<(), ClientError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let now = self.shared.broker.now().await?;
        self.enter(now).await
    }

    /// Takes up what others have left behind, and keeps kombu's routes to our queues.
    async fn look_after(&mut self) -> Result<(), ClientError> {
        if self
            .looked_after
            .is_some_and(|last| last.elapsed() < LOOK_AFTER)
        {
            return Ok(());
        }
        self.shared.bind().await?;
        let abandoned = self.shared.settings.abandoned;
        let found = self.shared.broker.abandoned(abandoned).await?;
        let ours = |held: &Held| self.pending.iter().any(|ours| ours.tag == held.tag);
        let found: Vec<Held> = found.into_iter().filter(|held| !ours(held)).collect();
        if !found.is_empty() {
            tracing::warn!(
                messages = found.len(),
                "taking up celery messages that were left half-way"
            );
        }
        self.pending.extend(found);
        self.looked_after = Some(Instant::now());
        Ok(())
    }
}
