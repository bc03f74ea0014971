//! Remote control: answers what `celery inspect`, `celery status` and health checks ask, and obeys
//! `revoke`.
//!
//! Whoever reaches the broker may ask, so what would stop or change this process is refused unless
//! it was allowed. What is not done here is answered as such.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use futures_util::StreamExt;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::results::Written;
use super::tell::End;
use super::wire::control::{
    Method, REPLY_SECONDS, ReplyTo, Request, flagged_as_revoked, not_supported, parse, reply,
    reply_lists,
};
use super::wire::{Exception, Origin};
use super::{Mode, Shared};
use crate::backoff::Backoff;
use crate::client::ClientError;
use crate::control::Cancelled;
use crate::id::JobId;
use crate::inspect::JobView;
use crate::state::State;

/// Most jobs of a queue in one answer.
const LISTED: usize = 100;
/// Most revoked ids in one answer.
const REVOKED: usize = 1000;
/// Requests that are answered at once.
const AT_ONCE: usize = 8;

/// What becomes of revoked tasks of which nothing is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strangers {
    /// Their callers read that they are revoked.
    Told,
    /// They are remembered only: somebody else has told that before.
    Left,
}

/// What an answer needs besides what is stored.
struct Desk {
    shared: Arc<Shared>,
    clock: AtomicU64,
    started: Instant,
}

/// Answers until `stop`.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let desk = Desk {
        shared,
        clock: AtomicU64::new(1),
        started: Instant::now(),
    };
    let fresh = || Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    let mut backoff = fresh();
    while !stop.is_cancelled() {
        match stop.run_until_cancelled(desk.listen()).await {
            None => return,
            Some(Ok(())) => backoff = fresh(),
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot hear celery's remote control, trying again");
            }
        }
        let _stopped = stop
            .run_until_cancelled(tokio::time::sleep(backoff.next()))
            .await;
    }
}

impl Desk {
    /// Listens until the connection breaks.
    async fn listen(&self) -> Result<(), ClientError> {
        let broker = &self.shared.broker;
        let channel = broker.keys.control_channel();
        let mut subscription = broker.link.subscribe(&[channel]).await?;
        let requests = subscription.on_message();
        requests
            .for_each_concurrent(AT_ONCE, |message| async move {
                if let Err(error) = self.hear(message.get_payload_bytes()).await {
                    tracing::warn!(%error, "cannot answer celery's remote control");
                }
            })
            .await;
        Ok(())
    }

