//! `crm-worker jobs replay`: a job once more, as a new one, with another payload if wanted.
//!
//! What was edited is checked by the kind's type before anything is stored. Payloads may be
//! personal data: only the names of the changed fields are shown unless values are asked for.

mod edit;

use std::collections::BTreeSet;

use anyhow::Context;
use rouage::{Client, JobId};
use serde_json::Value;

use crate::app;
use crate::cli::enqueue::payload;
use crate::cli::{Verdict, failure, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the new job's id. Held and finished jobs can be replayed; a held one is discarded by it.

Examples:
  crm-worker jobs replay ID
  crm-worker jobs replay ID --json '{\"value\":2}' --dry-run --payload
  crm-worker jobs replay ID --edit")]
pub(in crate::cli) struct Args {
    /// The old job's id
    id: JobId,

    /// The new payload: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "edit")]
    json: Option<String>,

    /// Edit the payload in $EDITOR
    #[arg(long)]
    edit: bool,

    /// Check and show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Show the values that change too, which may be personal data
    #[arg(long)]
    payload: bool,
}

pub(super) async fn run(client: &Client, args: &Args) -> anyhow::Result<Verdict> {
    let job = super::find(client, &args.id).await?;
    let old = client.payload(&job).await.context("load the payload")?;
    let old = old.unwrap_or_default();
    let given = match &args.json {
        Some(given) => Some(payload(given)?),
        None if args.edit => Some(edit::edit(&old)?),
        None => None,
    };
    let edited = match given {
        Some(given) => Some(app::new_job(&job.kind, &given)?.envelope.payload),
        None => None,
    };
    let changes = match &edited {
        Some(new) => changes(&old, &serde_json::from_str(new.get())?, args.payload),
        None => Vec::new(),
    };
    if args.dry_run {
        output::line(format!("{}; nothing was stored", told(&changes)))?;
        return Ok(Verdict::Good);
    }
    let id = client.replay(&job.queue, &args.id, edited).await?;
    failure::hint(&told(&changes));
    output::line(id)?;
    Ok(Verdict::Good)
}

fn told(changes: &[String]) -> String {
    if changes.is_empty() {
        return "the same payload".to_owned();
    }
    format!("changed: {}", changes.join("; "))
}

/// The top-level fields that differ, by name, with their values if they may be shown.
fn changes(old: &Value, new: &Value, values: bool) -> Vec<String> {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        return if old == new {
            Vec::new()
        } else {
            vec![change("payload", Some(old), Some(new), values)]
        };
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    differ
        .map(|name| change(name, before.get(name), after.get(name), values))
        .collect()
}

fn change(name: &str, old: Option<&Value>, new: Option<&Value>, values: bool) -> String {
    if !values {
        return name.to_owned();
    }
    let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    format!("{name}: {} -> {}", text(old), text(new))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_fields_are_named_and_their_values_only_shown_if_asked() {
        let (old, new) = (
            json!({"a": 1, "b": 2, "c": 3}),
            json!({"a": 1, "b": "x", "d": 4}),
        );
        assert_eq!(changes(&old, &new, false), ["b", "c", "d"]);
        let shown = changes(&old, &new, true);
        assert_eq!(
            shown,
            ["b: 2 -> \"x\"", "c: 3 -> nothing", "d: nothing -> 4"]
        );
        assert_eq!(changes(&json!(7), &new, false), ["payload"]);
        assert!(changes(&old, &old, true).is_empty());
    }
}
