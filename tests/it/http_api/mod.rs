//! The HTTP API over the real binary.

pub(crate) mod ask;
mod cancelling;
mod enqueueing;
mod guide;
mod hostile;
mod limits;
mod reading;
mod repeating;
mod schemathesis;
mod serving;
mod tokens;

use devkit::Template;
use serde_json::Value;

use self::ask::{Answer, Ask};
use crate::world::{Worker, World};

/// What most callers are given.
const USUAL: &str = "jobs:enqueue,jobs:read,jobs:cancel";

/// An installation with a worker that serves the API, and a token for it.
pub(crate) struct Api {
    pub(crate) world: World,
    pub(crate) worker: Worker,
    pub(crate) port: u16,
    pub(crate) token: String,
}

impl Api {
    /// With the usual scopes.
    pub(crate) async fn new() -> Self {
        Self::with(USUAL, &[]).await
    }

    /// With other scopes, and other settings.
    pub(crate) async fn with(scopes: &str, settings: &[(&str, &str)]) -> Self {
        let world = World::new(Template::Empty).await;
        let token = create(&world, "usual", &["--scope", scopes]);
        let mut command = world.command();
        command.env("CRM_WORKER__PANEL__BIND", "127.0.0.1:0");
        command.envs(settings.iter().copied()).arg("run");
        let worker = Worker::start(&mut command);
        let port = port(&worker);
        Self {
            world,
            worker,
            port,
            token,
        }
    }

    /// A request with the token.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        Ask::new(self.port, method, path).token(&self.token)
    }

    /// Enqueues that body.
    pub(crate) fn post(&self, body: &str) -> Answer {
        self.ask("POST", "/api/v1/jobs").json(body).send()
    }

    /// Enqueues an echo that is to be answered with that value; its id.
    pub(crate) fn echo(&self, value: u64) -> String {
        let answer = self.post(&echo(value));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// How many jobs of the queue were ever stored.
    pub(crate) async fn stored(&self) -> u64 {
        let client = self.world.client().await;
        client.queue_view("debug").await.unwrap().enqueued_total
    }
}

/// The port of the API.
pub(crate) fn port(worker: &Worker) -> u16 {
    let line = worker.logged("the HTTP API is served");
    let address = line["address"].as_str().unwrap();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// Creates a token.
pub(crate) fn create(world: &World, name: &str, more: &[&str]) -> String {
    let words = [&["tokens", "create", "--name", name], more].concat();
    world.run(&words).good()
}

/// A body that enqueues an echo.
pub(crate) fn echo(value: u64) -> String {
    serde_json::json!({ "kind": "debug.echo", "payload": { "value": value } }).to_string()
}

/// A problem's code, after checking that it is one.
pub(crate) fn code(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let problem: Value = answer.json();
    assert_eq!(problem["status"], answer.status, "{problem}");
    let code = problem["code"].as_str().unwrap().to_owned();
    assert_eq!(problem["type"], format!("urn:rouage:problem:{code}"));
    assert!(!problem["title"].as_str().unwrap().is_empty());
    code
}
