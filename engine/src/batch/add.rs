//! Adding jobs to a batch, and sealing it.
//!
//! 1. The batch goes on the agenda: if this process dies, a courier looks at it a minute later.
//! 2. The members are noted, which makes the batch wait for them.
//! 3. Their jobs are enqueued.
//! 4. The notes are confirmed.
//!
//! A death between 2 and 3 leaves notes without jobs, which the courier drops: nobody was told
//! that they were stored. A death between 3 and 4 leaves notes with jobs, which it confirms. In
//! the other order a member could end before its batch knows it, and the batch finish without it.

use redis::{FromRedisValue, Value};

use super::{Batch, BatchId, Due, MAX_MEMBERS, Member};
use crate::client::{ClientError, Enqueued, NewJob};
use crate::job::Job;
use crate::scripts::{BATCH_ADD, BATCH_CLOSE, BATCH_STORED, MAX_BATCH};

impl Batch {
    /// Enqueues jobs of one kind as members, as often as there are more.
    pub async fn add<'j, J: Job>(
        &self,
        jobs: impl IntoIterator<Item = &'j J>,
    ) -> Result<Vec<Enqueued>, ClientError> {
        let jobs: Result<Vec<_>, _> = jobs.into_iter().map(NewJob::from_job).collect();
        self.add_all(jobs?).await
    }

    /// Enqueues jobs of any kinds and queues as members. Answers in the order of `jobs`.
    ///
    /// After an error some may be members; repeating the call with the same ids adds the rest and
    /// doubles nothing. A job whose unique key is taken is not stored and is no member. The
    /// later steps of a member's chain become members one after the other.
    pub async fn add_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, ClientError> {
        self.client.put_on_agenda(&self.id).await?;
        let mut answers = Vec::with_capacity(jobs.len());
        let mut rest = jobs.into_iter().peekable();
        while rest.peek().is_some() {
            let step: Vec<NewJob> = rest.by_ref().take(MAX_BATCH).collect();
            answers.append(&mut self.add_some(step).await?);
        }
        Ok(answers)
    }

    /// Says that nothing is added any more, except by members while they run. If every member is
    /// over already, or there is none, the callbacks are enqueued now.
    pub async fn seal(&self) -> Result<(), ClientError> {
        self.client.put_on_agenda(&self.id).await?;
        self.client.close(&self.id, "seal").await
    }

    async fn add_some(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, ClientError> {
        let to_enqueue = self.note(&jobs).await?;
        let (wanted, over): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .zip(to_enqueue)
            .enumerate()
            .partition(|(_, (_, wanted))| *wanted);
        let mut answers: Vec<(usize, Enqueued)> = over
            .into_iter()
            .map(|(n, (job, _))| {
                (
                    n,
                    Enqueued {
                        id: job.id,
                        stored: false,
                    },
                )
            })
            .collect();
        let places: Vec<usize> = wanted.iter().map(|(n, _)| *n).collect();
        let jobs = wanted.into_iter().map(|(_, (mut job, _))| {
            job.envelope.batch = Some(self.id.clone());
            job
        });
        let jobs: Vec<NewJob> = jobs.collect();
        let members: Vec<Member> = jobs.iter().map(Member::of).collect();
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::MembersNoted);
        let stored = self.client.enqueue_all(jobs).await?;
        self.confirm(&members, &stored).await?;
        answers.extend(places.into_iter().zip(stored));
        answers.sort_by_key(|(n, _)| *n);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Notes members; answers which of their jobs are to be enqueued.
    async fn note(&self, jobs: &[NewJob]) -> Result<Vec<bool>, ClientError> {
        let keys = self.client.keyspace().batch(&self.id);
        let by = self.by.as_ref().map(Member::to_string);
        let mut call = BATCH_ADD
            .call_sized(keys.base(), jobs.len() + 2, 48 * jobs.len())
            .arg(by.unwrap_or_default())
            .arg(MAX_MEMBERS);
        for job in jobs {
            call.push(Member::of(job).to_string());
        }
        let answer: Value = self.client.link().call(call).await?;
        if let Value::Array(flags) = answer {
            let flags = flags.into_iter().map(bool::from_redis_value);
            let flags: Result<Vec<bool>, _> = flags.collect();
            return flags.map_err(|error| ClientError::Protocol(error.to_string()));
        }
        let word = String::from_redis_value(answer)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        Err(refusal(&self.id, &word))
    }

    /// Says which of the noted jobs are stored, and looks closer at those that were known before.
    async fn confirm(&self, members: &[Member], stored: &[Enqueued]) -> Result<(), ClientError> {
        let (mut words, mut known) = (Vec::new(), Vec::new());
        for (member, answer) in members.iter().zip(stored) {
            if answer.stored {
                words.push((member.clone(), "stored"));
            } else if answer.id == member.id {
                known.push(member.clone());
            } else {
                words.push((member.clone(), "absent"));
            }
        }
        self.client.settle_members(&self.id, words).await?;
        self.client.check_members(&self.id, &known).await
    }
}

impl crate::Client {
    /// Says what became of noted members, at most [`MAX_BATCH`].
    pub(crate) async fn settle_members(
        &self,
        id: &BatchId,
        words: Vec<(Member, &'static str)>,
    ) -> Result<(), ClientError> {
        if words.is_empty() {
            return Ok(());
        }
        let mut call = BATCH_STORED.call(self.keyspace().batch(id).base());
        for (member, word) in words {
            call.push(member.to_string());
            call.push(word);
        }
        let due: Due = self.link().call(call).await?;
        self.fire(id, due).await
    }

    /// Seals a batch, cancels it or lets it go on, and enqueues what is due.
    pub(super) async fn close(&self, id: &BatchId, how: &str) -> Result<(), ClientError> {
        let call = BATCH_CLOSE.call(self.keyspace().batch(id).base()).arg(how);
        let answer: Value = self.link().call(call).await?;
        if !matches!(answer, Value::Array(_)) {
            return Err(ClientError::UnknownBatch(id.clone()));
        }
        let due = Due::from_redis_value(answer)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        self.fire(id, due).await
    }
}

fn refusal(id: &BatchId, word: &str) -> ClientError {
    let id = id.clone();
    match word {
        "unknown" => ClientError::UnknownBatch(id),
        "full" => ClientError::BatchFull(id),
        "sealed" => ClientError::BatchClosed {
            id,
            state: "sealed",
        },
        "cancelled" => ClientError::BatchClosed {
            id,
            state: "cancelled",
        },
        other => ClientError::Protocol(format!("batch_add answered {other:?}")),
    }
}
