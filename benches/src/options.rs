//! The command line of `bench`: what to measure, how often, where.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::subject::Subject;

/// What `bench --help` says.
pub(crate) const USAGE: &str = "usage: bench [WHAT...] [--runs N] [--quick] [--rtt MS,MS] [--aof off,everysec] \
[--subject NAME,NAME] [--jobs N] [--minutes N] [--rate N] [--json FILE]
  WHAT     enqueue drain load idle fair fsck recovery export http outbox (all of them if none is named), layout,
           soak
  --runs   how often each figure is measured, 3 unless said otherwise
  --quick  one run with a tenth of the jobs: to see whether it works
  --rtt    added round trips in ms, 0,1,2 unless said otherwise; --aof off,everysec likewise
  --minutes, --rate  how long the soak is, 30 unless said otherwise, and its jobs per second
  --json   also writes every sample there";

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bench {
    /// Putting jobs in.
    Enqueue,
    /// Running no-ops that wait already.
    Drain,
    /// Pickup while half of what a worker can do arrives.
    Load,
    /// What a worker without work costs, and its pickup.
    Idle,
    /// One job beside a group of 100,000.
    Fair,
    /// The invariants on a million jobs.
    Fsck,
    /// How long work stands still after a fault.
    Recovery,
    /// Jobs put in over HTTP.
    Http,
    /// Half a million people through the real binary.
    Export,
    /// Rows that the real binary moves from the outbox to Redis.
    Outbox,
    /// What a job costs Redis under the layouts that were considered.
    Layout,
    /// Half load for long: does anything grow?
    Soak,
}

impl Bench {
    /// What runs if nothing is named, in this order.
    const USUAL: [Self; 10] = [
        Self::Enqueue,
        Self::Drain,
        Self::Load,
        Self::Idle,
        Self::Fair,
        Self::Fsck,
        Self::Recovery,
        Self::Export,
        Self::Http,
        Self::Outbox,
    ];

    /// Whether once is enough, however many runs are wanted.
    pub(crate) fn takes_long(self) -> bool {
        matches!(self, Self::Soak | Self::Export)
    }

    fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "enqueue" => Self::Enqueue,
            "drain" => Self::Drain,
            "load" => Self::Load,
            "idle" => Self::Idle,
            "fair" => Self::Fair,
            "fsck" => Self::Fsck,
            "recovery" => Self::Recovery,
            "http" => Self::Http,
            "export" => Self::Export,
            "outbox" => Self::Outbox,
            "layout" => Self::Layout,
            "soak" => Self::Soak,
            _ => bail!("unknown bench {word:?}; hint: bench --help lists them"),
        })
    }
}

/// The command line, understood.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) what: Vec<Bench>,
    pub(crate) runs: usize,
    /// What every number of jobs is divided by.
    pub(crate) divisor: usize,
    pub(crate) places: Vec<Place>,
    pub(crate) subjects: Vec<Subject>,
    /// Jobs to drain instead of each subject's own number.
    pub(crate) jobs: Option<usize>,
    pub(crate) minutes: u64,
    /// Jobs per second of the soak; half of what a drain shows if not said.
    pub(crate) rate: Option<f64>,
    pub(crate) json: Option<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            what: Vec::new(),
            runs: 3,
            divisor: 1,
            places: Vec::new(),
            subjects: Subject::ALL.to_vec(),
            jobs: None,
            minutes: 30,
            rate: None,
            json: None,
        };
        let (mut rtts, mut aofs) = ("0,1,2", "off,everysec");
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || {
                let value = words.next().copied();
                value.with_context(|| format!("{word} wants a value; hint: bench --help"))
            };
            match word {
                "--quick" => (options.runs, options.divisor) = (1, 10),
                "--runs" => options.runs = value()?.parse().context("--runs")?,
                "--rtt" => rtts = value()?,
                "--aof" => aofs = value()?,
                "--subject" => {
                    options.subjects =
                        value()?.split(',').map(str::parse).collect::<Result<_>>()?;
                }
                "--jobs" => options.jobs = Some(value()?.parse().context("--jobs")?),
                "--minutes" => options.minutes = value()?.parse().context("--minutes")?,
                "--rate" => options.rate = Some(value()?.parse().context("--rate")?),
                "--json" => options.json = Some(value()?.to_owned()),
                _ => options.what.push(Bench::parse(word)?),
            }
        }
        if options.what.is_empty() {
            options.what = Bench::USUAL.to_vec();
        }
        options.places = places(rtts, aofs)?;
        Ok(options)
    }

    /// A number of jobs, smaller in a quick run.
    pub(crate) fn few(&self, jobs: usize) -> usize {
        (jobs / self.divisor).max(1)
    }

    /// Jobs a subject drains.
    pub(crate) fn drain_jobs(&self, subject: Subject) -> usize {
        let few = |jobs| if jobs > 10_000 { self.few(jobs) } else { jobs };
        self.jobs.unwrap_or_else(|| few(subject.drain_jobs()))
    }
}

/// Every persistence at every round trip.
fn places(rtts: &str, aofs: &str) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for aof in aofs.split(',') {
        let aof = match aof {
            "off" => false,
            "everysec" => true,
            _ => bail!("unknown --aof {aof:?}; hint: off or everysec"),
        };
        for rtt in rtts.split(',') {
            let ms: f64 = rtt.parse().context("--rtt")?;
            places.push(Place {
                rtt: Duration::try_from_secs_f64(ms / 1000.0).context("--rtt")?,
                aof,
            });
        }
    }
    Ok(places)
}
