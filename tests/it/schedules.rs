//! Schedules as operators see them, and real processes of which one leads.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Datelike, Timelike};
use devkit::Template;
use rouage::schedule::leader;
use serde_json::{Value, json};

use crate::world::{Ended, Worker, World, end_of, eventually, get};

/// Runs a command with a file of schedules.
struct Scheduled {
    world: World,
    file: PathBuf,
}

impl Scheduled {
    async fn new(text: &str) -> Self {
        Self::over(World::new(Template::Empty).await, text)
    }

    fn over(world: World, text: &str) -> Self {
        let file = world.home.path().join("schedules.toml");
        fs::write(&file, text).unwrap();
        Self { world, file }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.world.command();
        command
            .env("CRM_WORKER__SCHEDULES__FILE", &self.file)
            .args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        end_of(&mut self.command(args))
    }

    /// The only schedule, as `list --json` shows it.
    fn listed(&self) -> Value {
        self.run(&["schedule", "list", "--json"])
            .objects()
            .remove(0)
    }
}

const NIGHTLY: &str =
    "[schedules.nightly]\nkind = 'debug.echo'\npayload = { value = 1 }\ncron = '0 2 * * *'\n";

#[test]
fn the_next_occurrences_of_an_expression_need_no_servers_and_note_the_change_of_the_clock() {
    let home = tempfile::tempdir().unwrap();
    let ended = end_of(crate::world::binary(home.path()).args([
        "schedule",
        "next",
        "--cron",
        "0 2 * * *",
        "--from",
        "2026-03-28T00:00:00Z",
        "--n",
        "3",
        "--json",
    ]));
    let found = ended.objects();
    let expected = [
        json!({ "schedule": "0 2 * * *", "at": "2026-03-28T01:00:00Z", "local": "2026-03-28T02:00:00+01:00", "note": "" }),
        json!({
            "schedule": "0 2 * * *", "at": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00",
            "note": "the clock is put forward by 1h at 2026-03-29T01:00:00Z; runs at that moment: its own time is not shown",
        }),
        json!({ "schedule": "0 2 * * *", "at": "2026-03-30T00:00:00Z", "local": "2026-03-30T02:00:00+02:00", "note": "" }),
    ];
    assert_eq!(found, expected);
    let wrong = end_of(crate::world::binary(home.path()).args([
        "schedule",
        "next",
        "--cron",
        "0 25 * * *",
    ]));
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.stderr.contains("hour \"25\" at position 3"),
        "{}",
        wrong.stderr
    );
    assert!(
        wrong.stderr.contains("hint: it may be 0 to 23"),
        "{}",
        wrong.stderr
    );
}

