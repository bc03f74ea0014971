//! `crm-worker jobs retry`.

use rouage::{Action, Client, Retried};

use super::bulk::{self, Targets};
use super::find;
use crate::cli::{Verdict, failure, output};

pub(super) async fn run(client: &Client, targets: &Targets) -> anyhow::Result<Verdict> {
    if let Some(verdict) = bulk::run(client, Action::Retry, targets).await? {
        return Ok(verdict);
    }
    let mut verdict = Verdict::Good;
    for id in &targets.ids {
        let outcome = async {
            let job = find(client, id).await?;
            anyhow::Ok((client.retry(&job.queue, id).await?, job.state))
        };
        match outcome.await {
            Ok((Retried::From(before), _)) => {
                output::line(format!("{id} was {before}, is available"))?;
            }
            Ok((Retried::Unchanged, state)) => {
                output::line(format!("{id} is {state}, nothing changed"))?;
            }
            Ok((Retried::Taken(owner), state)) => {
                output::line(format!("{id} is {state}, nothing changed"))?;
                failure::hint(&format!("job {owner} has its unique key now"));
                verdict = Verdict::Bad;
            }
            Err(error) => {
                failure::report(&error);
                verdict = Verdict::Bad;
            }
        }
    }
    Ok(verdict)
}
