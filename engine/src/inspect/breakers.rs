//! Which circuit breakers there are, which of them keep jobs waiting, and until when.

use serde::{Serialize, Serializer};

use crate::client::{Client, ClientError};
use crate::gates::{Circuit, parse_words};
use crate::policy::Breaker;
use crate::scripts::BREAKER_LOOK;

/// Most keys of one breaker that are listed: those that failed last.
const MAX_KEYS: usize = 100;

/// Whether a breaker lets attempts pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// All of them.
    Closed,
    /// A few, to see whether the trouble is over.
    HalfOpen,
    /// None.
    Open,
}

impl BreakerState {
    /// The word for people: closed, `half_open`, open.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The number in metrics: 0, 1, 2.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Serialize for BreakerState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One circuit breaker at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakerView {
    /// The kind it belongs to, or the name it was declared with.
    pub name: String,
    /// Which one of that name; empty for the one without a key.
    pub key: String,
    /// What it does.
    pub state: BreakerState,
    /// Attempts in the window; 0 unless it is closed.
    pub attempts: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// When it lends probes, ms since 1970; 0 if it is closed.
    pub until: u64,
    /// How long until then, in ms.
    pub wait_ms: u64,
    /// How often it opened without closing in between.
    pub openings: u64,
    /// Probes that run now.
    pub probes_running: u64,
    /// Probes that succeeded since it is half-open.
    pub probes_passed: u64,
    /// Its policy, if a worker declared it within the last week.
    pub policy: Option<PolicyView>,
}

/// The numbers a breaker decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PolicyView {
    /// What is counted, in ms.
    pub window_ms: u64,
    /// Attempts it takes to open it.
    pub minimum: u32,
    /// Failures in a hundred that open it.
    pub percent: u8,
    /// How long it is open the first time, in ms.
    pub open_ms: u64,
    /// How long it is open at most, in ms.
    pub longest_ms: u64,
    /// Probes it lends, and successes that close it.
    pub probes: u32,
}

impl From<Breaker> for PolicyView {
    fn from(policy: Breaker) -> Self {
        Self {
            window_ms: policy.window.as_millis() as u64,
            minimum: policy.minimum,
            percent: policy.percent,
            open_ms: policy.open.as_millis() as u64,
            longest_ms: policy.longest.as_millis() as u64,
            probes: policy.probes,
        }
    }
}

/// Key, attempts, failures, until, openings, probes passed, probes running.
type Row = (String, u64, u64, u64, u64, u64, u64);

impl BreakerView {
    fn new(name: &str, policy: Option<PolicyView>, now: u64, row: Row) -> Self {
        let (key, attempts, failures, until, openings, probes_passed, probes_running) = row;
        let state = match until {
            0 => BreakerState::Closed,
            until if now < until => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        };
        Self {
            name: name.to_owned(),
            key,
            state,
            attempts,
            failures,
            until,
            wait_ms: until.saturating_sub(now),
            openings,
            probes_running,
            probes_passed,
            policy,
        }
    }

    /// `NAME`, or `NAME/KEY`.
    pub fn title(&self) -> String {
        let (name, key) = (self.name.clone(), self.key.clone());
        Circuit { name, key }.to_string()
    }
}

impl Client {
    /// The names of the breakers that workers declared within the last week, sorted.
    pub async fn breaker_names(&self) -> Result<Vec<String>, ClientError> {
        super::limits::names(self, &self.keyspace().breakers()).await
    }

    /// All of them by name, each followed by its keys that failed lately, the last one first.
    pub async fn breakers(&self) -> Result<Vec<BreakerView>, ClientError> {
        let mut views = Vec::new();
        for name in self.breaker_names().await? {
            views.extend(self.breakers_of(&name).await?);
        }
        Ok(views)
    }

    async fn breakers_of(&self, name: &str) -> Result<Vec<BreakerView>, ClientError> {
        let base = self.keyspace().breaker(name);
        let mut get = redis::cmd("GET");
        get.arg(format!("{base}:declared"));
        let declared: Option<String> = self.link().command(&get).await?;
        let policy = declared.as_deref().and_then(parse_words);
        let call = BREAKER_LOOK.call(&base).arg(MAX_KEYS);
        let (now, rows): (u64, Vec<Row>) = self.link().call(call).await?;
        let view = |row| BreakerView::new(name, policy.map(PolicyView::from), now, row);
        Ok(rows.into_iter().map(view).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(now: u64, until: u64) -> BreakerState {
        BreakerView::new("resend", None, now, (String::new(), 0, 0, until, 0, 0, 0)).state
    }

    #[test]
    fn a_breaker_is_open_until_its_time_and_half_open_from_then_on() {
        assert_eq!(state(1000, 0), BreakerState::Closed);
        assert_eq!(state(1000, 1001), BreakerState::Open);
        assert_eq!(state(1000, 1000), BreakerState::HalfOpen);
    }
}
