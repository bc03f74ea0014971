//! The first page of the help, word by word, and the exit codes of the command line.

use crate::world::{binary, end_of};

#[test]
fn the_first_page_is_this() {
    let home = tempfile::tempdir().unwrap();
    let ended = end_of(binary(home.path()).arg("--help"));
    assert_eq!(ended.code, 0);
    let expected = "\
Runs the CRM's background jobs, and lets you see and steer them

Usage: crm-worker [OPTIONS] <COMMAND>

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
";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .ends_with("Exit codes: 0 well, 1 failed, 2 wrong command line, 78 wrong settings.\n")
    );
}

#[test]
fn every_command_explains_itself() {
    let home = tempfile::tempdir().unwrap();
    let commands = [
        "run",
        "migrate",
        "healthcheck",
        "enqueue",
        "queues",
        "workers",
        "limits",
        "breakers",
        "doctor",
        "fsck",
    ];
    let nested = [
        ["backup", "now"],
        ["backup", "list"],
        ["backup", "verify"],
        ["backup", "restore"],
        ["backup", "drill"],
        ["batches", "show"],
        ["batches", "cancel"],
        ["batches", "retry-failed"],
        ["apalis", "list"],
        ["outbox", "status"],
        ["outbox", "list"],
        ["outbox", "retry"],
        ["outbox", "discard"],
        ["groups", "list"],
        ["groups", "limit"],
        ["jobs", "list"],
        ["jobs", "show"],
        ["jobs", "retry"],
        ["jobs", "cancel"],
        ["config", "show"],
        ["panel", "hash-password"],
        ["tokens", "create"],
        ["tokens", "list"],
        ["tokens", "revoke"],
        ["schedule", "list"],
        ["schedule", "next"],
        ["schedule", "run"],
        ["schedule", "pause"],
        ["schedule", "resume"],
        ["schedule", "edit"],
        ["celery", "status"],
        ["celery", "parked"],
        ["celery", "drain"],
    ];
    let pages = commands
        .iter()
        .map(std::slice::from_ref)
        .chain(nested.iter().map(|words| &words[..]));
    for words in pages {
        let ended = end_of(binary(home.path()).args(words).arg("--help"));
        assert!(
            ended.code == 0 && ended.stdout.contains("Usage: crm-worker"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_wrong_command_line_exits_2() {
    let home = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 5] = [
        &[],
        &["dance"],
        &["jobs", "show"],
        &["enqueue", "debug.echo", "--json", "1", "--priority", "10"],
        &["jobs", "list", "--state", "lost"],
    ];
    for args in wrong {
        assert_eq!(end_of(binary(home.path()).args(args)).code, 2, "{args:?}");
    }
}
