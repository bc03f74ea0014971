//! Figures: every sample, the conditions it was measured under, and what to make of them.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bars;
use crate::machine::Machine;

/// One measured figure with all its samples.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) bench: &'static str,
    pub(crate) subject: String,
    pub(crate) unit: &'static str,
    /// Near or far, with or without an append-only file; empty where that does not matter.
    pub(crate) place: String,
    pub(crate) conditions: String,
    pub(crate) samples: Vec<f64>,
}

impl Figure {
    fn is(&self, bench: &str, subject: &str, place: &str) -> bool {
        self.bench == bench && self.subject == subject && self.place == place
    }

    /// The middle sample, or the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    fn range(&self) -> String {
        let least = self.samples.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self
            .samples
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        if self.samples.len() < 2 {
            "1 run".to_owned()
        } else {
            format!("{}-{}", number(least), number(most))
        }
    }
}

/// A number with as many decimals as mean something.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 10.0 => 3,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a sample; one of the same thing under the same conditions is another run of it.
    pub(crate) fn add(
        &mut self,
        bench: &'static str,
        subject: impl Into<String>,
        value: f64,
        unit: &'static str,
        place: &str,
        conditions: impl Into<String>,
    ) {
        let (subject, conditions) = (subject.into(), conditions.into());
        let same = self
            .figures
            .iter_mut()
            .find(|figure| figure.is(bench, &subject, place) && figure.conditions == conditions);
        if let Some(figure) = same {
            return figure.samples.push(value);
        }
        self.figures.push(Figure {
            bench,
            subject,
            unit,
            place: place.to_owned(),
            conditions,
            samples: vec![value],
        });
    }

    /// The median of a figure.
    pub(crate) fn median(&self, bench: &str, subject: &str, place: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures
            .find(|figure| figure.is(bench, subject, place))
            .map(Figure::median)
    }

    /// Tables for people: who measured, the figures, the bars.
    pub(crate) fn print(&self, machine: &Machine) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{machine}\n")?;
        writeln!(
            out,
            "{:<24} {:<18} {:<21} {:>9} {:<9} {:<17} conditions",
            "bench", "subject", "place", "median", "unit", "range"
        )?;
        for figure in &self.figures {
            writeln!(
                out,
                "{:<24} {:<18} {:<21} {:>9} {:<9} {:<17} {}",
                figure.bench,
                figure.subject,
                figure.place,
                number(figure.median()),
                figure.unit,
                figure.range(),
                figure.conditions
            )?;
        }
        let bars = bars::of(self);
        if !bars.is_empty() {
            writeln!(out)?;
        }
        for bar in bars {
            writeln!(out, "{bar}")?;
        }
        Ok(())
    }

    /// Everything as one JSON object.
    pub(crate) fn save(&self, path: &str, machine: &Machine) -> Result<()> {
        if let Some(folder) = Path::new(path).parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let all = serde_json::json!({
            "machine": machine,
            "figures": self.figures,
            "bars": bars::of(self),
        });
        let text = serde_json::to_string_pretty(&all)?;
        fs::write(path, text + "\n").with_context(|| format!("write {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_thing_become_one_figure() {
        let mut report = Report::default();
        for value in [3.0, 1.0, 2.0] {
            report.add("drain", "ours", value, "jobs/s", "aof off", "10 jobs");
        }
        report.add("drain", "ours", 9.0, "jobs/s", "+1 ms, aof off", "10 jobs");
        assert_eq!(report.median("drain", "ours", "aof off"), Some(2.0));
        assert_eq!(report.median("drain", "ours", "+1 ms, aof off"), Some(9.0));
        assert_eq!(report.median("drain", "theirs", "aof off"), None);
    }
}
