//! Figures, with the conditions they were measured under.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) bench: &'static str,
    pub(crate) subject: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) conditions: String,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        bench: &'static str,
        subject: impl Into<String>,
        value: f64,
        unit: &'static str,
        conditions: impl Into<String>,
    ) {
        self.figures.push(Figure {
            bench,
            subject: subject.into(),
            value,
            unit,
            conditions: conditions.into(),
        });
    }

    /// A table for people.
    pub(crate) fn print(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{:<22} {:<24} {:>12} {:<10} conditions",
            "bench", "subject", "value", "unit"
        )?;
        for figure in &self.figures {
            let decimals = if figure.value < 100.0 { 2 } else { 0 };
            writeln!(
                out,
                "{:<22} {:<24} {:>12.decimals$} {:<10} {}",
                figure.bench, figure.subject, figure.value, figure.unit, figure.conditions
            )?;
        }
        Ok(())
    }

    /// One JSON object a line.
    pub(crate) fn save(&self, path: &str) -> Result<()> {
        if let Some(folder) = Path::new(path).parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let lines: Result<Vec<String>, _> =
            self.figures.iter().map(serde_json::to_string).collect();
        fs::write(path, lines?.join("\n") + "\n").with_context(|| format!("write {path}"))
    }
}
