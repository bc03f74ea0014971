//! The CRM's eleven Beat entries over both changes of 2026, as a file that people can read.

use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, Utc};
use rouage::schedule::Timing;

/// Entry and expression, as Celery Beat has them in Europe/Paris.
const ENTRIES: [(&str, &str); 11] = [
    ("check-inactivity-workflows", "0 2 * * *"),
    ("run-daily-workflows", "0 9 * * *"),
    ("run-weekly-workflows", "0 9 * * MON"),
    ("cleanup-old-executions", "0 3 * * SUN"),
    ("dispatch-email-campaigns", "every 60s"),
    ("anonymize-inactive-users", "0 1 * * MON"),
    ("cleanup-access-logs", "0 2 1 * *"),
    ("generate-compliance-report", "0 3 1 * *"),
    ("cleanup-ai-preferences", "0 4 * * SUN"),
    ("sync-all-email-accounts", "*/10 * * * *"),
    ("cleanup-old-emails", "0 3 * * *"),
];
/// From the evening before each change.
const FROM: [&str; 2] = ["2026-03-28T21:00:00Z", "2026-10-24T21:00:00Z"];

fn timing(text: &str) -> Timing {
    match text.strip_prefix("every ") {
        Some(period) => Timing::every(period, "Europe/Paris").unwrap(),
        None => Timing::cron(text, "Europe/Paris").unwrap(),
    }
}

/// The next of each entry; of the two that come often, those within an hour of the change.
fn page() -> String {
    let mut page = String::new();
    for from in FROM {
        let from: DateTime<Utc> = from.parse().unwrap();
        for (name, text) in ENTRIES {
            writeln!(page, "{name} ({text}) after {from}").unwrap();
            let often = text.contains("60s") || text.contains('/');
            let (skip, most) = match (often, text.contains("60s")) {
                (true, true) => (237, 6),
                (true, false) => (21, 12),
                (false, _) => (0, 3),
            };
            for next in timing(text)
                .upcoming(from.timestamp(), skip + most)
                .iter()
                .skip(skip)
            {
                let at = DateTime::<Utc>::from_timestamp(next.at, 0).unwrap();
                let line = format!(
                    "  {}  {}  {}",
                    at.format("%Y-%m-%dT%H:%M:%SZ"),
                    next.local.format("%a %d %b %H:%M:%S %:z"),
                    next.note
                );
                writeln!(page, "{}", line.trim_end()).unwrap();
            }
        }
    }
    page
}

#[test]
fn the_eleven_entries_of_the_crm_come_as_in_the_file_over_both_changes_of_2026() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/schedules/beat-2026.txt");
    let page = page();
    if std::env::vars().any(|(name, _)| name == "WRITE_GOLDEN") {
        std::fs::write(&file, &page).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        page, golden,
        "if this is meant: WRITE_GOLDEN=1 cargo test the_eleven_entries"
    );
}
