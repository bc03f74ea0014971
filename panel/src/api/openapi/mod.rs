//! The `OpenAPI` 3.1 document: schemas from the types that are served, paths written here.
//!
//! Served with the kinds of the installation, so that a generated client knows their payloads; the
//! committed document is the one without kinds. Keys are sorted, so the same types give the same
//! bytes.

mod paths;

use axum::Json;
use axum::extract::State;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::{Receipt, Receipts};
use super::jobs::CancelledBody;
use super::kinds::{KindBody, KindsBody};
use super::parameters::Parameters;
use super::request::{JobRequest, JobsRequest};
use super::view::JobBody;
use crate::auth::Caller;
use crate::catalog::KindInfo;
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::limits::Limits;
use crate::panel::Panel;

/// Where schemas are.
const SCHEMAS: &str = "#/components/schemas/";

pub(super) async fn serve(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.end()?;
    let kinds = panel.kinds().kinds().iter();
    let kinds: Vec<&KindInfo> = kinds
        .filter(|info| caller.grant().concerns(&info.kind, &info.queue))
        .collect();
    Ok(Json(document(&kinds, panel.limits())))
}

/// The document, with the payloads of those kinds and what one caller may take.
pub fn document(kinds: &[&KindInfo], limits: &Limits) -> Value {
    let mut schemas = schemas();
    add_kinds(&mut schemas, kinds);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "rouage",
            "version": "1",
            "summary": "Puts jobs in, shows them, waits for them, cancels them.",
            "description": "Every error is application/problem+json with a stable `code`. A request with an \
                `Idempotency-Key` may be repeated: it is answered the same and doubles nothing.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "security": [{ "bearer": [] }],
        "paths": paths::paths(limits),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `crm-worker tokens create`, with the scopes it was given.",
                },
            },
        },
    });
    sorted(document)
}

fn schemas() -> Map<String, Value> {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut asked = settings().for_deserialize().into_generator();
    add::<JobRequest>(&mut asked);
    add::<JobsRequest>(&mut asked);
    let mut told = settings().for_serialize().into_generator();
    add::<Receipt>(&mut told);
    add::<Receipts>(&mut told);
    add::<JobBody>(&mut told);
    add::<CancelledBody>(&mut told);
    add::<KindBody>(&mut told);
    add::<KindsBody>(&mut told);
    add::<ProblemBody>(&mut told);
    let mut schemas = asked.take_definitions(true);
    schemas.extend(told.take_definitions(true));
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.parts().0).collect();
    if let Some(code) = schemas
        .get_mut("Problem")
        .and_then(|problem| problem.pointer_mut("/properties/code"))
    {
        code["enum"] = json!(codes);
    }
    schemas
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    let _reference = generator.subschema_for::<T>();
}

/// Makes the request of one job one of those of its kinds.
fn add_kinds(schemas: &mut Map<String, Value>, kinds: &[&KindInfo]) {
    let Some(general) = schemas
        .get("JobRequest")
        .cloned()
        .filter(|_| !kinds.is_empty())
    else {
        return;
    };
    let (mut variants, mut mapping) = (Vec::new(), Map::new());
    for info in kinds {
        let payload = format!("Payload.{}", info.kind);
        let request = format!("JobRequest.{}", info.kind);
        schemas.insert(payload.clone(), moved(info.schema.clone(), &payload));
        let mut variant = general.clone();
        variant["description"] = json!(info.summary);
        variant["properties"]["kind"] = json!({ "type": "string", "const": info.kind });
        variant["properties"]["payload"] = reference(&payload);
        schemas.insert(request.clone(), variant);
        variants.push(reference(&request));
        mapping.insert(info.kind.clone(), json!(format!("{SCHEMAS}{request}")));
    }
    let one_of = json!({
        "description": general["description"],
        "oneOf": variants,
        "discriminator": { "propertyName": "kind", "mapping": mapping },
    });
    schemas.insert("JobRequest".to_owned(), one_of);
}

/// A schema of its own as a part of this document.
fn moved(schema: Value, name: &str) -> Value {
    match schema {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(key, _)| key != "$schema");
            let fields = fields.map(|(key, value)| match value {
                Value::String(text) if key == "$ref" => {
                    let text = text.replacen('#', &format!("{SCHEMAS}{name}"), 1);
                    (key, Value::String(text))
                }
                value => (key, moved(value, name)),
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| moved(item, name)).collect(),
        other => other,
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The same with the keys of every object in their order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.cmp(right));
            let fields = fields.into_iter();
            Value::Object(fields.map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_document_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/openapi.json");
        let text = serde_json::to_string_pretty(&document(&[], &Limits::default())).unwrap() + "\n";
        if std::env::vars().any(|(key, value)| key == "UPDATE_GOLDENS" && value == "1") {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            text, committed,
            "docs/reference/openapi.json differs; if the change is meant, run the test with UPDATE_GOLDENS=1 and \
             review the diff: clients are written against it"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let schema =
            json!({ "$schema": "x", "$ref": "#/$defs/A", "$defs": { "A": { "type": "null" } } });
        let info = KindInfo {
            kind: "a.b".to_owned(),
            queue: "a".to_owned(),
            summary: "Does.".to_owned(),
            schema,
        };
        for document in [&[][..], &[&info]].map(|kinds| document(kinds, &Limits::default())) {
            let mut open = vec![&document];
            while let Some(value) = open.pop() {
                if let Some(place) = value["$ref"].as_str() {
                    let pointer = place.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{place}");
                }
                match value {
                    Value::Object(fields) => open.extend(fields.values()),
                    Value::Array(items) => open.extend(items),
                    _ => {}
                }
            }
        }
    }
}
