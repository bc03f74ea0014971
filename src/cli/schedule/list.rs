//! `crm-worker schedule list`: each schedule, as it is in effect.

use std::collections::BTreeMap;

use rouage::schedule::{self, LeaderView};
use serde::Serialize;

use crate::app::schedules::{self, Known};
use crate::cli::table::Table;
use crate::cli::{failure, moment, output};
use crate::config::Config;

/// A schedule, on one line. Instants are ms since 1970, 0 for never.
#[derive(Debug, Serialize)]
struct Line {
    schedule: String,
    kind: String,
    queue: String,
    /// Expression and zone, or period.
    when: String,
    zone: &'static str,
    /// on, paused or overdue.
    state: &'static str,
    next: u64,
    last_occurrence: u64,
    last_fired: u64,
    last_job: Option<String>,
    last_success: u64,
    missed: u64,
    on_missed: String,
    overlap: String,
    /// What was changed by hand, by its name in the file.
    changed: BTreeMap<&'static str, String>,
    changed_by: String,
    changed_at: u64,
    changed_note: String,
    /// Why the change is not in effect.
    change_refused: Option<String>,
}

pub(super) async fn run(config: &Config, json: bool) -> anyhow::Result<()> {
    let now = moment::now_ms();
    let known = schedules::known(config).await?;
    let lines: Vec<Line> = known.iter().map(|known| line(known, now)).collect();
    if json {
        return output::json(&lines);
    }
    let mut table = Table::new(&[
        "SCHEDULE",
        "KIND",
        "WHEN",
        "STATE",
        "NEXT",
        "FIRED",
        "SUCCEEDED",
        "MISSED",
        "CHANGED",
    ]);
    for line in &lines {
        let next = match line.state {
            "paused" => "-".to_owned(),
            _ => moment::relative(line.next, now),
        };
        table.row([
            line.schedule.clone(),
            line.kind.clone(),
            line.when.clone(),
            line.state.to_owned(),
            next,
            moment::relative(line.last_fired, now),
            moment::relative(line.last_success, now),
            line.missed.to_string(),
            changes(line),
        ]);
    }
    table.print("no schedules")?;
    tell_who_leads(config, &lines).await
}

async fn tell_who_leads(config: &Config, lines: &[Line]) -> anyhow::Result<()> {
    let client = crate::app::client(config).await?;
    match schedule::leader(&client).await? {
        Some(LeaderView { instance, .. }) => failure::hint(&format!("{instance} leads")),
        None if lines.iter().any(|line| line.state != "paused") => {
            failure::hint("no scheduler runs, nothing is fired; start one: crm-worker run");
        }
        None => {}
    }
    Ok(())
}

fn line(known: &Known, now: u64) -> Line {
    let Known {
        entry,
        stored,
        refused,
        ..
    } = known;
    let since = (stored.considered / 1000) as i64;
    let now = (now / 1000) as i64;
    let is_known = stored.timing == entry.fingerprint();
    let state = match entry.enabled {
        false => "paused",
        true if is_known && schedule::overdue(entry, since, now) => "overdue",
        true => "on",
    };
    let overrides = &stored.overrides;
    let texts = overrides.texts().into_iter();
    let mut changed: BTreeMap<&'static str, String> = texts
        .filter_map(|(key, text)| Some((key, text?.to_owned())))
        .collect();
    if let Some(enabled) = overrides.enabled {
        changed.insert("enabled", enabled.to_string());
    }
    let next = entry.timing.next(now).unwrap_or(0);
    Line {
        schedule: entry.name.clone(),
        kind: entry.job.envelope.kind.clone(),
        queue: entry.job.queue.clone(),
        when: entry.timing.to_string(),
        zone: entry.timing.zone(),
        state,
        next: if entry.enabled {
            next.max(0) as u64 * 1000
        } else {
            0
        },
        last_occurrence: stored.last_occurrence,
        last_fired: stored.last_fired,
        last_job: stored.last_job.as_ref().map(ToString::to_string),
        last_success: stored.last_success,
        missed: stored.missed,
        on_missed: entry.on_missed.to_string(),
        overlap: entry.overlap.to_string(),
        changed,
        changed_by: overrides.by.clone(),
        changed_at: overrides.at,
        changed_note: overrides.note.clone(),
        change_refused: refused.clone(),
    }
}

/// What was changed, by whom and why, in one cell.
fn changes(line: &Line) -> String {
    if line.changed.is_empty() {
        return "-".to_owned();
    }
    let each: Vec<String> = line
        .changed
        .iter()
        .map(|(key, text)| format!("{key} = {text}"))
        .collect();
    let mut cell = format!(
        "{} by {} {}",
        each.join(", "),
        line.changed_by,
        moment::show(line.changed_at)
    );
    if !line.changed_note.is_empty() {
        cell = format!("{cell}: {}", line.changed_note);
    }
    if line.change_refused.is_some() {
        cell.push_str(" (not in effect: it cannot be read)");
    }
    cell
}
