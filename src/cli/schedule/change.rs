//! What people do to schedules: run one now, pause, resume, change.

use anyhow::{anyhow, bail};
use rouage::schedule::{Entry, Overrides};

use crate::app::{self, schedules};
use crate::cli::enqueue::warn_if_unserved;
use crate::cli::{failure, moment, output};
use crate::config::Config;
use crate::store::pool::explained;

/// Most characters of a reason.
const MOST_NOTE: usize = 500;

/// Which schedule, and why.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Why {
    /// The schedule
    name: String,

    /// Why, for whoever finds it so
    #[arg(long, default_value = "")]
    note: String,

    /// Who decides it
    #[arg(long, default_value = "crm-worker schedule")]
    by: String,
}

#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("change").required(true).multiple(true),
    after_help = "\
What is changed stands until `--reset`, also after a deployment that brings another file. An
occurrence that the old timing had and that was not fired yet is left out.

Examples:
  crm-worker schedule edit heartbeat --every 5m --note \"less noise\"
  crm-worker schedule edit heartbeat --cron '0 4 * * *' --zone Europe/Paris
  crm-worker schedule edit heartbeat --reset"
)]
pub(in crate::cli) struct Edit {
    #[command(flatten)]
    why: Why,

    /// Another expression
    #[arg(
        long,
        group = "change",
        value_name = "EXPRESSION",
        conflicts_with = "every"
    )]
    cron: Option<String>,

    /// Another period, such as 90s
    #[arg(long, group = "change", value_name = "PERIOD")]
    every: Option<String>,

    /// Another zone
    #[arg(long, group = "change")]
    zone: Option<String>,

    /// What becomes of missed runs: skip, latest or "all N"
    #[arg(long, group = "change", value_name = "RULE")]
    on_missed: Option<String>,

    /// What happens when an earlier job is not over: skip, allow or queue
    #[arg(long, group = "change", value_name = "RULE")]
    overlap: Option<String>,

    /// How long after its time a job may still start; none for no limit
    #[arg(long, group = "change", value_name = "DURATION")]
    expires: Option<String>,

    /// How far the starts are spread
    #[arg(long, group = "change", value_name = "DURATION")]
    jitter: Option<String>,

    /// Go back to what the file says in everything, a pause included
    #[arg(long, group = "change", conflicts_with_all = ["cron", "every", "zone", "on_missed", "overlap", "expires", "jitter"])]
    reset: bool,
}

pub(super) async fn run_now(config: &Config, name: &str) -> anyhow::Result<()> {
    let known = schedules::find(schedules::known(config).await?, name)?;
    let job = known.entry.by_hand(moment::now_ms());
    let (id, queue) = (job.id.clone(), job.queue.clone());
    let client = app::client(config).await?;
    let enqueued = client.enqueue_all(vec![job]).await?;
    let Some(answer) = enqueued.into_iter().next() else {
        bail!("redis gave no answer for the job");
    };
    if answer.id != id {
        bail!(
            "job {} of this schedule is not over, and its overlap is skip; hint: crm-worker jobs show {}",
            answer.id,
            answer.id
        );
    }
    warn_if_unserved(&client, &queue).await?;
    output::line(id)
}

pub(super) async fn pause(config: &Config, why: &Why) -> anyhow::Result<()> {
    let name = &why.name;
    let known = schedules::find(schedules::known(config).await?, name)?;
    if !known.entry.enabled {
        return output::line(format!("schedule {name} is paused already"));
    }
    let paused = Overrides {
        enabled: Some(false),
        ..known.stored.overrides
    };
    write(config, why, paused).await?;
    output::line(format!("schedule {name} is paused; what runs goes on"))
}

pub(super) async fn resume(config: &Config, why: &Why) -> anyhow::Result<()> {
    let name = &why.name;
    let known = schedules::find(schedules::known(config).await?, name)?;
    if known.entry.enabled {
        return output::line(format!("schedule {name} is not paused"));
    }
    let resumed = Overrides {
        // What the file says needs no change.
        enabled: (!known.plain.enabled).then_some(true),
        ..known.stored.overrides
    };
    let entry = known.plain.with(&resumed)?;
    write(config, why, resumed).await?;
    output::line(format!("schedule {name} goes on, {}", next(&entry)))
}

pub(super) async fn edit(config: &Config, edit: Edit) -> anyhow::Result<()> {
    let Edit {
        why,
        cron,
        every,
        zone,
        on_missed,
        overlap,
        expires,
        jitter,
        reset,
    } = edit;
    let name = &why.name;
    let known = schedules::find(schedules::known(config).await?, name)?;
    let before = known.stored.overrides;
    let changed = if reset {
        Overrides::default()
    } else {
        let (is_timed, is_period) = (cron.is_some() || every.is_some(), every.is_some());
        Overrides {
            cron: if is_period {
                None
            } else {
                cron.or(before.cron)
            },
            every: if is_timed { every } else { before.every },
            zone: zone.or(before.zone),
            on_missed: on_missed.or(before.on_missed),
            overlap: overlap.or(before.overlap),
            expires: expires.or(before.expires),
            jitter: jitter.or(before.jitter),
            ..before
        }
    };
    let entry = known.plain.with(&changed)?;
    write(config, &why, changed).await?;
    let what = if reset {
        "is as in the file"
    } else {
        "is changed"
    };
    output::line(format!(
        "schedule {name} {what}: {}, {}",
        entry.timing,
        next(&entry)
    ))
}

async fn write(config: &Config, why: &Why, changed: Overrides) -> anyhow::Result<()> {
    if why.note.chars().count() > MOST_NOTE || why.by.chars().count() > MOST_NOTE {
        return Err(anyhow!(
            "a note or name is longer than {MOST_NOTE} characters; hint: be brief"
        ));
    }
    let changed = Overrides {
        by: why.by.clone(),
        note: why.note.clone(),
        ..changed
    };
    let written = app::schedule_states(config)?
        .change(&why.name, &changed)
        .await;
    written.map_err(|error| explained(error, "write down a change of a schedule"))?;
    failure::hint("the leading scheduler sees it within a few seconds");
    Ok(())
}

fn next(entry: &Entry) -> String {
    let now = (moment::now_ms() / 1000) as i64;
    match entry.timing.upcoming(now, 1).first() {
        _ if !entry.enabled => "paused".to_owned(),
        Some(next) => format!("next {}", next.local.format("%a %Y-%m-%d %H:%M:%S %:z")),
        None => "never".to_owned(),
    }
}
