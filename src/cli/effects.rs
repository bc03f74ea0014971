//! `crm-worker effects`: what may have happened, and a person's word about it.

use anyhow::anyhow;

use super::table::Table;
use super::{Verdict, failure, moment, output};
use crate::app;
use crate::config::Config;
use crate::store::effects::{Decided, Decision};
use crate::store::pool::explained;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List effects of which nobody knows whether they happened, the oldest first
    List(List),
    /// Say whether an effect happened; then retry its job
    Decide(Decide),
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// At most this many, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("decision").required(true),
    after_help = "\
Look it up where it would have happened (the provider's log) before you decide: `--happened` makes
sure that it is never run, `--did-not-happen` that it is run again.

Examples:
  crm-worker effects decide mail:send:42 --happened --note \"in the provider's log at 10:31\"
  crm-worker effects decide mail:send:42 --did-not-happen --note \"provider has no trace of it\""
)]
pub(super) struct Decide {
    /// The effect's key
    key: String,

    /// It happened
    #[arg(long, group = "decision")]
    happened: bool,

    /// It did not happen
    #[arg(long, group = "decision")]
    did_not_happen: bool,

    /// What it answered, as JSON, if the job needs the answer
    #[arg(
        long,
        value_name = "JSON",
        requires = "happened",
        default_value = "null"
    )]
    answer: String,

    /// How you know, for whoever asks later
    #[arg(long)]
    note: String,
}

pub(super) async fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    match command {
        Command::List(args) => list(config, args).await,
        Command::Decide(args) => decide(config, args).await,
    }
}

async fn list(config: &Config, args: &List) -> anyhow::Result<Verdict> {
    let open = app::effects(config)?.open(args.limit).await;
    let open = open.map_err(|error| explained(error, "list the open effects"))?;
    if args.json {
        output::json(&open)?;
        return Ok(Verdict::Good);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&["KEY", "STATE", "KIND", "JOB", "ATTEMPT", "RESERVED"]);
    for effect in open {
        let reserved = moment::relative(u64::try_from(effect.reserved_at).unwrap_or(0), now);
        let attempt = effect.attempt.to_string();
        table.row([
            effect.key,
            effect.state,
            effect.kind,
            effect.job_id,
            attempt,
            reserved,
        ]);
    }
    table.print("no effect is open")?;
    Ok(Verdict::Good)
}

async fn decide(config: &Config, args: &Decide) -> anyhow::Result<Verdict> {
    let decision = if args.happened {
        let answer: serde_json::Value = serde_json::from_str(&args.answer)
            .map_err(|error| anyhow!("--answer is not JSON: {error}"))?;
        Decision::Happened(answer.to_string())
    } else {
        Decision::DidNotHappen
    };
    let key = &args.key;
    let decided = app::effects(config)?
        .decide(key, &decision, &args.note)
        .await;
    match decided.map_err(|error| explained(error, "decide an effect"))? {
        Decided::By { job_id } => {
            let word = if args.happened {
                "happened"
            } else {
                "did not happen"
            };
            output::line(format!("{key} {word}"))?;
            failure::hint(&format!(
                "if job {job_id} is held, it goes on with: crm-worker jobs retry {job_id}"
            ));
            Ok(Verdict::Good)
        }
        Decided::Is(state) => Err(anyhow!(
            "effect {key:?} is {state}: there is nothing to decide; hint: crm-worker effects list shows those that are open"
        )),
        Decided::NoSuchKey => Err(anyhow!(
            "no effect {key:?}; hint: crm-worker effects list shows those that are open"
        )),
    }
}
