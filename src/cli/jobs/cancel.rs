//! `crm-worker jobs cancel`.

use rouage::{Action, Cancelled, Client};

use super::bulk::{self, Targets};
use super::find;
use crate::cli::{Verdict, failure, output};

pub(super) async fn run(client: &Client, targets: &Targets) -> anyhow::Result<Verdict> {
    if let Some(verdict) = bulk::run(client, Action::Cancel, targets).await? {
        return Ok(verdict);
    }
    let mut verdict = Verdict::Good;
    for id in &targets.ids {
        let outcome = async {
            let job = find(client, id).await?;
            anyhow::Ok(client.cancel(&job.queue, id).await?)
        };
        match outcome.await {
            Ok(Cancelled::Now) => output::line(format!("{id} is cancelled"))?,
            Ok(Cancelled::Asked) => {
                output::line(format!("{id} runs, its worker was asked to stop it"))?;
            }
            Ok(Cancelled::AlreadyOver) => output::line(format!("{id} was over already"))?,
            Err(error) => {
                failure::report(&error);
                verdict = Verdict::Bad;
            }
        }
    }
    Ok(verdict)
}
