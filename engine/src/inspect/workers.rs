//! Which worker processes are alive and what they do.

use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientError};

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
    /// Queues it serves, each with its number of slots.
    pub queues: Vec<(String, usize)>,
    /// Jobs it runs now.
    pub running: usize,
    /// Start of the process, ms since 1970 by Redis' clock.
    pub started: u64,
    /// Whether it claims nothing more.
    pub draining: bool,
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
            let said: Option<String> = self
                .link()
                .command(redis::cmd("GET").arg(self.keyspace().worker(&instance)))
                .await?;
            let info = said.and_then(|text| serde_json::from_str::<WorkerInfo>(&text).ok());
            if let Some(info) = info {
                workers.push(WorkerView {
                    info,
                    last_beat_ms: now.saturating_sub(beat as u64),
                });
            }
        }
        Ok(workers)
    }
}
