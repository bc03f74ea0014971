//! The Celery ingress: three servers apart, as they may be, and messages as clients write them.

mod corpus;
mod deaths;
mod results;
mod taking;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devkit::{Persistence, RedisServer};
use rouage::ingress::celery::wire::{BrokerKeys, ResultKeys};
use rouage::ingress::celery::{
    Argument, CeleryIngress, Kinds, Mode, Names, Settings, Task, Unknown,
};
use rouage::{Client, Job, JobError, Link, NewJob, Registry, RetryPolicy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stage::{Running, Stage, eventually};

/// What the tasks of these tests become.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    x: Value,
    #[serde(default)]
    y: Value,
}

impl Job for Demo {
    type Output = Value;
    const KIND: &'static str = "test.demo";
    const QUEUE: &'static str = "test";
    const RETRY: RetryPolicy = RetryPolicy::NEVER;
}

#[derive(Debug)]
struct OneKind;

impl Kinds for OneKind {
    fn queue(&self, kind: &str) -> Option<String> {
        (kind == Demo::KIND).then(|| Demo::QUEUE.to_owned())
    }

    fn job(&self, _kind: &str, payload: &str) -> Result<NewJob, String> {
        let demo: Demo = serde_json::from_str(payload).map_err(|_| "wrong arguments".to_owned())?;
        NewJob::from_job(&demo).map_err(|error| error.to_string())
    }
}

/// Ours, Celery's broker and its result backend.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    broker_link: Link,
    results_link: Link,
    /// They end with the scene.
    _servers: [RedisServer; 2],
    /// How often each `x` was run.
    ran: Arc<Mutex<BTreeMap<String, u64>>>,
}

const DEADLINE: Duration = Duration::from_secs(10);

impl Scene {
    pub(crate) async fn new() -> Self {
        let broker = RedisServer::start(Persistence::None).unwrap();
        let results = RedisServer::start(Persistence::None).unwrap();
        Self {
            stage: Stage::new().await,
            broker_link: Link::connect(&broker.url(), DEADLINE).await.unwrap(),
            results_link: Link::connect(&results.url(), DEADLINE).await.unwrap(),
            _servers: [broker, results],
            ran: Arc::default(),
        }
    }

    /// The same with results on the broker, as most have it.
    fn settings() -> Settings {
        Settings {
            look: Duration::from_millis(20),
            idle_poll: Duration::from_millis(20),
            abandoned: Duration::ZERO,
            chord_lock: Duration::from_secs(1),
            canvas_queues: vec!["elsewhere".to_owned()],
            ..Settings::new(BrokerKeys::default(), ResultKeys::new(""), "node@test")
        }
    }

    pub(crate) fn ingress(&self) -> CeleryIngress {
        self.ingress_with(Self::settings(), names(Mode::Take))
    }

    pub(crate) fn ingress_with(&self, settings: Settings, names: Names) -> CeleryIngress {
        let links = (self.broker_link.clone(), self.results_link.clone());
        let client = self.stage.client.clone();
        CeleryIngress::new(client, links, settings, names, Arc::new(OneKind)).unwrap()
    }

    /// An ingress whose process dies after so many calls of any server.
    pub(crate) fn mortal(&self, calls: u64, settings: Settings) -> CeleryIngress {
        let life = Arc::new(AtomicU64::new(calls));
        let mortal = |link: &Link| link.clone().mortal(Arc::clone(&life));
        let links = (mortal(&self.broker_link), mortal(&self.results_link));
        let ours = mortal(self.stage.client.link());
        let client = Client::with_link(ours, self.stage.client.keyspace().clone());
        CeleryIngress::new(
            client,
            links,
            settings,
            names(Mode::Take),
            Arc::new(OneKind),
        )
        .unwrap()
    }

