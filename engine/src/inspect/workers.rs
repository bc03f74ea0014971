//! Which worker processes are alive and what they do.

use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientError};
use crate::id::JobId;

/// What a worker process says about itself with every beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Unique name of the process: host, pid and a random part.
    pub instance: String,
    /// Host name.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// The binary's version.
    pub version: String,
    /// Queues it serves, each with its number of slots as it is now.
    pub queues: Vec<(String, usize)>,
    /// Jobs it runs now.
    pub running: usize,
    /// Start of the process, ms since 1970 by Redis' clock.
    pub started: u64,
    /// Whether it claims nothing more and will end.
    pub draining: bool,
    /// Whether it was told to claim nothing, and does not any more.
    #[serde(default)]
    pub quiet: bool,
    /// Resident memory of the process in bytes; 0 if unknown.
    #[serde(default)]
    pub rss_bytes: u64,
    /// The jobs it has run for longest, oldest first, at most [`MAX_SHOWN_JOBS`].
    #[serde(default)]
    pub jobs: Vec<RunningJob>,
}

/// Most jobs a worker tells of.
pub const MAX_SHOWN_JOBS: usize = 50;

/// A job that a worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningJob {
    /// Its id.
    pub id: JobId,
    /// Its kind; empty if nobody here knows it.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Start of the attempt, ms since 1970 by Redis' clock.
    pub since: u64,
}

/// A worker and when it was last heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerView {
    /// What it said.
    #[serde(flatten)]
    pub info: WorkerInfo,
    /// How long ago, in ms.
    pub last_beat_ms: u64,
}

impl Client {
    /// The workers that were heard of within the last minute, by instance.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, ClientError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        pipeline
            .cmd("ZRANGE")
            .arg(self.keyspace().workers())
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES");
        let ((seconds, micros), beats): ((u64, u64), Vec<(String, f64)>) =
            self.link().pipeline(&pipeline).await?;
        let now = seconds * 1000 + micros / 1000;
        let mut workers = Vec::new();
        for (instance, beat) in beats {
            if let Some(info) = self.said(&instance).await? {
                workers.push(WorkerView {
                    info,
                    last_beat_ms: now.saturating_sub(beat as u64),
                });
            }
        }
        Ok(workers)
    }

    /// One worker that was heard of within the last minute.
    pub async fn worker(&self, instance: &str) -> Result<WorkerView, ClientError> {
        let unknown = || ClientError::UnknownWorker(instance.to_owned());
        let info = self.said(instance).await?.ok_or_else(unknown)?;
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        pipeline
            .cmd("ZSCORE")
            .arg(self.keyspace().workers())
            .arg(instance);
        let ((seconds, micros), beat): ((u64, u64), Option<f64>) =
            self.link().pipeline(&pipeline).await?;
        let now = seconds * 1000 + micros / 1000;
        Ok(WorkerView {
            info,
            last_beat_ms: beat.map_or(0, |beat| now.saturating_sub(beat as u64)),
        })
    }

    async fn said(&self, instance: &str) -> Result<Option<WorkerInfo>, ClientError> {
        let key = self.keyspace().worker(instance);
        let said: Option<String> = self.link().command(redis::cmd("GET").arg(key)).await?;
        Ok(said.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
