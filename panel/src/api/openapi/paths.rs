//! The paths: which parameters, which answers, which problems.

use serde_json::{Value, json};

use super::reference;
use crate::http::problem::{Code, MEDIA_TYPE};
use crate::limits::Limits;

pub(super) fn paths(limits: &Limits) -> Value {
    let id = parameter(
        "id",
        "path",
        "The job's id.",
        &json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }),
    );
    let queue = parameter(
        "queue",
        "path",
        "The job's queue.",
        &json!({ "type": "string", "pattern": "^[a-z0-9._-]{1,100}$" }),
    );
    let kind = parameter(
        "kind",
        "path",
        "The kind.",
        &json!({ "type": "string", "pattern": "^[a-z0-9._-]{1,100}$" }),
    );
    let wait = parameter(
        "wait",
        "query",
        "How many seconds to wait for the job's end, within the installation's limit.",
        &json!({ "type": "integer", "minimum": 1, "maximum": limits.longest_wait.as_secs() }),
    );
    let payload = parameter(
        "payload",
        "query",
        "Whether to answer with the payload too. Needs the scope payloads:read.",
        &json!({ "type": "boolean", "default": false }),
    );
    let key = parameter(
        "Idempotency-Key",
        "header",
        "Makes repeating the request safe: a fresh UUID for every new one. Remembered for a day.",
        &json!({ "type": "string", "pattern": "^[ -~]{1,255}$", "minLength": 1, "maxLength": 255 }),
    );
    let show = |summary: &str, name: &str, place: &[&Value]| {
        let parameters = [place, &[&wait, &payload]].concat();
        let mut operation = operation(name, summary, "jobs:read", &parameters);
        answers(
            &mut operation,
            &[
                (
                    200,
                    "The job; with `wait`: it is over, or needs a human.",
                    "Job",
                ),
                (
                    202,
                    "It goes on: the time to wait is over, or too many wait.",
                    "Job",
                ),
            ],
        );
        problems(&mut operation, &[400, 401, 403, 404, 429, 500, 503]);
        json!({ "get": operation })
    };
    let cancel = |name: &str, place: &[&Value]| {
        let mut operation = operation(name, "Cancels a job.", "jobs:cancel", place);
        answers(
            &mut operation,
            &[
                (200, "It is cancelled.", "Cancelled"),
                (202, "It runs; its worker was told.", "Cancelled"),
            ],
        );
        problems(&mut operation, &[400, 401, 403, 404, 409, 429, 500, 503]);
        json!({ "post": operation })
    };
    let list =
        |name: &str, summary: &str, parameters: &[&Value], schema: Value, refused: &[u16]| {
            let mut operation = operation(name, summary, "any", parameters);
            operation["responses"]["200"] =
                content("What was asked for.", "application/json", &schema);
            problems(&mut operation, refused);
            json!({ "get": operation })
        };
    json!({
        "/api/v1/jobs": { "post": enqueue(&[&key, &wait]) },
        "/api/v1/jobs/{id}": show("Looks for a job in all queues.", "findJob", &[&id]),
        "/api/v1/jobs/{id}/cancel": cancel("cancelJob", &[&id]),
        "/api/v1/queues/{queue}/jobs/{id}": show("Looks at a job of a queue.", "getJob", &[&queue, &id]),
        "/api/v1/queues/{queue}/jobs/{id}/cancel": cancel("cancelJobOfQueue", &[&queue, &id]),
        "/api/v1/kinds": list("listKinds", "The kinds that can be enqueued.", &[], reference("Kinds"), &[400, 401, 429, 500, 503]),
        "/api/v1/kinds/{kind}": list("getKind", "A kind, with the JSON Schema of its payload.", &[&kind], reference("Kind"), &[400, 401, 404, 429, 500, 503]),
        "/api/v1/openapi.json": list("getDocument", "This document, with the kinds of the installation.", &[], json!({ "type": "object" }), &[400, 401, 429, 500, 503]),
    })
}

fn enqueue(parameters: &[&Value]) -> Value {
    let mut operation = operation(
        "enqueueJobs",
        "Stores one job, or many: all of them are checked before the first is stored.",
        "jobs:enqueue",
        parameters,
    );
    let job = reference("JobRequest");
    let many = json!({ "type": "array", "items": job, "minItems": 1 });
    let schema = json!({ "oneOf": [job, reference("JobsRequest"), many] });
    operation["requestBody"] = content("One job, or many.", "application/json", &schema);
    operation["requestBody"]["required"] = json!(true);
    let stored = |names: &[&str]| json!({ "anyOf": names.iter().map(|name| reference(name)).collect::<Vec<_>>() });
    let replayed = json!({
        "description": "There if the same request was answered before.",
        "schema": { "type": "string", "const": "true" },
    });
    let location =
        json!({ "description": "Where the one job is.", "schema": { "type": "string" } });
    for (status, told, names) in [
        (
            "201",
            "Stored, or stored before under the same Idempotency-Key.",
            &["Receipt", "Receipts"][..],
        ),
        (
            "200",
            "Nothing was stored: the unique keys are taken. With `wait`: the job is over, or needs a human.",
            &["Receipt", "Receipts", "Job"],
        ),
        ("202", "With `wait`: stored, and it goes on.", &["Job"]),
    ] {
        operation["responses"][status] = content(told, "application/json", &stored(names));
        operation["responses"][status]["headers"] =
            json!({ "Idempotent-Replayed": replayed, "Location": location });
    }
    problems(
        &mut operation,
        &[400, 401, 403, 408, 413, 415, 422, 429, 500, 503],
    );
    operation
}

fn operation(name: &str, summary: &str, scope: &str, parameters: &[&Value]) -> Value {
    let scope = match scope {
        "any" => "Needs a token with any scope.".to_owned(),
        scope => format!("Needs the scope `{scope}`."),
    };
    json!({
        "operationId": name,
        "summary": summary,
        "description": scope,
        "parameters": parameters,
        "responses": {},
    })
}

fn parameter(name: &str, place: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": place, "required": place == "path", "description": description, "schema": schema })
}

fn answers(operation: &mut Value, told: &[(u16, &str, &str)]) {
    for (status, description, schema) in told {
        let answer = content(description, "application/json", &reference(schema));
        operation["responses"][status.to_string()] = answer;
    }
}

fn problems(operation: &mut Value, statuses: &[u16]) {
    for status in statuses {
        let codes = Code::ALL.iter().map(|code| code.parts());
        let titles: Vec<&str> = codes
            .filter(|(_, of, _)| of == status)
            .map(|(_, _, title)| title)
            .collect();
        let description = format!("{}.", titles.join(", or "));
        let problem = content(&description, MEDIA_TYPE, &reference("Problem"));
        operation["responses"][status.to_string()] = problem;
        if matches!(status, 429 | 503) {
            let seconds =
                json!({ "schema": { "type": "integer" }, "description": "Seconds to wait." });
            operation["responses"][status.to_string()]["headers"] =
                json!({ "Retry-After": seconds });
        }
    }
}

fn content(description: &str, kind: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { kind: { "schema": schema } } })
}
