//! `/system`: whether Redis is safe to keep jobs in, which versions run, and the check of all
//! invariants when somebody asks for it.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::response::Response;
use rouage::ClientError;
use rouage::fsck::Report;
use rouage::inspect::WorkerView;
use rouage::startup::{Finding, Severity};

use super::actions::Administrator;
use super::frame::{Frame, Screen};
use super::show::number;
use super::trouble::{Ask, Trouble, rendered};
use crate::panel::Panel;

/// How long somebody waits for the check before they are sent to the command line.
const PATIENCE: Duration = Duration::from_secs(20);
/// Violations that a page shows.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "system.html")]
struct Page {
    frame: Frame,
    findings: Vec<Line>,
    program: String,
    versions: Vec<(String, String)>,
    checked: Option<Checked>,
}

struct Line {
    name: &'static str,
    class: &'static str,
    icon: &'static str,
    message: String,
    hint: &'static str,
}

/// What the check found.
struct Checked {
    is_clean: bool,
    sentence: String,
    violations: Vec<(String, String)>,
}

pub(crate) async fn system(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    page(frame, &panel, None).await
}

/// `POST /system/fsck`: looks at everything and changes nothing.
pub(crate) async fn fsck(administrator: Administrator) -> Response {
    let (frame, panel) = administrator.did("fsck.run", "", "").await;
    let looked = tokio::time::timeout(PATIENCE, panel.client().fsck()).await;
    let checked = match looked {
        Ok(Ok(report)) => checked(&report, &frame),
        Ok(Err(error)) => return Trouble::from(error).page(frame),
        Err(_) => Checked {
            is_clean: false,
            sentence: frame.words.check_takes_long.to_owned(),
            violations: Vec::new(),
        },
    };
    page(frame, &panel, Some(checked)).await
}

async fn page(frame: Frame, panel: &Panel, checked: Option<Checked>) -> Response {
    let client = panel.client();
    let looked =
        async { Ok::<_, ClientError>((client.check_redis().await?, client.workers().await?)) };
    let (findings, workers) = match looked.await {
        Ok(found) => found,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let page = Page {
        findings: findings.into_iter().map(line).collect(),
        program: panel.desk().program().to_owned(),
        versions: versions(&workers),
        checked,
        frame: frame.at(Screen::System),
    };
    rendered(&page)
}

fn line(finding: Finding) -> Line {
    let (class, icon) = match finding.severity {
        Severity::Ok => ("completed", "well"),
        Severity::Warning => ("retrying", "trouble"),
        Severity::Error => ("discarded", "trouble"),
    };
    Line {
        name: finding.name,
        class,
        icon,
        message: finding.message,
        hint: finding.hint,
    }
}

/// Which versions run, and how many workers of each.
fn versions(workers: &[WorkerView]) -> Vec<(String, String)> {
    let mut versions = BTreeMap::<&str, u64>::new();
    for worker in workers {
        *versions.entry(&worker.info.version).or_default() += 1;
    }
    versions
        .into_iter()
        .map(|(version, workers)| (version.to_owned(), number(workers)))
        .collect()
}

fn checked(report: &Report, frame: &Frame) -> Checked {
    let found = report.violations.len() as u64 + report.more;
    let violations = report.violations.iter().take(MOST);
    Checked {
        is_clean: report.is_clean(),
        sentence: (frame.words.checked)(&number(report.jobs), found),
        violations: violations
            .map(|violation| {
                let place = format!("{} {}", violation.invariant, violation.queue);
                (place, violation.message.clone())
            })
            .collect(),
    }
}
