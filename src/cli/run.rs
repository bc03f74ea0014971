//! `crm-worker run`: the process that runs until a signal.

use super::Verdict;
use crate::app::run::{Named, Run};
use crate::app::{self, Role, Roles};
use crate::config::{Config, Invalid, LogFormat, Problem};
use crate::telemetry::logs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first SIGTERM or SIGINT drains: nothing more is claimed, running jobs may finish within
worker.grace_s. The second one hands back what runs.

Examples:
  crm-worker run
  crm-worker run --queues exports=4
  crm-worker run --migrate --allow eviction")]
pub(super) struct Args {
    /// What this process does [default: all that is configured]
    #[arg(long, value_delimiter = ',', value_name = "ROLE,…")]
    roles: Vec<Role>,

    /// Only these queues, with their slots if they differ from the settings
    #[arg(long, value_delimiter = ',', value_parser = named, value_name = "QUEUE[=SLOTS],…")]
    queues: Vec<Named>,

    /// Start although doctor has an error of this name about Redis
    #[arg(long, value_name = "NAME")]
    allow: Vec<String>,

    /// Apply pending migrations first
    #[arg(long)]
    migrate: bool,
}

pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<Verdict> {
    let log = &config.settings.log;
    let json = match log.format {
        LogFormat::Auto => None,
        LogFormat::Json => Some(true),
        LogFormat::Pretty => Some(false),
    };
    logs::start(json, &log.level).map_err(|reason| {
        let origin = config.origin("log.level");
        let hint = "off, error, warn, info, debug or trace, also per module: info,rouage=debug";
        Invalid::from(Problem::new(format!("log.level ({origin}): {reason}")).hint(hint))
    })?;
    let run = Run {
        roles: Roles::new(args.roles),
        queues: args.queues,
        allow: args.allow,
        migrate: args.migrate,
    };
    app::run::run(config, &run).await?;
    Ok(Verdict::Good)
}

fn named(text: &str) -> Result<Named, String> {
    let (queue, slots) = text
        .split_once('=')
        .map_or((text, None), |(queue, slots)| (queue, Some(slots)));
    let number = slots.map(str::parse::<usize>).transpose().ok();
    let slots = number.filter(|slots| slots.is_none_or(|slots| (1..=1000).contains(&slots)));
    let slots = slots.ok_or_else(|| "slots are a number from 1 to 1000".to_owned())?;
    Ok(Named {
        queue: queue.to_owned(),
        slots,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_may_bring_its_slots() {
        let parsed = |text| named(text).map(|named| (named.queue, named.slots));
        assert_eq!(parsed("exports"), Ok(("exports".to_owned(), None)));
        assert_eq!(parsed("exports=4"), Ok(("exports".to_owned(), Some(4))));
        for wrong in ["exports=", "exports=0", "exports=1001", "exports=x"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
