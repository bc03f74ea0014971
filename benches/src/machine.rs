//! Who measured, when and how: without it a figure says nothing.

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

/// The machine, the moment and the command of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    redis: String,
    commit: String,
    date: String,
    command: String,
    /// Processes that wanted to run at the start, from the load average of the last minute.
    load: String,
}

impl Machine {
    /// Asks the machine this runs on.
    pub(crate) fn here(arguments: &[String]) -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").context("read /proc/cpuinfo")?;
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let load = fs::read_to_string("/proc/loadavg").context("read /proc/loadavg")?;
        Ok(Self {
            cpu: model
                .unwrap_or("unknown")
                .replace(['\t', ':'], "")
                .trim()
                .to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: said("uname", &["-r"]),
            redis: said("redis-server", &["--version"])
                .split_whitespace()
                .find_map(|word| word.strip_prefix("v=").map(str::to_owned))
                .unwrap_or_else(|| "unknown".to_owned()),
            commit: said("git", &["describe", "--always", "--dirty"]),
            date: said("date", &["-u", "+%Y-%m-%d"]),
            command: format!("bench {}", arguments.join(" ")).trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

/// What a program prints, in one line; `unknown` if it cannot be run.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} cores, Linux {}, Redis {}, commit {}, {}, load before {}\n{}",
            self.cpu,
            self.cores,
            self.kernel,
            self.redis,
            self.commit,
            self.date,
            self.load,
            self.command
        )
    }
}
