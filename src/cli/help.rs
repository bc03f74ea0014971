//! The first page of the help: commands in groups, examples at the end.
//!
//! Clap lists commands without groups, so the list is written here; a test compares it with
//! the commands there are.

/// The page; the list of commands is ours, the rest is clap's.
pub(super) const TEMPLATE: &str = "\
{about}

{usage-heading} {usage}

Run
  run          Run jobs until a signal
  migrate      Bring the schema `worker` of the database up to date
  healthcheck  Ask the worker on this machine whether it is well

Jobs
  enqueue      Put a job in its queue
  jobs         List, show, retry, cancel or discard jobs
  operations   Show and stop what changes many jobs
  effects      Show effects that may have happened, and decide them
  outbox       Show what waits in the outbox, and decide what is parked there
  apalis       Show what is taken in from apalis-redis, and decide what is parked there
  batches      Show how far batches are, retry what failed of them, or cancel them
  queues       Show the queues and what waits in them
  groups       Show the groups of a queue, and set how many of their jobs run at once
  schedule     Show when jobs are due, run one now, pause or change a schedule
  workers      Show the worker processes that are alive
  limits       Show the rate limits, and set other rates
  breakers     Show the circuit breakers, and close them
  celery       Show what lies in Celery's Redis, what was parked of it, and empty a queue of it

Look after
  backup       Make, list, verify and restore backups of the database
  doctor       Check everything that can keep jobs from running
  fsck         Check the invariants of the stored jobs
  panel        Make what the panel's settings need
  tokens       Create, list and revoke the tokens of the HTTP API
  config       Show the settings in effect
  help         Print this message or the help of the given subcommand(s)

Options:
{options}{after-help}
";

/// What people do most.
pub(super) const EXAMPLES: &str = "\
Examples:
  crm-worker doctor
  crm-worker run --queues exports=4
  crm-worker enqueue exports.export_records --json '{\"dataset\":\"people\",\"user_id\":7}' --wait
  crm-worker jobs list --state held
  crm-worker jobs show 01JD9W5X8K7M6N5P4Q3R2S1T0V

Exit codes: 0 well, 1 failed, 2 wrong command line, 78 wrong settings.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_page_lists_every_command_with_its_own_words() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let (name, about) = (command.get_name(), command.get_about().unwrap().to_string());
            assert!(
                TEMPLATE.contains(&format!("\n  {name:<12} {about}\n")),
                "{name}: {about}"
            );
        }
        let listed = TEMPLATE
            .lines()
            .filter(|line| line.starts_with("  "))
            .count();
        assert_eq!(listed, cli.get_subcommands().count());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
