//! Can this process do its work now? The parts that are asked, and the answer as JSON.
//!
//! All parts are asked at once and each has one second. The answer names the parts that are
//! not ready and a reason without hosts, users or data.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

/// How long one part may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// One part of the process.
pub(crate) struct Part {
    name: &'static str,
    ask: Box<dyn Fn() -> Answer + Send + Sync>,
}

impl Part {
    /// A part that is asked by a function; its error is shown to whoever can reach the port.
    pub(crate) fn new<F, Fut>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            name,
            ask: Box::new(move || Box::pin(ask())),
        }
    }
}

/// The body of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    not_ready: Vec<NotReady>,
}

/// A part that is not ready.
#[derive(Debug, Serialize)]
struct NotReady {
    part: &'static str,
    reason: String,
}

/// Asks all parts.
pub(crate) async fn ask(parts: &[Part]) -> Readiness {
    let mut asked = JoinSet::new();
    for part in parts {
        let (name, answer) = (part.name, (part.ask)());
        asked.spawn(async move {
            let in_time = tokio::time::timeout(PATIENCE, answer).await;
            (
                name,
                in_time.unwrap_or_else(|_| Err("no answer within 1 s".to_owned())),
            )
        });
    }
    let mut not_ready: Vec<NotReady> = asked
        .join_all()
        .await
        .into_iter()
        .filter_map(|(part, answer)| {
            Some(NotReady {
                part,
                reason: answer.err()?,
            })
        })
        .collect();
    not_ready.sort_by_key(|part| part.part);
    Readiness {
        ready: not_ready.is_empty(),
        not_ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn parts_that_fail_or_hang_are_named_and_the_others_are_not() {
        let parts = [
            Part::new("redis", || async { std::future::pending().await }),
            Part::new("database", || async { Err("no answer".to_owned()) }),
            Part::new("loops", || async { Ok(()) }),
        ];
        let readiness = serde_json::to_string(&ask(&parts).await).unwrap();
        assert_eq!(
            readiness,
            r#"{"ready":false,"not_ready":[{"part":"database","reason":"no answer"},{"part":"redis","reason":"no answer within 1 s"}]}"#
        );
    }
}
