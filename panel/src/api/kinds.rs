//! The kinds a caller may enqueue, each with the JSON Schema of its payload.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::parameters::Parameters;
use crate::auth::Caller;
use crate::catalog::KindInfo;
use crate::http::problem::{Code, Problem};
use crate::panel::Panel;

/// A kind.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Kind")]
pub(super) struct KindBody {
    /// Its name, for ever the same.
    kind: String,
    /// The queue its jobs wait in.
    queue: String,
    /// What a run does.
    summary: String,
    /// The JSON Schema of its payload.
    schema: Value,
}

/// All kinds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Kinds")]
pub(super) struct KindsBody {
    /// By name.
    kinds: Vec<KindBody>,
}

impl From<&KindInfo> for KindBody {
    fn from(info: &KindInfo) -> Self {
        Self {
            kind: info.kind.clone(),
            queue: info.queue.clone(),
            summary: info.summary.clone(),
            schema: info.schema.clone(),
        }
    }
}

pub(super) async fn list(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<KindsBody>, Problem> {
    parameters.end()?;
    let kinds = panel.kinds().kinds().iter();
    let kinds = kinds.filter(|info| caller.grant().concerns(&info.kind, &info.queue));
    Ok(Json(KindsBody {
        kinds: kinds.map(KindBody::from).collect(),
    }))
}

pub(super) async fn one(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<KindBody>, Problem> {
    parameters.end()?;
    let unknown = || Problem::new(Code::UnknownKind).hint("GET /api/v1/kinds lists them");
    let Path(kind) = path.map_err(|_| unknown())?;
    let mut kinds = panel.kinds().kinds().iter();
    let found = kinds.find(|info| info.kind == kind);
    found
        .filter(|info| caller.grant().concerns(&info.kind, &info.queue))
        .map(|info| Json(KindBody::from(info)))
        .ok_or_else(unknown)
}
