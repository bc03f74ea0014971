//! What is to be reached: ratios that travel between machines, and a few absolute bounds.

use std::fmt;

use serde::Serialize;

use crate::report::{Report, number};
use crate::subject::Subject;

/// A bar and what was measured against it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    what: &'static str,
    measured: f64,
    /// At least this, or at most.
    bound: Bound,
    met: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(least) => measured >= least,
            Self::AtMost(most) => measured <= most,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.met { "met" } else { "MISSED" };
        let (word, bound) = match self.bound {
            Bound::AtLeast(least) => ("at least", least),
            Bound::AtMost(most) => ("at most", most),
        };
        let measured = number(self.measured);
        write!(
            f,
            "{verdict:<6} {:<72} {measured:>8}  {word} {bound}",
            self.what
        )
    }
}

/// Bench, subject and place of a figure.
type Key = (&'static str, Subject, &'static str);

/// A bar: a figure, what it is divided by if it is a ratio, and the bound.
type Row = (&'static str, Key, Option<Key>, Bound);

const NEAR: &str = "aof off";
const DRAIN: Key = ("drain", Subject::Ours, NEAR);

const FAR: &str = "+1 ms, aof off";
const RATIOS: [Row; 7] = [
    (
        "drain: ours / bare loop",
        DRAIN,
        Some(("drain", Subject::Raw, NEAR)),
        Bound::AtLeast(0.35),
    ),
    (
        "drain: ours / apalis-redis at its unsafe best",
        DRAIN,
        Some(("drain", Subject::ApalisBest, NEAR)),
        Bound::AtLeast(1.0),
    ),
    (
        "drain: ours at 1 ms of round trip / on loopback",
        ("drain", Subject::Ours, FAR),
        Some(DRAIN),
        Bound::AtLeast(0.7),
    ),
    (
        "enqueue in bulk: ours / pipelined LPUSH",
        ("enqueue bulk", Subject::Ours, NEAR),
        Some(("enqueue bulk", Subject::Raw, NEAR)),
        Bound::AtLeast(0.7),
    ),
    (
        "enqueue in bulk: ours / the bare writes, pipelined",
        ("enqueue bulk", Subject::Ours, NEAR),
        Some(("enqueue bulk", Subject::Writes, NEAR)),
        Bound::AtLeast(0.7),
    ),
    (
        "enqueue one by one: ours / bare round trips of the same client",
        ("enqueue one by one", Subject::Ours, NEAR),
        Some(("enqueue one by one", Subject::Trip, NEAR)),
        Bound::AtLeast(0.9),
    ),
    (
        "enqueue one by one at 1 ms: ours / bare round trips",
        ("enqueue one by one", Subject::Ours, FAR),
        Some(("enqueue one by one", Subject::Trip, FAR)),
        Bound::AtLeast(0.9),
    ),
];

const AMOUNTS: [Row; 13] = [
    amount("worker cpu per 10k", NEAR, 0.15),
    amount("redis cpu per 10k", NEAR, 0.15),
    amount("idle pickup p50", NEAR, 1.0),
    amount("idle pickup p99", NEAR, 3.0),
    amount("load pickup p99", NEAR, 25.0),
    amount("idle rss", NEAR, 20.0),
    amount("fair slot times", NEAR, 2.0),
    amount("fsck", NEAR, 10.0),
    amount("http p99", SOAKED, 10.0),
    amount("http with key p99", SOAKED, 10.0),
    amount("soak rss slope", SOAKED, 1.0),
    amount("soak key slope", SOAKED, 1.0),
    amount("soak errors", SOAKED, 0.0),
];
const SOAKED: &str = "aof everysec";

const fn amount(bench: &'static str, place: &'static str, most: f64) -> Row {
    (
        bench,
        (bench, Subject::Ours, place),
        None,
        Bound::AtMost(most),
    )
}

/// Every bar for which the figures are there.
pub(crate) fn of(report: &Report) -> Vec<Bar> {
    let median = |(bench, subject, place): Key| report.median(bench, subject.name(), place);
    let bar = |(what, above, below, bound): Row| {
        let below = below.map_or(Some(1.0), median)?;
        let measured = median(above)? / below;
        Some(Bar {
            what,
            measured,
            bound,
            met: bound.is_met(measured),
        })
    };
    RATIOS.into_iter().chain(AMOUNTS).filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_told_once_both_of_its_figures_are_there() {
        let mut report = Report::default();
        report.add("drain", Subject::Ours.name(), 30.0, "jobs/s", NEAR, "");
        assert!(of(&report).is_empty());
        report.add("drain", Subject::Raw.name(), 100.0, "jobs/s", NEAR, "");
        let bars = of(&report);
        assert_eq!(bars.len(), 1);
        assert!(!bars[0].met, "0.3 is less than 0.35");
        report.add("fsck", Subject::Ours.name(), 2.0, "s", NEAR, "");
        assert!(of(&report)[1].met, "2 s are less than 10");
    }
}
