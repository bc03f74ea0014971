//! `crm-worker jobs retry`.

use rouage::{Client, JobId};

use super::find;
use crate::cli::{Verdict, failure, output};

pub(super) async fn run(client: &Client, ids: &[JobId]) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::Good;
    for id in ids {
        let outcome = async {
            let job = find(client, id).await?;
            anyhow::Ok((client.retry(&job.queue, id).await?, job.state))
        };
        match outcome.await {
            Ok((Some(before), _)) => output::line(format!("{id} was {before}, is available"))?,
            Ok((None, state)) => output::line(format!("{id} is {state}, nothing changed"))?,
            Err(error) => {
                failure::report(&error);
                verdict = Verdict::Bad;
            }
        }
    }
    Ok(verdict)
}
