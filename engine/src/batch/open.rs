//! Opening a batch: its name, its callbacks, its tags.

use std::future::IntoFuture;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BatchId, KEPT, MAX_BATCHES, Member};
use crate::client::{Client, ClientError, NewJob, check_label};
use crate::envelope::MAX_TAGS;
use crate::job::Job;
use crate::scripts::{BATCH_INDEX, BATCH_OPEN};

/// A batch that is being opened; `.await` opens it.
#[derive(Debug)]
#[must_use = "nothing is opened until this is awaited"]
pub struct NewBatch<'c> {
    client: &'c Client,
    id: String,
    /// Fact and job, in the order they were asked for.
    callbacks: Vec<(&'static str, Result<NewJob, ClientError>)>,
    tags: Vec<String>,
}

/// An open batch: jobs are added to it until it is sealed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(super) client: Client,
    pub(super) id: BatchId,
    /// The running member on whose behalf members are added to a sealed batch.
    pub(super) by: Option<Member>,
}

impl Client {
    /// Opens a batch, or one that is open already, by its name such as `campaign:12:2026-11-23`:
    /// letters, digits, `-`, `_` and `:`, at most 50. A name is for one batch only.
    pub fn batch(&self, id: &str) -> NewBatch<'_> {
        NewBatch {
            client: self,
            id: id.to_owned(),
            callbacks: Vec::new(),
            tags: Vec::new(),
        }
    }
}

impl NewBatch<'_> {
    /// Enqueues this job when every member completed. Not while one is discarded or cancelled; a
    /// retry by hand that completes it makes up for that.
    pub fn on_success<J: Job>(self, job: &J) -> Self {
        self.callback("on_success", NewJob::from_job(job))
    }

    /// Enqueues this job when every member is completed, discarded or cancelled: once, also if
    /// members are retried afterwards.
    pub fn on_complete<J: Job>(self, job: &J) -> Self {
        self.callback("on_complete", NewJob::from_job(job))
    }

    /// [`Self::on_success`] with a job that is asked for more than its kind's policy.
    pub fn on_success_job(self, job: NewJob) -> Self {
        self.callback("on_success", Ok(job))
    }

    /// [`Self::on_complete`] with a job that is asked for more than its kind's policy.
    pub fn on_complete_job(self, job: NewJob) -> Self {
        self.callback("on_complete", Ok(job))
    }

    /// What the batch belongs to, such as `campaign:12`.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    fn callback(mut self, fact: &'static str, job: Result<NewJob, ClientError>) -> Self {
        self.callbacks.push((fact, job));
        self
    }

    async fn open(self) -> Result<Batch, ClientError> {
        let batch = Batch {
            client: self.client.clone(),
            id: self.id.parse()?,
            by: None,
        };
        let mut call = BATCH_OPEN.call(batch.client.keyspace().batch(&batch.id).base());
        for (fact, job) in self.callbacks {
            call.push(fact);
            call.push(job?.into_step()?.to_json()?);
        }
        if !self.tags.is_empty() {
            call.push("tags");
            call.push(tags_json(&self.tags)?);
        }
        // The index first: it may name a batch that is not there, and never misses one.
        batch.client.index(&batch.id).await?;
        let _created: u8 = batch.client.link().call(call).await?;
        Ok(batch)
    }
}

impl<'c> IntoFuture for NewBatch<'c> {
    type Output = Result<Batch, ClientError>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.open().boxed()
    }
}

impl Batch {
    /// Its name.
    pub fn id(&self) -> &BatchId {
        &self.id
    }

    /// The batch of a job that runs.
    #[cfg(feature = "worker")]
    pub(crate) fn of_member(client: Client, id: BatchId, member: Member) -> Self {
        Self {
            client,
            id,
            by: Some(member),
        }
    }
}

impl Client {
    async fn index(&self, id: &BatchId) -> Result<(), ClientError> {
        let call = BATCH_INDEX
            .call(&self.keyspace().batches())
            .arg(id.as_str())
            .arg(KEPT.as_millis() as u64)
            .arg(MAX_BATCHES);
        let _new: u8 = self.link().call(call).await?;
        Ok(())
    }
}

fn tags_json(tags: &[String]) -> Result<String, ClientError> {
    if tags.len() > MAX_TAGS {
        check_label("tag", "")?;
    }
    tags.iter().try_for_each(|tag| check_label("tag", tag))?;
    serde_json::to_string(tags).map_err(|error| ClientError::Protocol(error.to_string()))
}
