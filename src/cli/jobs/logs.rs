//! `crm-worker jobs logs`: what a job's handler logged, and goes on logging.

use std::time::Duration;

use rouage::inspect::{JobLog, JobView, LogLine};
use rouage::{Client, JobId, State};

use crate::cli::{Verdict, moment, output};

/// Running attempts write their lines twice a second.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Kept are lines at level info and above, the newest 200 and 16 KB of a job.

Examples:
  crm-worker jobs logs 01JD9W5X8K7M6N5P4Q3R2S1T0V
  crm-worker jobs logs 01JD9W5X8K7M6N5P4Q3R2S1T0V --follow")]
pub(in crate::cli) struct Args {
    /// The job's id
    id: JobId,

    /// Go on until the job is over or held
    #[arg(long, short)]
    follow: bool,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(client: &Client, args: &Args) -> anyhow::Result<Verdict> {
    let mut shown = 0;
    loop {
        // The state first: whatever an ended job logged is there when the lines are read.
        let job = super::find(client, &args.id).await?;
        let log = client.log(&job.queue, &args.id).await?;
        shown = show(&log, shown, args.json)?;
        if !args.follow || is_over(&job) {
            return Ok(Verdict::Good);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn is_over(job: &JobView) -> bool {
    job.state.is_final() || job.state == State::Held
}

/// Writes what comes after the first `shown` lines; how many there are by now.
fn show(log: &JobLog, shown: u64, json: bool) -> anyhow::Result<u64> {
    let (missed, fresh) = fresh(log, shown);
    if json {
        output::json(fresh)?;
    } else {
        if missed > 0 {
            output::line(format!("({missed} lines are not kept)"))?;
        }
        for line in fresh {
            output::line(sentence(line))?;
        }
    }
    Ok(log.dropped + log.lines.len() as u64)
}

/// How many lines after the first `shown` are not kept, and the others.
fn fresh(log: &JobLog, shown: u64) -> (u64, &[LogLine]) {
    let known = usize::try_from(shown.saturating_sub(log.dropped)).unwrap_or(usize::MAX);
    let fresh = log.lines.get(known..).unwrap_or_default();
    (log.dropped.saturating_sub(shown), fresh)
}

/// `2026-11-23T09:30:00Z attempt 1 info export ready rows=5`
pub(super) fn sentence(line: &LogLine) -> String {
    let at = moment::show(line.at);
    format!("{at} attempt {} {} {}", line.attempt, line.level, line.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dropped: u64, texts: &[&str]) -> JobLog {
        let line = |text: &&str| LogLine {
            attempt: 1,
            at: 1000,
            level: "info".to_owned(),
            text: (*text).to_owned(),
        };
        JobLog {
            dropped,
            lines: texts.iter().map(line).collect(),
        }
    }

    #[test]
    fn a_follower_sees_every_kept_line_once_and_how_many_it_missed() {
        let texts = |shown, log: &JobLog| {
            let (missed, fresh) = fresh(log, shown);
            let texts: Vec<String> = fresh.iter().map(|line| line.text.clone()).collect();
            (missed, texts.join(" "))
        };
        assert_eq!(texts(0, &log(0, &["a", "b"])), (0, "a b".to_owned()));
        assert_eq!(texts(2, &log(0, &["a", "b", "c"])), (0, "c".to_owned()));
        assert_eq!(texts(3, &log(2, &["c", "d"])), (0, "d".to_owned()));
        assert_eq!(texts(3, &log(5, &["f", "g"])), (2, "f g".to_owned()));
        assert_eq!(texts(3, &log(0, &["a"])), (0, String::new()));
    }

    #[test]
    fn a_line_says_when_and_in_which_attempt() {
        let line = &log(0, &["export ready rows=5"]).lines[0];
        let said = sentence(line);
        assert_eq!(
            said,
            "1970-01-01T00:00:01Z attempt 1 info export ready rows=5"
        );
    }
}