    /// A worker that runs the tasks: it answers `x`, and fails if `x` is "fail".
    pub(crate) fn work(&self) -> Running {
        let ran = Arc::clone(&self.ran);
        let registry = Registry::new().function(move |job: Demo, _| {
            *ran.lock().unwrap().entry(job.x.to_string()).or_default() += 1;
            async move {
                if job.x == json!("fail") {
                    return Err(JobError::discard("as asked"));
                }
                Ok(job.x)
            }
        });
        self.stage.work(registry)
    }

    pub(crate) fn ran(&self, x: &Value) -> u64 {
        let ran = self.ran.lock().unwrap();
        ran.get(&x.to_string()).copied().unwrap_or(0)
    }

    pub(crate) async fn broker<T: redis::FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        self.broker_link.command(&command).await.unwrap()
    }

    /// Publishes as a client does.
    pub(crate) async fn push(&self, message: &[u8]) {
        let _: u64 = self.broker(&[b"LPUSH", b"celery", message]).await;
    }

    pub(crate) async fn length(&self) -> u64 {
        self.broker(&[b"LLEN", b"celery"]).await
    }

    /// The state of a task as its caller reads it.
    pub(crate) async fn result(&self, task_id: &str) -> Option<Value> {
        let mut command = redis::cmd("GET");
        command.arg(format!("celery-task-meta-{task_id}"));
        let text: Option<String> = self.results_link.command(&command).await.unwrap();
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    pub(crate) async fn set_result(&self, key: &str, value: &str) {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value);
        let () = self.results_link.command(&command).await.unwrap();
    }

    /// Turns until a task has that state.
    pub(crate) async fn turns_to(&self, ingress: &CeleryIngress, id: &str, state: &str) -> Value {
        eventually(&format!("{id} is {state}"), || async {
            ingress.turn().await.unwrap();
            self.result(id)
                .await
                .filter(|result| result["status"] == state)
        })
        .await
    }

    /// Nothing is on the way any more, and nothing is broken.
    pub(crate) async fn is_tidy(&self, ingress: &CeleryIngress) {
        eventually("nothing is on the way", || async {
            ingress.turn().await.unwrap();
            let status = ingress.status().await.unwrap();
            (status.held == 0 && status.open == 0).then_some(())
        })
        .await;
        self.stage.fsck_is_clean().await;
    }
}

/// The table: all tasks of the fixtures are the one kind.
pub(crate) fn names(mode: Mode) -> Names {
    let task = |name: &str, args: &[&str]| Task {
        name: name.to_owned(),
        kind: Demo::KIND.to_owned(),
        mode,
        args: args.iter().map(|arg| Argument::read(arg)).collect(),
        ..Task::default()
    };
    Names::new([
        task("demo.add", &["x", "y"]),
        task("demo.echo", &["x"]),
        task("demo.tsum", &["x"]),
    ])
}

/// A message of protocol 2; `more` is merged into the headers, `embed` follows the task.
pub(crate) fn message(task: &str, id: &str, args: &Value, more: &Value, embed: &Value) -> Vec<u8> {
    let mut headers = json!({
        "lang": "py", "task": task, "id": id, "eta": null, "expires": null, "group": null,
        "group_index": null, "retries": 0, "timelimit": [null, null], "root_id": id,
        "parent_id": null, "ignore_result": false, "replaced_task_nesting": 0,
    });
    for (name, value) in more.as_object().unwrap() {
        headers[name] = value.clone();
    }
    json!({
        "body": json!([args, {}, embed]).to_string(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "correlation_id": id,
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "priority": 0,
            "delivery_tag": rouage::JobId::generate().to_string(),
        },
    })
    .to_string()
    .into_bytes()
}

/// A call of `demo.echo` without anything else.
pub(crate) fn echo(id: &str, x: &Value) -> Vec<u8> {
    message("demo.echo", id, &json!([x]), &json!({}), &json!({}))
}

/// Settings that park what is not in the table.
pub(crate) fn parking() -> Settings {
    Settings {
        unknown: Unknown::Park,
        parked: 10,
        ..Scene::settings()
    }
}
