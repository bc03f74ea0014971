//! The groups of a queue: who waits, who runs, who may.

use std::collections::HashMap;

use serde::Serialize;

use crate::client::{Client, ClientError};

/// Most groups that one look answers.
const MAX_GROUPS: usize = 1000;

/// A number per group.
type Numbers = HashMap<String, u64>;

/// One group at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// Its key.
    pub group: String,
    /// Jobs in its line.
    pub waiting: u64,
    /// Jobs that run.
    pub running: u64,
    /// How many may run at once; `None` for as many as there are slots.
    pub limit: Option<u64>,
    /// Whether an operator set the limit, not the jobs.
    pub overridden: bool,
}

impl Client {
    /// The groups of a queue with the most waiting jobs, at most 1,000, and all that run something.
    pub async fn groups(&self, queue: &str) -> Result<Vec<GroupView>, ClientError> {
        let keys = self.queue(queue);
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("ZREVRANGE")
            .arg(keys.groups())
            .arg(0)
            .arg(MAX_GROUPS - 1)
            .arg("WITHSCORES");
        for part in [
            keys.group_running(),
            keys.group_limit(),
            keys.group_override(),
        ] {
            pipeline.cmd("HGETALL").arg(part);
        }
        let (waiting, running, limits, overrides): (Vec<(String, f64)>, Numbers, Numbers, Numbers) =
            self.link().pipeline(&pipeline).await?;
        let waits: Vec<String> = waiting.iter().map(|(group, _)| group.clone()).collect();
        let mut only_run: Vec<&String> = running
            .keys()
            .filter(|group| !waits.contains(group))
            .collect();
        only_run.sort();
        let waiting = waiting
            .into_iter()
            .map(|(group, jobs)| (group, jobs as u64))
            .chain(only_run.into_iter().map(|group| (group.clone(), 0)));
        let view = |(group, waiting): (String, u64)| GroupView {
            waiting,
            running: running.get(&group).copied().unwrap_or(0),
            limit: overrides.get(&group).or(limits.get(&group)).copied(),
            overridden: overrides.contains_key(&group),
            group,
        };
        Ok(waiting.map(view).collect())
    }
}
