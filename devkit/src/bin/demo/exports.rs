//! Exports for people with different rights, one that asks for what there is not, and a slow job.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use devkit::crm::{ADMIN_ID, MANAGER_PARIS_ID, USER_PARIS_ID};
use serde_json::{Value, json};

use crate::worker::Settings;
use crate::{LOOK_EVERY, Outcome};

/// Rows of a file that are shown.
const SHOWN_ROWS: usize = 3;
/// Columns of the terminal that a row may take.
const SHOWN_WIDTH: usize = 100;
const BAR: usize = 24;
const EXPORT: &str = "exports.export_records";

/// A job and who asks for it.
struct Wish {
    title: &'static str,
    kind: &'static str,
    payload: Value,
    id: String,
}

/// Enqueues the exports, follows them, and shows their files.
pub(crate) async fn show(settings: &Settings) -> Outcome<()> {
    println!("\n  jobs, as they are enqueued by hand\n");
    let mut wishes = wishes();
    for wish in &mut wishes {
        let payload = wish.payload.to_string();
        wish.id = settings.command(&["enqueue", wish.kind, "--json", &payload])?;
    }
    let jobs = follow(settings, &wishes).await?;
    for (wish, job) in wishes
        .iter()
        .zip(&jobs)
        .filter(|(wish, _)| wish.kind == EXPORT)
    {
        tell(wish, job)?;
    }
    Ok(())
}

fn wishes() -> Vec<Wish> {
    let of = |kind, title, payload| Wish {
        title,
        kind,
        payload,
        id: String::new(),
    };
    let wish = |title, payload| of(EXPORT, title, payload);
    vec![
        of(
            "debug.sleep",
            "a job that takes three seconds",
            json!({ "ms": 3000 }),
        ),
        wish(
            "all people, for the administrator",
            json!({ "dataset": "people", "user_id": ADMIN_ID }),
        ),
        wish(
            "organisations of the Paris team, for its manager",
            json!({ "dataset": "organisations", "user_id": MANAGER_PARIS_ID, "sort": "name:asc" }),
        ),
        wish(
            "three columns of a salesman's people in France",
            json!({
                "dataset": "people", "user_id": USER_PARIS_ID, "filters": { "country_code": "FR" },
                "columns": ["id", "last_name", "job_title"],
            }),
        ),
        wish(
            "a workbook of all organisations, with charts",
            json!({ "dataset": "organisations", "user_id": ADMIN_ID, "format": "xlsx" }),
        ),
        wish(
            "a report of all mandates",
            json!({ "dataset": "mandats", "user_id": ADMIN_ID, "format": "pdf" }),
        ),
        wish(
            "a column that does not exist",
            json!({ "dataset": "people", "user_id": ADMIN_ID, "columns": ["emial"] }),
        ),
    ]
}

/// Shows all jobs until they are over.
async fn follow(settings: &Settings, wishes: &[Wish]) -> Outcome<Vec<Value>> {
    let mut drawn = false;
    loop {
        let jobs: Outcome<Vec<Value>> = wishes
            .iter()
            .map(|wish| {
                Ok(serde_json::from_str(
                    &settings.command(&["jobs", "show", &wish.id, "--json"])?,
                )?)
            })
            .collect();
        let jobs = jobs?;
        let over = jobs.iter().all(is_over);
        // Lines that change are for terminals; a log gets the last look only.
        if std::io::stdout().is_terminal() || over {
            if drawn {
                print!("\x1b[{}A\x1b[0J", wishes.len());
            }
            drawn = true;
            for (wish, job) in wishes.iter().zip(&jobs) {
                println!("  {:<50} {}", wish.title, line(job));
            }
            std::io::stdout().flush()?;
        }
        if over {
            return Ok(jobs);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_over(job: &Value) -> bool {
    matches!(
        job["state"].as_str(),
        Some("completed" | "discarded" | "cancelled" | "held")
    )
}

/// State and progress of a job on one line.
fn line(job: &Value) -> String {
    let state = job["state"].as_str().unwrap_or("?");
    let done = job["progress"]["done"].as_u64().unwrap_or(0);
    let total = job["progress"]["total"].as_u64().unwrap_or(0);
    if total == 0 {
        return state.to_owned();
    }
    let filled = BAR * usize::try_from(done.min(total) * 100 / total).unwrap_or(0) / 100;
    format!(
        "{state:<10} {}{} {done}/{total}",
        "█".repeat(filled),
        "░".repeat(BAR - filled)
    )
}

/// What an export left behind: its file's first rows, or why there is none.
fn tell(wish: &Wish, job: &Value) -> Outcome<()> {
    println!("\n  {}", wish.title);
    if job["state"] != "completed" {
        let why = job["errors"]
            .as_array()
            .and_then(|errors| errors.last())
            .map(|error| &error["message"]);
        println!(
            "    {}: {}",
            job["state"].as_str().unwrap_or("?"),
            why.and_then(Value::as_str).unwrap_or("no reason")
        );
        return Ok(());
    }
    let format = wish.payload["format"].as_str().unwrap_or("csv");
    let path = export_file(&wish.id, format);
    let output = &job["result"];
    println!(
        "    {}  ({} rows, {} bytes)",
        path.display(),
        output["rows"],
        output["bytes"]
    );
    if format != "csv" {
        return Ok(());
    }
    for row in BufReader::new(std::fs::File::open(&path)?)
        .lines()
        .take(SHOWN_ROWS + 1)
    {
        println!("    {}", shown(&row?));
    }
    Ok(())
}

/// A row as a terminal may get it: no control characters, one line.
fn shown(row: &str) -> String {
    let row = row.trim_start_matches('\u{feff}').trim_end();
    let visible = |c: char| if c.is_control() { '·' } else { c };
    row.chars().map(visible).take(SHOWN_WIDTH).collect()
}

/// Where a job's file is.
fn export_file(id: &str, format: &str) -> PathBuf {
    PathBuf::from("demo-out").join(format!("{id}.{format}"))
}