#[tokio::test]
async fn all_schedules_are_shown_in_the_order_in_which_they_come() {
    let text = format!(
        "{NIGHTLY}[schedules.often]\nkind = 'debug.echo'\npayload = {{ value = 1 }}\nevery = '6h'\n"
    );
    let scheduled = Scheduled::new(&text).await;
    let args = [
        "schedule",
        "next",
        "--from",
        "2026-01-05T00:00:00Z",
        "--n",
        "3",
        "--json",
    ];
    let found = scheduled.run(&args).objects();
    let names: Vec<_> = found
        .iter()
        .map(|next| next["schedule"].as_str().unwrap())
        .collect();
    // The first is at that very second.
    assert_eq!(names, ["often", "nightly", "often"]);
    let page = scheduled
        .run(&["schedule", "next", "nightly", "--n", "1"])
        .good();
    assert!(
        page.starts_with("SCHEDULE") && page.contains("02:00:00"),
        "{page}"
    );
    let unknown = scheduled.run(&["schedule", "next", "nightli"]);
    assert!(
        unknown.stderr.contains("hint: did you mean nightly?"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_its_line_before_anything_runs() {
    let text = "[schedules.nightly]\nkind = 'debug.ecko'\ncron = '0 2 * * *'\n";
    let scheduled = Scheduled::new(text).await;
    let (code, log) = Worker::spawn(&mut scheduled.command(&["run"])).ended();
    assert_eq!(code, 78, "{log:?}");
    let said = format!("{log:?}");
    assert!(said.contains("schedules.toml:2"), "{said}");
    assert!(said.contains("hint: did you mean debug.echo?"), "{said}");
    assert_eq!(scheduled.run(&["schedule", "list"]).code, 78);
}

#[tokio::test]
async fn what_is_changed_by_hand_is_shown_survives_and_is_reset() {
    let scheduled = Scheduled::new(NIGHTLY).await;
    let paused = scheduled.run(&[
        "schedule",
        "pause",
        "nightly",
        "--note",
        "moving house",
        "--by",
        "anne",
    ]);
    assert_eq!(
        paused.good(),
        "schedule nightly is paused; what runs goes on"
    );
    let shown = scheduled.listed();
    assert_eq!(
        (
            &shown["state"],
            &shown["changed"],
            &shown["changed_by"],
            &shown["changed_note"]
        ),
        (
            &json!("paused"),
            &json!({ "enabled": "false" }),
            &json!("anne"),
            &json!("moving house")
        )
    );
    scheduled.run(&["schedule", "resume", "nightly"]).good();
    assert_eq!(scheduled.listed()["changed"], json!({}));

    let edited = scheduled.run(&[
        "schedule",
        "edit",
        "nightly",
        "--cron",
        "30 4 * * *",
        "--on-missed",
        "all 3",
    ]);
    assert!(
        edited
            .good()
            .starts_with("schedule nightly is changed: 30 4 * * * Europe/Paris, next ")
    );
    let wrong = scheduled.run(&["schedule", "edit", "nightly", "--overlap", "skipp"]);
    assert!(wrong.stderr.contains("did you mean skip?"), "{wrong:?}");
    let shown = scheduled.listed();
    assert_eq!(shown["when"], "30 4 * * * Europe/Paris");
    assert_eq!(shown["on_missed"], "all 3");
    let page = scheduled.run(&["schedule", "list"]).good();
    assert!(
        page.contains("cron = 30 4 * * *, on_missed = all 3 by crm-worker schedule"),
        "{page}"
    );
    scheduled
        .run(&["schedule", "edit", "nightly", "--every", "90s"])
        .good();
    assert_eq!(scheduled.listed()["when"], "every 1m30s");
    scheduled
        .run(&["schedule", "edit", "nightly", "--reset"])
        .good();
    assert_eq!(scheduled.listed()["when"], "0 2 * * * Europe/Paris");
}

#[tokio::test]
async fn a_schedule_runs_now_once_while_its_job_is_not_over() {
    let scheduled = Scheduled::new(NIGHTLY).await;
    let id = scheduled.run(&["schedule", "run", "nightly"]).good();
    let job = scheduled.world.run(&["jobs", "show", &id]).good();
    assert!(job.contains("schedule:nightly"), "{job}");
    let again = scheduled.run(&["schedule", "run", "nightly"]);
    assert_eq!(again.code, 1);
    assert!(
        again
            .stderr
            .contains("is not over, and its overlap is skip"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_schedule_fires_its_job_runs_and_the_list_and_the_metrics_say_so() {
    let text = "[schedules.tick]\nkind = 'debug.echo'\npayload = { value = 1 }\nevery = '1s'\n";
    let scheduled = Scheduled::new(text).await;
    let worker = Worker::start(&mut scheduled.command(&["run"]));
    eventually("it succeeded", || async {
        (scheduled.listed()["last_success"].as_u64()? > 0).then_some(())
    })
    .await;
    let shown = scheduled.listed();
    assert_eq!(
        (&shown["state"], &shown["missed"]),
        (&json!("on"), &json!(0))
    );
    let ready = get(worker.port(), "/readyz");
    assert_eq!(ready.status, 200, "{}", ready.body);
    let metrics = eventually("the metrics are fresh", || async {
        let page = get(worker.port(), "/metrics").body;
        page.contains("rouage_schedule_last_success_timestamp_seconds{schedule=\"tick\"}")
            .then_some(page)
    })
    .await;
    for line in [
        "rouage_schedule_leader 1",
        "rouage_schedule_overdue{schedule=\"tick\"} 0",
        "rouage_schedule_missed_total{schedule=\"tick\"} 0",
        "rouage_schedule_last_fire_timestamp_seconds{schedule=\"tick\"}",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    worker.signal("TERM");
    assert_eq!(worker.ended().0, 0);
    let client = scheduled.world.client().await;
    assert_eq!(leader(&client).await.unwrap(), None);
}

/// Redis' clock, in seconds.
fn redis_seconds(port: u16) -> u64 {
    let time = crate::world::redis_command(port, "TIME");
    time.lines().nth(2).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn of_three_processes_the_leader_is_killed_and_every_occurrence_comes_once() {
    const SCHEDULES: u64 = 100;
    let world = World::new(Template::Empty).await;
    let client = world.client().await;
    let port = world.redis.port();
    let now = || redis_seconds(port);
    let tick = now() + 12;
    let at = DateTime::from_timestamp(tick as i64, 0).unwrap();
    let cron = format!(
        "{} {} {} {} {} *",
        at.second(),
        at.minute(),
        at.hour(),
        at.day(),
        at.month()
    );
    let one = |n| {
        format!(
            "[schedules.s{n}]\nkind = 'debug.echo'\npayload = {{ value = {n} }}\ncron = '{cron}'\n"
        )
    };
    let text: String = ["zone = 'UTC'\n".to_owned()]
        .into_iter()
        .chain((0..SCHEDULES).map(one))
        .collect();
    let file = world.home.path().join("schedules.toml");
    fs::write(&file, text).unwrap();
    let start = |_| {
        let mut command = world.command();
        command.env("CRM_WORKER__SCHEDULES__FILE", &file);
        Worker::start(command.args(["run", "--roles", "scheduler"]))
    };
    let processes: Vec<Worker> = (0..3).map(start).collect();
    let first = eventually("somebody leads", || async {
        leader(&client).await.unwrap()
    })
    .await;
    eventually("it is the second before", || async {
        (now() >= tick - 1).then_some(())
    })
    .await;
    // host.pid.random
    let pid = first.instance.rsplit('.').nth(1).unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", pid])
        .status();
    assert!(killed.unwrap().success());

    let second = eventually("another one leads", || async {
        let leads = leader(&client).await.unwrap()?;
        (leads.instance != first.instance).then_some(leads)
    })
    .await;
    assert!(second.fence > first.fence);
    eventually("all came", || async {
        let view = client.queue_view("debug").await.ok()?;
        (view.available >= SCHEDULES).then_some(())
    })
    .await;
    assert!(now() <= tick + 10, "failover took too long");
    // Who was not killed ends well; nothing came twice.
    for process in &processes {
        process.try_signal("TERM");
    }
    let codes: Vec<i32> = processes
        .into_iter()
        .map(|process| process.ended().0)
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == 0).count(),
        2,
        "{codes:?}"
    );
    let view = client.queue_view("debug").await.unwrap();
    assert_eq!(
        (view.available, view.enqueued_total),
        (SCHEDULES, SCHEDULES)
    );
}
