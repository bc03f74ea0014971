//! `doctor` about the outbox: whether rows are relayed, and whether SQL knows the kinds.

use anyhow::Context;
use crm_job_contract::KINDS;
use rouage::startup::{Finding, Severity};

use crate::app::families::finding;
use crate::store::kinds;
use crate::store::outbox::{Glance, ParkedRows};
use crate::store::pool::Pool;

/// A relay that works takes milliseconds.
const LATE_MS: i64 = 60_000;

pub(super) async fn findings(database: &Pool) -> anyhow::Result<Vec<Finding>> {
    let outbox = ParkedRows::new(database.clone());
    let glance = outbox.glance().await.context("look at the outbox")?;
    Ok(vec![
        relayed(&glance),
        parked(&glance),
        known(database).await?,
    ])
}

fn relayed(glance: &Glance) -> Finding {
    let seconds = glance.lag_ms / 1000;
    let (severity, message) = if glance.lag_ms > LATE_MS {
        let waiting = glance.waiting;
        let message = format!(
            "rows of the outbox are not relayed: {waiting} wait, the first for {seconds} s"
        );
        (Severity::Warning, message)
    } else {
        (Severity::Ok, "the outbox is relayed".to_owned())
    };
    let hint = "see whether a process has role outbox (outbox.enabled) and what it logs";
    finding("outbox", severity, message, hint)
}

fn parked(glance: &Glance) -> Finding {
    let (severity, message) = match glance.parked {
        0 => (Severity::Ok, "no row of the outbox is parked".to_owned()),
        rows => (
            Severity::Warning,
            format!("rows of the outbox of which no job can be made: {rows}"),
        ),
    };
    let hint = "look at them: crm-worker outbox list";
    finding("outbox_parked", severity, message, hint)
}

/// Whether `worker.enqueue` knows the kinds of this release, and no others.
pub(in crate::app) async fn known(database: &Pool) -> anyhow::Result<Finding> {
    let declared = kinds::declared(database).await.context("read the kinds")?;
    let kinds = KINDS.iter().map(|kind| kind.kind);
    let same = declared.iter().map(String::as_str).eq(kinds);
    let (severity, message) = if same {
        (
            Severity::Ok,
            "worker.enqueue knows the kinds of this release",
        )
    } else {
        (
            Severity::Warning,
            "worker.enqueue knows the kinds of another release",
        )
    };
    let hint = "run: crm-worker migrate";
    Ok(finding("kinds", severity, message.to_owned(), hint))
}