    async fn hear(&self, raw: &[u8]) -> Result<(), ClientError> {
        let Shared {
            broker, settings, ..
        } = &*self.shared;
        let now = broker.now().await?;
        let request = match parse(raw, now, &settings.node, &settings.limits) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(reason) => {
                tracing::warn!(
                    reason = reason.code(),
                    "a request of celery's remote control cannot be read"
                );
                return Ok(());
            }
        };
        self.clock.fetch_max(request.clock, Ordering::Relaxed);
        let answer = self.answer(&request, now).await?;
        match (answer, &request.reply) {
            (Some(answer), Some(to)) => self.reply(to, &answer).await,
            _ => Ok(()),
        }
    }

    async fn reply(&self, to: &ReplyTo, answer: &Value) -> Result<(), ClientError> {
        let Shared {
            broker, settings, ..
        } = &*self.shared;
        let clock = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        let answer =
            to_raw_value(answer).map_err(|error| ClientError::Protocol(error.to_string()))?;
        let tag = JobId::generate();
        let message = reply(to, &settings.node, &answer, clock, tag.as_str());
        let mut members = redis::cmd("SMEMBERS");
        members.arg(broker.keys.binding("reply.celery.pidbox"));
        let bindings: Vec<String> = broker.link.command(&members).await?;
        for list in reply_lists(&broker.keys, to, &bindings) {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("LPUSH").arg(&list).arg(&message).ignore();
            pipe.cmd("EXPIRE").arg(&list).arg(REPLY_SECONDS).ignore();
            let () = broker.link.pipeline(&pipe).await?;
        }
        Ok(())
    }

    async fn answer(&self, request: &Request, now: u64) -> Result<Option<Value>, ClientError> {
        let shared = &self.shared;
        let clock = self.clock.load(Ordering::Relaxed);
        Ok(Some(match &request.method {
            Method::Ping => json!({"ok": "pong"}),
            Method::Hello { from, .. } if *from == shared.settings.node => return Ok(None),
            Method::Hello { revoked, .. } => {
                self.revoke(revoked, false, Strangers::Left, now).await?;
                json!({"revoked": shared.registry.revoked(REVOKED).await?, "clock": clock})
            }
            Method::Active => json!(self.jobs(&[State::Running], request_of).await?),
            Method::Reserved => json!(self.jobs(&[State::Available], request_of).await?),
            Method::Scheduled => {
                let waiting = [State::Scheduled, State::Retrying];
                json!(self.jobs(&waiting, scheduled_of).await?)
            }
            Method::Revoked => json!(shared.registry.revoked(REVOKED).await?),
            Method::Registered => {
                let taken = shared.names.all().into_iter();
                let taken = taken.filter(|task| task.mode == Mode::Take);
                json!(taken.map(|task| &task.name).collect::<Vec<_>>())
            }
            Method::Stats => self.stats().await?,
            Method::ActiveQueues => {
                json!(shared.settings.queues.iter().map(queue).collect::<Vec<_>>())
            }
            Method::Conf => json!({
                "task_track_started": shared.settings.track_started,
                "result_extended": shared.settings.extended,
                "accept_content": ["json"],
            }),
            Method::Clock => json!({"clock": clock}),
            Method::Report => {
                json!({"ok": concat!("software -> rouage:", env!("CARGO_PKG_VERSION"))})
            }
            Method::Revoke { ids, terminate, .. } => {
                if *terminate && !shared.settings.terminate {
                    tracing::warn!("revoke with terminate is not allowed here, running jobs go on");
                }
                self.revoke(ids, *terminate, Strangers::Told, now).await?;
                flagged_as_revoked(ids)
            }
            Method::Unsupported(method) => {
                tracing::warn!(
                    method,
                    "celery's remote control asked for what is not done here"
                );
                not_supported()
            }
            Method::Events(_) => not_supported(),
            _ => return Ok(None),
        }))
    }

    /// Revokes tasks: those that wait end at once, those that run only if that is wanted and allowed.
    async fn revoke(
        &self,
        ids: &[String],
        terminate: bool,
        strangers: Strangers,
        now: u64,
    ) -> Result<(), ClientError> {
        if ids.is_empty() {
            return Ok(());
        }
        let shared = &self.shared;
        let known = shared.registry.revoke(ids).await?;
        for (id, known) in ids.iter().zip(known) {
            let Some((entry, record)) = known else {
                if strangers == Strangers::Told {
                    shared.revoked(id, now).await?;
                }
                continue;
            };
            let job = shared.client.job(&record.queue, &record.job).await?;
            let runs = job.is_some_and(|job| job.state == State::Running);
            if runs && !(terminate && shared.settings.terminate) {
                continue;
            }
            let cancelled = shared.client.cancel(&record.queue, &record.job).await;
            match cancelled {
                Ok(Cancelled::Now) => {
                    let end = End::Revoked(Exception::revoked());
                    if shared.conclude(&entry, &record.origin, &end, now).await? {
                        shared.registry.close(&entry, &record.origin.id).await?;
                    }
                }
                // Noted and not stored yet: whoever stores it will see that it is revoked.
                Err(ClientError::UnknownJob { .. }) => shared.revoked(id, now).await?,
                Ok(Cancelled::Asked | Cancelled::AlreadyOver) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Jobs that came from Celery, as it shows them.
    async fn jobs(
        &self,
        states: &[State],
        show: fn(&JobView, &Origin, &str) -> Value,
    ) -> Result<Vec<Value>, ClientError> {
        let shared = &self.shared;
        let mut shown = Vec::new();
        for queue in shared.job_queues() {
            for state in states {
                let jobs = shared.client.list(&queue, *state, 0, LISTED).await?;
                for job in &jobs {
                    if let Some(record) = shared.registry.record(job.id.as_str()).await? {
                        shown.push(show(job, &record.origin, &shared.settings.node));
                    }
                }
            }
        }
        Ok(shown)
    }

    async fn stats(&self) -> Result<Value, ClientError> {
        let shared = &self.shared;
        let counts = shared.registry.counts().await?;
        let total: Map<String, Value> = counts
            .into_iter()
            .filter_map(|(name, count)| {
                Some((name.strip_prefix("taken:")?.to_owned(), count.into()))
            })
            .collect();
        let queues = shared.job_queues();
        let workers = shared.client.workers().await?;
        let slots: usize = workers
            .iter()
            .flat_map(|worker| &worker.info.queues)
            .filter(|(queue, _)| queues.contains(queue))
            .map(|(_, slots)| *slots)
            .sum();
        let pid = std::process::id();
        Ok(json!({
            "total": total,
            "pid": pid,
            "clock": self.clock.load(Ordering::Relaxed).to_string(),
            "uptime": self.started.elapsed().as_secs(),
            "pool": {
                "implementation": "rouage",
                "max-concurrency": slots,
                "processes": [pid],
                "max-tasks-per-child": "N/A",
                "put-guarded-by-semaphore": false,
                "timeouts": [0, 0],
                "writes": {},
            },
            "broker": {
                "transport": "redis",
                "virtual_host": shared.broker.keys.database.to_string(),
            },
            "prefetch_count": 0,
            "rusage": {},
        }))
    }
}

impl Shared {
    /// Tells that a task was revoked of which nothing is known here.
    async fn revoked(&self, task_id: &str, now: u64) -> Result<(), ClientError> {
        use super::wire::State as Told;
        use super::wire::result::{Subject, meta};
        let exception = Exception::revoked();
        let state = Told::Revoked {
            exception: &exception,
        };
        let meta = meta(&Subject::bare(task_id), &state, &[], now);
        self.results.store(task_id, &meta, Written::Revoked).await?;
        Ok(())
    }
}

fn request_of(job: &JobView, origin: &Origin, node: &str) -> Value {
    let arguments = origin.arguments.as_ref();
    json!({
        "id": origin.id,
        "name": origin.task,
        "args": arguments.map_or_else(|| json!([]), |given| json!(given.args)),
        "kwargs": arguments.map_or_else(|| json!({}), |given| json!(given.kwargs)),
        "type": origin.task,
        "hostname": node,
        "time_start": (job.started > 0).then(|| job.started as f64 / 1000.0),
        "acknowledged": true,
        "delivery_info": {
            "exchange": "",
            "routing_key": origin.queue,
            "priority": origin.priority,
            "redelivered": false,
        },
        "worker_pid": std::process::id(),
    })
}

fn scheduled_of(job: &JobView, origin: &Origin, node: &str) -> Value {
    let due = i64::try_from(job.since).ok();
    let due = due.and_then(DateTime::from_timestamp_millis);
    json!({
        "eta": due.map(|due| due.to_rfc3339()),
        "priority": 6,
        "request": request_of(job, origin, node),
    })
}

fn queue(name: &String) -> Value {
    json!({
        "name": name,
        "exchange": {
            "name": name, "type": "direct", "arguments": null, "durable": true, "passive": false,
            "auto_delete": false, "delivery_mode": null, "no_declare": false,
        },
        "routing_key": name,
        "queue_arguments": null, "binding_arguments": null, "consumer_arguments": null,
        "durable": true, "exclusive": false, "auto_delete": false, "no_ack": false, "alias": null,
        "bindings": [], "no_declare": null, "expires": null, "message_ttl": null,
        "max_length": null, "max_length_bytes": null, "max_priority": null,
    })
}
