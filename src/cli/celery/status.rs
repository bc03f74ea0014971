//! `crm-worker celery status`.

use rouage::ingress::celery::{CeleryIngress, Status};

use super::super::table::Table;
use super::super::{Verdict, moment, output};

pub(super) async fn run(ingress: &CeleryIngress, json: bool) -> anyhow::Result<Verdict> {
    let status = ingress.status().await?;
    if json {
        output::json(std::slice::from_ref(&status))?;
    } else {
        print(&status)?;
    }
    Ok(if status.evicts() {
        Verdict::Bad
    } else {
        Verdict::Good
    })
}

fn print(status: &Status) -> anyhow::Result<()> {
    let mut lists = Table::new(&["QUEUE", "PRIORITY", "MESSAGES"]);
    for list in &status.lists {
        lists.row([
            list.queue.clone(),
            list.priority.to_string(),
            list.messages.to_string(),
        ]);
    }
    lists.print("no queues")?;
    output::line("")?;
    output::text(&facts(status))?;
    output::line("")?;
    let mut names = Table::new(&["TASK", "MODE", "TAKEN", "SHADOWED", "LEFT", "KIND"]);
    for name in &status.names {
        names.row([
            name.task.clone(),
            name.mode.to_owned(),
            name.taken.to_string(),
            name.shadowed.to_string(),
            name.left.to_string(),
            name.kind.clone(),
        ]);
    }
    names.print("no task names")?;
    if status.evicts() {
        output::line(format!(
            "\nwarning: the broker's maxmemory-policy is {}: messages that wait may be thrown away when its memory is full; set noeviction",
            status.eviction
        ))?;
    }
    Ok(())
}

fn facts(status: &Status) -> String {
    let unacked = &status.unacked;
    let oldest = unacked.oldest_ms.map_or_else(String::new, |age| {
        format!(", the oldest for {}", moment::span(age))
    });
    let eta = unacked.latest_eta.map_or_else(
        || format!("none of {} looked at", unacked.looked_at),
        |latest| {
            format!(
                "{} of {} looked at, the last until {}; an eta beyond the visibility timeout runs twice",
                unacked.eta,
                unacked.looked_at,
                moment::show(latest)
            )
        },
    );
    let without: Vec<String> = status
        .without_ttl
        .iter()
        .map(|(family, keys)| format!("{keys} {family}"))
        .collect();
    let lines = [
        ("unacked", format!("{}{oldest}", unacked.messages)),
        ("eta piles", eta),
        (
            "without TTL",
            format!(
                "{} (of {} keys looked at)",
                without.join(", "),
                status.keys_looked_at
            ),
        ),
        (
            "memory",
            format!(
                "{} bytes used, limit {}, policy {}",
                status.used_memory,
                if status.max_memory == 0 {
                    "none".to_owned()
                } else {
                    status.max_memory.to_string()
                },
                status.eviction
            ),
        ),
        (
            "on the way",
            format!("{} taken and not yet a job", status.held),
        ),
        (
            "open",
            format!("{} jobs whose end was not told yet", status.open),
        ),
        ("parked", status.parked.to_string()),
        (
            "unknown",
            format!("{} left because no table has them", status.unknown),
        ),
    ];
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<12} {value}\n"));
    lines.collect()
}
