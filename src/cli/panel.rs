//! `crm-worker panel`: what the panel's settings need.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Context, anyhow};
use rouage_panel::hash_password;

use super::{Verdict, failure, output};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read a password and print its hash
    HashPassword(HashPassword),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The password is one line of standard input, 8 characters or more, and never an argument: those can be
seen by others. The hash goes into panel.users, as name:role:hash.

Examples:
  crm-worker panel hash-password < password.txt
  echo \"ana:admin:$(crm-worker panel hash-password < password.txt)\" >> panel-users")]
pub(super) struct HashPassword {}

pub(super) fn run(command: &Command) -> anyhow::Result<Verdict> {
    let Command::HashPassword(HashPassword {}) = command;
    if stdin().is_terminal() {
        failure::hint("type the password and Enter; it is shown as you type");
    }
    let mut line = String::new();
    stdin()
        .lock()
        .read_line(&mut line)
        .context("read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    let hash = hash_password(password)
        .map_err(|why| anyhow!("{why}; hint: the password is one line of standard input"))?;
    output::line(hash)?;
    Ok(Verdict::Good)
}
