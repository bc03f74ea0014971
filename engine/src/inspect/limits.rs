//! Which rate limits there are, how fast they let jobs pass, and what is left of them now.

use std::time::Duration;

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::gates::Rate;

/// One rate limit at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitView {
    /// Its name.
    pub name: String,
    /// The rate in effect: permits per `per_ms`.
    pub permits: u32,
    /// The time they are for, in ms.
    pub per_ms: u64,
    /// Permits that may be used at once after a pause.
    pub burst: u32,
    /// Permits that are free now.
    pub free: u32,
    /// How long until the next permit is free, in ms, rounded up; 0 if one is.
    pub next_ms: u64,
    /// Whether an operator set this rate.
    pub set: bool,
    /// What the code declares: permits, ms, burst; `None` if no worker has said so for a week.
    pub declared: Option<(u32, u64, u32)>,
}

impl LimitView {
    /// From the rates in effect and declared, and the bucket's due time and the clock in µs.
    fn new(
        name: String,
        set: Option<Rate>,
        declared: Option<Rate>,
        due: u64,
        now: u64,
    ) -> Option<Self> {
        let rate = set.or(declared)?;
        let (free, next) = rate.bucket(due, now);
        Some(Self {
            name,
            permits: rate.permits,
            per_ms: millis(rate.per),
            burst: rate.burst,
            free,
            next_ms: next.as_micros().div_ceil(1000) as u64,
            set: set.is_some(),
            declared: declared.map(|rate| (rate.permits, millis(rate.per), rate.burst)),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl Client {
    /// The names of the limits that workers declared within the last week, sorted.
    pub async fn limit_names(&self) -> Result<Vec<String>, ClientError> {
        names(self, &self.keyspace().limits()).await
    }

    /// All of them, by name. At most 1,000.
    pub async fn limits(&self) -> Result<Vec<LimitView>, ClientError> {
        let mut views = Vec::new();
        for name in self.limit_names().await? {
            let base = self.keyspace().limit(&name);
            let mut pipeline = redis::pipe();
            pipeline.cmd("GET").arg(format!("{base}:set"));
            pipeline.cmd("GET").arg(format!("{base}:declared"));
            pipeline.cmd("GET").arg(&base);
            pipeline.cmd("TIME");
            let (set, declared, due, (seconds, micros)): (
                Option<String>,
                Option<String>,
                Option<u64>,
                (u64, u64),
            ) = self.link().pipeline(&pipeline).await?;
            let rate = |text: Option<String>| text.as_deref().and_then(Rate::parse);
            let now = seconds * 1_000_000 + micros;
            views.extend(LimitView::new(
                name,
                rate(set),
                rate(declared),
                due.unwrap_or(0),
                now,
            ));
        }
        Ok(views)
    }
}

/// The members of a list of declared names, sorted.
pub(super) async fn names(client: &Client, key: &str) -> Result<Vec<String>, ClientError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(key).arg(0).arg(-1);
    let mut names: Vec<String> = client.link().command(&command).await?;
    names.sort();
    Ok(names)
}
