//! What follows the end of a task, done so that doing it again shows nothing twice.
//!
//! [`wire::after`] says what follows; here it happens, in that order. Messages are published once
//! for each entry, whoever publishes them: ids that a signature left open are derived from the entry,
//! and the broker remembers what was published for it. Results never overwrite a success. Parts of
//! a chord are counted once by Celery's own keys.

use std::collections::VecDeque;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Shared;
use super::registry::hex;
use super::results::{Counted, Written};
use super::wire::result::{Subject, meta};
use super::wire::{self, Act, Exception, Origin, Outcome, Sender, State, canvas};
use crate::client::ClientError;
use crate::metrics;

/// How a task ended.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// With this output.
    Success(Box<RawValue>),
    /// It failed for good.
    Failed(Exception),
    /// It was revoked, stopped, or its time was over.
    Revoked(Exception),
}

impl End {
    fn outcome(&self) -> Outcome<'_> {
        match self {
            Self::Success(result) => Outcome::Success { result },
            Self::Failed(exception) => Outcome::Failure {
                exception,
                traceback: None,
            },
            Self::Revoked(exception) => Outcome::Revoked { exception },
        }
    }
}

/// Ids that are the same each time they are made for the same occasion.
struct Derived {
    occasion: String,
    made: u32,
}

impl Derived {
    fn new(occasion: &str) -> Self {
        Self {
            occasion: occasion.to_owned(),
            made: 0,
        }
    }

    /// The next one, in the form of a UUID.
    fn next(&mut self) -> String {
        self.made += 1;
        let digest = Sha256::digest(format!("{} {}", self.made, self.occasion));
        let digits = hex(&digest, 32);
        let part = |from: usize, to: usize| &digits[from..to];
        format!(
            "{}-{}-4{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }
}

/// Things to do together.
struct Errand {
    /// Names the occasion.
    marker: String,
    acts: Vec<Act>,
    /// The chord whose body this sends.
    chord: Option<String>,
}

impl Shared {
    /// Does what follows the end of a task; `false` if somebody else is doing a part of it, which must
    /// be asked again because he may die.
    pub(super) async fn conclude(
        &self,
        entry: &str,
        origin: &Origin,
        end: &End,
        now: u64,
    ) -> Result<bool, ClientError> {
        let acts = self.acts(entry, now, |sender| {
            wire::after(origin, end.outcome(), sender)
        });
        let mut errands = VecDeque::from([Errand {
            marker: entry.to_owned(),
            acts,
            chord: None,
        }]);
        let mut all = true;
        while let Some(errand) = errands.pop_front() {
            let (further, busy) = self.run_errand(&errand, origin, now).await?;
            errands.extend(further);
            all &= !busy;
        }
        Ok(all)
    }

    /// Tells the caller of a message that is no task why it is none.
    pub(super) async fn refuse(
        &self,
        task_id: &str,
        exception: &Exception,
        now: u64,
    ) -> Result<(), ClientError> {
        let state = State::Failure {
            exception,
            traceback: None,
        };
        let meta = meta(&Subject::bare(task_id), &state, &[], now);
        self.store(task_id, &meta, "FAILURE").await
    }

    /// Tells a state that is no end.
    pub(super) async fn show(
        &self,
        origin: &Origin,
        state: &State<'_>,
        now: u64,
    ) -> Result<(), ClientError> {
        let subject = Subject::of(origin, &self.settings.node);
        let meta = meta(&subject, state, &[], now);
        self.results
            .store(&origin.id, &meta, Written::OnTheWay)
            .await?;
        Ok(())
    }

    async fn store(
        &self,
        task_id: &str,
        meta: &str,
        state: &'static str,
    ) -> Result<(), ClientError> {
        if self.results.store(task_id, meta, Written::End).await? {
            metrics::celery_result(state);
        }
        Ok(())
    }

    /// Does one errand; answers those that follow from it, and whether somebody else is at one.
    async fn run_errand(
        &self,
        errand: &Errand,
        origin: &Origin,
        now: u64,
    ) -> Result<(Vec<Errand>, bool), ClientError> {
        let (mut further, mut busy) = (Vec::new(), false);
        let mut messages = Vec::new();
        for (number, act) in errand.acts.iter().enumerate() {
            if let Act::Publish {
                queue,
                priority,
                task_id,
                raw,
                ..
            } = act
            {
                if self.may_publish_to(queue) {
                    let list = self.broker.keys.list(queue, *priority);
                    messages.push((list, raw.clone()));
                } else {
                    let sentence = "a task of the canvas is for a queue that is not served here";
                    self.refuse(task_id, &Exception::invalid_task(sentence), now)
                        .await?;
                }
                continue;
            }
            let marker = format!("{}:{number}", errand.marker);
            self.broker
                .publish(&marker, &std::mem::take(&mut messages))
                .await?;
            match act {
                Act::Store {
                    task_id,
                    state,
                    meta,
                } => self.store(task_id, meta, state).await?,
                Act::Chord(part) => match self.results.chord_part(part, &self.settings.node).await?
                {
                    Counted::Enough => {}
                    Counted::Busy => busy = true,
                    Counted::Last(members) => {
                        further.push(self.body(part, origin, &members, now));
                    }
                },
                Act::Publish { .. } => {}
            }
        }
        let marker = format!("{}:end", errand.marker);
        self.broker.publish(&marker, &messages).await?;
        if let Some(chord) = &errand.chord {
            self.results.chord_done(chord).await?;
        }
        Ok((further, busy))
    }

    /// What there is to do when all parts of a chord have ended.
    fn body(&self, part: &canvas::Part, origin: &Origin, members: &[String], now: u64) -> Errand {
        let marker = format!("chord:{}", part.group);
        let acts = self.acts(&marker, now, |sender| {
            canvas::gather(origin, &part.body, members, sender)
        });
        Errand {
            marker,
            acts,
            chord: Some(part.group.clone()),
        }
    }

    /// What there is to do, with ids that depend on the occasion only.
    fn acts(
        &self,
        occasion: &str,
        now_ms: u64,
        make: impl FnOnce(&mut Sender<'_>) -> Vec<Act>,
    ) -> Vec<Act> {
        let mut derived = Derived::new(occasion);
        make(&mut Sender {
            node: &self.settings.node,
            now_ms,
            fresh: &mut || derived.next(),
        })
    }

    /// A canvas comes from whoever may push to the broker: it reaches only queues that were named.
    fn may_publish_to(&self, queue: &str) -> bool {
        let Self { settings, .. } = self;
        let mut known = settings.queues.iter().chain(&settings.canvas_queues);
        known.any(|name| name == queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_uuids_and_the_same_each_time() {
        let ids = || {
            let mut derived = Derived::new("entry");
            [derived.next(), derived.next()]
        };
        let [one, two] = ids();
        assert_eq!(ids(), [one.clone(), two.clone()]);
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
    }
}
