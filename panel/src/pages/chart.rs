//! A line of jobs per minute over the last hour, drawn by the server.

use std::fmt::Write;

use super::show::number;
use crate::throughput::{Ends, Throughput};

const WIDTH: u64 = 720;
const HEIGHT: u64 = 132;
/// Room above the highest point, for its label.
const TOP: u64 = 14;
/// Room below the axis.
const BOTTOM: u64 = 18;
/// Looks in one point: a minute.
const LOOKS: usize = (60 / Throughput::SECONDS) as usize;
/// Points: an hour.
const POINTS: usize = 60;

/// A chart as its template needs it.
pub(super) struct Chart {
    /// Whether there is enough to draw.
    pub(super) there: bool,
    pub(super) well: String,
    pub(super) well_area: String,
    pub(super) badly: String,
    /// Jobs per minute at the highest point.
    pub(super) highest: String,
    pub(super) well_sum: String,
    pub(super) badly_sum: String,
}

impl Chart {
    /// From the ends between looks, oldest first.
    pub(super) fn of(passed: &[Ends]) -> Self {
        // The newest minute is whole; the oldest may be a part and is left out.
        let minutes: Vec<Ends> = passed.rchunks_exact(LOOKS).take(POINTS).map(sum).collect();
        let minutes: Vec<Ends> = minutes.into_iter().rev().collect();
        let all = sum(passed);
        let highest = minutes.iter().map(|ends| ends.well.max(ends.badly)).max();
        let highest = highest.unwrap_or(0);
        let line = |of: fn(&Ends) -> u64| line(&minutes, of, highest.max(1));
        let well = line(|ends| ends.well);
        let base = HEIGHT - BOTTOM;
        Self {
            there: minutes.len() > 1,
            well_area: format!(
                "M{} {base} L{} L{WIDTH} {base} Z",
                start(minutes.len()),
                well.trim_start_matches('M')
            ),
            badly: line(|ends| ends.badly),
            well,
            highest: number(highest),
            well_sum: number(all.well),
            badly_sum: number(all.badly),
        }
    }
}

fn sum(ends: &[Ends]) -> Ends {
    Ends {
        well: ends.iter().map(|ends| ends.well).sum(),
        badly: ends.iter().map(|ends| ends.badly).sum(),
    }
}

/// Where a line of so many points begins: it ends at the right.
fn start(points: usize) -> u64 {
    place(points, 0)
}

fn place(points: usize, index: usize) -> u64 {
    let left = POINTS - points + index;
    left as u64 * WIDTH / (POINTS as u64 - 1)
}

fn line(minutes: &[Ends], of: fn(&Ends) -> u64, highest: u64) -> String {
    let room = HEIGHT - TOP - BOTTOM;
    let mut path = String::from("M");
    for (index, ends) in minutes.iter().enumerate() {
        let (x, y) = (
            place(minutes.len(), index),
            HEIGHT - BOTTOM - of(ends) * room / highest,
        );
        let joint = if index == 0 { "" } else { " L" };
        // Writing to a String does not fail.
        let _ = write!(path, "{joint}{x} {y}");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_stays_within_its_frame_and_ends_at_the_right() {
        let passed: Vec<Ends> = (0..360)
            .map(|look| Ends {
                well: look,
                badly: u64::from(look == 359),
            })
            .collect();
        let chart = Chart::of(&passed);
        assert!(chart.well.starts_with("M0 "), "{}", chart.well);
        assert!(
            chart.well.ends_with(&format!("{WIDTH} {TOP}")),
            "{}",
            chart.well
        );
        assert!(chart.badly.starts_with("M0 114"), "{}", chart.badly);
        assert_eq!(chart.badly_sum, "1");
    }

    #[test]
    fn a_minute_alone_is_no_line() {
        let look = Ends { well: 1, badly: 0 };
        assert!(!Chart::of(&[]).there && !Chart::of(&[look; 6]).there);
        let two = Chart::of(&[look; 12]);
        assert!(two.there && two.well.starts_with("M707 "), "{}", two.well);
    }
}
