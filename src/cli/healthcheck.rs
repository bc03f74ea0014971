//! `crm-worker healthcheck`: for a container's health check.

use anyhow::anyhow;

use super::{Verdict, output};
use crate::config::Config;
use crate::telemetry::ask;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Asks the port of http.bind on this machine. Exits 0 if the answer is good, else 1."
)]
pub(super) struct Args {
    /// Ask whether it can do its work, not only whether it is alive
    #[arg(long)]
    ready: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let bind = config
        .settings
        .http
        .ok_or_else(|| anyhow!("http.bind is empty; hint: nothing can be asked without a port"))?;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer = ask::ask(bind, path).await?;
    output::line(&answer.body)?;
    Ok(if answer.status == 200 {
        Verdict::Good
    } else {
        Verdict::Bad
    })
}
