//! What a process used: CPU seconds and memory, read from /proc.

use std::fs;

use anyhow::{Context, Result};

/// Clock ticks per second of /proc/PID/stat on Linux (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// User and system CPU seconds of a process so far.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("read the process' stat")?;
    let after_name = stat.rsplit_once(") ").context("stat has no name")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Ok((ticks(11) + ticks(12)) / TICKS)
}

/// Resident memory of a process in MB.
pub(crate) fn rss_mb(pid: u32) -> Result<f64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).context("read the process' status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("no VmRSS")?;
    let kb: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0);
    Ok(kb / 1024.0)
}
