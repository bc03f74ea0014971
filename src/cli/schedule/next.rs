//! `crm-worker schedule next`: the next occurrences of one schedule, of all, or of an expression that
//! is only tried.

use chrono::{DateTime, SecondsFormat, Utc};
use rouage::schedule::{Timing, Upcoming};
use serde::Serialize;

use crate::app::schedules::{self, Known};
use crate::cli::table::Table;
use crate::cli::{failure, moment, output};
use crate::config::Config;
use crate::explain::explain;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A note says where a change of the clock matters. Without a NAME the occurrences of all schedules that
are not paused are shown in their order.

Examples:
  crm-worker schedule next --n 5
  crm-worker schedule next heartbeat --from 2026-03-29T00:00:00+01:00
  crm-worker schedule next --cron '0 2 * * *' --zone Europe/Paris --from 2026-03-28T00:00:00Z")]
pub(in crate::cli) struct Args {
    /// The schedule [default: all]
    #[arg(conflicts_with_all = ["cron", "every"])]
    name: Option<String>,

    /// How many occurrences, up to 10000
    #[arg(long, visible_alias = "count", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    n: u16,

    /// From this time on, such as 2026-03-29T00:00:00+01:00 [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = moment::instant)]
    from: Option<u64>,

    /// An expression to try instead of a schedule
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "every")]
    cron: Option<String>,

    /// A period to try instead of a schedule, such as 90s
    #[arg(long, value_name = "PERIOD")]
    every: Option<String>,

    /// The zone of the clock on the wall, for --cron and --every
    #[arg(long, default_value = "Europe/Paris")]
    zone: String,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// An occurrence, on one line.
#[derive(Debug, Serialize)]
struct Occurrence {
    schedule: String,
    at: String,
    local: String,
    note: String,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<()> {
    // An occurrence at that very second counts.
    let after = args.from.map_or_else(
        || (moment::now_ms() / 1000) as i64,
        |from| from.div_ceil(1000) as i64 - 1,
    );
    let most = usize::from(args.n);
    let upcoming = match (&args.cron, &args.every) {
        (Some(cron), _) => of(cron, &Timing::cron(cron, &args.zone)?, after, most),
        (None, Some(every)) => {
            let name = format!("every {every}");
            of(&name, &Timing::every(every, &args.zone)?, after, most)
        }
        (None, None) => of_schedules(known(config).await?, args, after, most)?,
    };
    let occurrences: Vec<Occurrence> = upcoming.into_iter().map(shown).collect();
    if args.json {
        return output::json(&occurrences);
    }
    let mut table = Table::new(&["SCHEDULE", "UTC", "LOCAL", "NOTE"]);
    for Occurrence {
        schedule,
        at,
        local,
        note,
    } in occurrences
    {
        let local = DateTime::parse_from_rfc3339(&local).map_or(local, |local| {
            local.format("%a %Y-%m-%d %H:%M:%S %:z").to_string()
        });
        table.row([schedule, at, local, note]);
    }
    table.print("nothing comes")
}

type Named = (String, Upcoming);

fn of(name: &str, timing: &Timing, after: i64, most: usize) -> Vec<Named> {
    let upcoming = timing.upcoming(after, most).into_iter();
    upcoming.map(|next| (name.to_owned(), next)).collect()
}

fn of_schedules(
    all: Vec<Known>,
    args: &Args,
    after: i64,
    most: usize,
) -> anyhow::Result<Vec<Named>> {
    let shown = match &args.name {
        Some(name) => {
            let one = schedules::find(all, name)?;
            if !one.entry.enabled {
                failure::hint(&format!(
                    "schedule {name} is paused: this is when it would come; crm-worker schedule resume {name}"
                ));
            }
            vec![one]
        }
        None => all
            .into_iter()
            .filter(|known| known.entry.enabled)
            .collect(),
    };
    let mut upcoming: Vec<Named> = shown
        .iter()
        .flat_map(|known| of(&known.entry.name, &known.entry.timing, after, most))
        .collect();
    upcoming.sort_by(|one, other| (one.1.at, &one.0).cmp(&(other.1.at, &other.0)));
    upcoming.truncate(most);
    Ok(upcoming)
}

/// With the changes by hand, if the database answers; what the file says is worth showing without.
async fn known(config: &Config) -> anyhow::Result<Vec<Known>> {
    let plain = schedules::plain(config)?;
    match schedules::known(config).await {
        Ok(known) => Ok(known),
        Err(error) => {
            let why = explain(&error).message;
            failure::hint(&format!(
                "as the file says; changes by hand are not known: {why}"
            ));
            Ok(plain)
        }
    }
}

fn shown((schedule, next): Named) -> Occurrence {
    let at = DateTime::<Utc>::from_timestamp(next.at, 0).unwrap_or_default();
    Occurrence {
        schedule,
        at: at.to_rfc3339_opts(SecondsFormat::Secs, true),
        local: next.local.to_rfc3339_opts(SecondsFormat::Secs, false),
        note: next.note,
    }
}
