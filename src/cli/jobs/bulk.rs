//! The same for every job that a filter means: count, ask, start an operation.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};
use std::time::Duration;

use anyhow::{Context, bail};
use rouage::filter::Filter;
use rouage::{Action, Client, Job, JobId, Operation, Preview};

use super::list;
use crate::cli::enqueue::warn_if_unserved;
use crate::cli::{Verdict, failure, moment, output};

/// Jobs by their ids, or all that a filter means.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --filter it counts the jobs, shows some of them, asks, and starts an operation that changes
them in the background; `crm-worker operations show ID` follows it. See `jobs list --help` for
filters.")]
pub(in crate::cli) struct Targets {
    /// The jobs' ids
    #[arg(
        value_name = "ID",
        required_unless_present = "filter",
        conflicts_with = "filter"
    )]
    pub(super) ids: Vec<JobId>,

    /// All jobs that this filter means
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<Filter>,

    /// Do not ask
    #[arg(long, requires = "filter")]
    yes: bool,

    /// Wait this long before it starts, so that it can be cancelled
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, default_value = "0s", requires = "filter")]
    undo: Duration,
}

/// Starts the operation if a filter is given; `None` if ids are.
pub(super) async fn run(
    client: &Client,
    action: Action,
    targets: &Targets,
) -> anyhow::Result<Option<Verdict>> {
    let Some(filter) = &targets.filter else {
        return Ok(None);
    };
    let preview = client.preview(action, filter).await?;
    if preview.count == 0 {
        output::line(format!("no jobs to {action}"))?;
        return Ok(Some(Verdict::Good));
    }
    let question = question(action, &preview);
    if !targets.yes && !is_wanted(&preview, &question)? {
        output::line("nothing was changed")?;
        return Ok(Some(Verdict::Bad));
    }
    let by = format!("crm-worker jobs {action}");
    let id = client
        .start_operation(action, filter, &by, targets.undo)
        .await?;
    warn_if_unserved(client, Operation::QUEUE).await?;
    failure::hint(&format!(
        "crm-worker operations show {id} follows it, crm-worker operations cancel {id} stops it"
    ));
    output::line(id)?;
    Ok(Some(Verdict::Good))
}

fn question(action: Action, preview: &Preview) -> String {
    let at_least = if preview.exact { "" } else { "at least " };
    let jobs = if preview.count == 1 { "job" } else { "jobs" };
    format!("{action} {at_least}{} {jobs}", preview.count)
}

/// Shows examples and asks, if somebody is there to answer.
fn is_wanted(preview: &Preview, question: &str) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        bail!("{question}: nobody is there to ask; hint: --yes does it without asking");
    }
    list::table(&preview.sample)?;
    write!(stderr(), "{question}? [y/N] ").context("ask")?;
    let mut answer = String::new();
    stdin()
        .lock()
        .read_line(&mut answer)
        .context("read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_how_many_and_whether_that_is_all() {
        let mut preview = Preview {
            count: 1,
            exact: true,
            sample: Vec::new(),
        };
        assert_eq!(question(Action::Retry, &preview), "retry 1 job");
        (preview.count, preview.exact) = (50_000, false);
        assert_eq!(
            question(Action::Cancel, &preview),
            "cancel at least 50000 jobs"
        );
    }
}
