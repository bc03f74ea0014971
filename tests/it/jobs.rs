//! Enqueue, list, show, retry, cancel.

use devkit::Template;

use crate::world::{World, eventually};

#[tokio::test]
async fn an_unknown_kind_or_a_wrong_payload_is_refused_before_it_is_stored() {
    let world = World::bare(Template::Empty).await;
    let unknown = world.run(&["enqueue", "debug.ecko", "--json", "{}"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(
        unknown.stderr,
        "error: unknown kind \"debug.ecko\"\nhint: did you mean debug.echo?\n"
    );
    let wrong = world.run(&[
        "enqueue",
        "exports.export_records",
        "--json",
        r#"{"dataset":"people"}"#,
    ]);
    assert_eq!(wrong.code, 1);
    let start = "error: payload does not fit exports.export_records: missing field `user_id`";
    assert!(wrong.stderr.starts_with(start), "{}", wrong.stderr);
    assert_eq!(world.run(&["queues"]).good(), "no queue was used yet");
}

#[tokio::test]
async fn a_job_is_waited_for_and_answers_with_its_output() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let done = world.run(&[
        "enqueue",
        "debug.echo",
        "--json",
        r#"{"value":[1,"é"]}"#,
        "--id",
        "mine",
        "--wait",
    ]);
    assert_eq!(
        done.good(),
        r#"{"id":"mine","state":"completed","output":[1,"é"]}"#
    );
    let failing = [
        "enqueue",
        "debug.fail",
        "--json",
        r#"{"message":"as asked","permanent":true}"#,
        "--wait",
    ];
    let failed = world.run(&failing);
    assert_eq!(failed.code, 1);
    assert!(
        failed
            .stderr
            .contains("is discarded: as asked\nhint: crm-worker jobs show "),
        "{}",
        failed.stderr
    );
    let late = world.run(&[
        "enqueue",
        "debug.sleep",
        "--json",
        r#"{"ms":60000}"#,
        "--wait",
        "--timeout",
        "50ms",
    ]);
    assert_eq!(late.code, 1);
    assert!(
        late.stderr
            .contains("did not end in time; it was not stopped"),
        "{}",
        late.stderr
    );
}

#[tokio::test]
async fn the_same_id_is_one_job() {
    let world = World::bare(Template::Empty).await;
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--id", "once"]);
    let again = world.run(&[
        "enqueue",
        "debug.echo",
        "--json",
        r#"{"value":2}"#,
        "--id",
        "once",
    ]);
    assert!(
        again
            .stderr
            .contains("was there already; nothing was stored"),
        "{again:?}"
    );
    assert_eq!(world.run(&["jobs", "list", "--json"]).objects().len(), 1);
}

#[tokio::test]
async fn a_scheduled_job_is_shown_hurried_cancelled_and_run_after_all() {
    let world = World::new(Template::Empty).await;
    let id = world.enqueue(
        "debug.echo",
        r#"{"value":"private"}"#,
        &["--in", "1h", "--priority", "0"],
    );
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(page.contains("queue      debug, priority 0"), "{page}");
    assert!(
        page.contains("now        is scheduled to run in 59m, but no worker serves queue debug\n"),
        "{page}"
    );
    assert!(
        page.contains("payload    19 bytes, shown with --payload") && !page.contains("private"),
        "{page}"
    );
    let open = world.run(&["jobs", "show", &id, "--payload", "--json"]);
    assert_eq!(open.objects()[0]["payload"]["value"], "private");

    assert_eq!(
        world.run(&["jobs", "retry", &id]).good(),
        format!("{id} was scheduled, is available")
    );
    assert_eq!(
        world.run(&["jobs", "retry", &id]).good(),
        format!("{id} is available, nothing changed")
    );
    assert_eq!(
        world.run(&["jobs", "cancel", &id]).good(),
        format!("{id} is cancelled")
    );
    assert_eq!(
        world.run(&["jobs", "cancel", &id]).good(),
        format!("{id} was over already")
    );
    assert!(world.run(&["jobs", "list"]).good().contains("cancelled"));

    let _worker = world.worker();
    world.run(&["jobs", "retry", &id]).good();
    let client = world.client().await;
    client
        .wait_in(
            "debug",
            &id.parse().unwrap(),
            std::time::Duration::from_secs(20),
        )
        .await
        .unwrap();
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(
        page.contains("state      completed since ") && page.contains("output     \"private\""),
        "{page}"
    );
}

#[tokio::test]
async fn a_running_job_is_cancelled_through_its_worker() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let id = world.enqueue("debug.sleep", r#"{"ms":600000}"#, &[]);
    let client = world.client().await;
    eventually("the job runs on a worker that is known", || async {
        let known = !client.workers().await.ok()?.is_empty();
        (known && client.queue_view("debug").await.ok()?.running == 1).then_some(())
    })
    .await;
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(page.contains("now        runs on "), "{page}");
    assert_eq!(
        world.run(&["jobs", "cancel", &id]).good(),
        format!("{id} runs, its worker was asked to stop it")
    );
    let job = client
        .wait_in(
            "debug",
            &id.parse().unwrap(),
            std::time::Duration::from_secs(20),
        )
        .await
        .unwrap();
    assert_eq!(job.state, rouage::State::Cancelled);
}

#[tokio::test]
async fn what_a_handler_logs_is_shown_with_its_job_and_followed_to_its_end() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let id = world.enqueue("debug.sleep", r#"{"ms":300}"#, &[]);
    let followed = world.run(&["jobs", "logs", &id, "--follow"]).good();
    assert!(
        followed.ends_with("Z attempt 1 info sleeping ms=300") && followed.lines().count() == 1,
        "{followed}"
    );
    let line = &world.run(&["jobs", "logs", &id, "--json"]).objects()[0];
    assert_eq!(
        (&line["level"], &line["attempt"]),
        (&"info".into(), &1.into())
    );
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(page.contains(&format!("log        {followed}")), "{page}");
    let object = &world.run(&["jobs", "show", &id, "--json"]).objects()[0];
    assert_eq!(object["log"]["lines"][0]["text"], "sleeping ms=300");
}

#[tokio::test]
async fn unknown_ids_fail_and_the_others_are_done() {
    let world = World::bare(Template::Empty).await;
    let id = world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    let ended = world.run(&["jobs", "cancel", "stranger", &id]);
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stderr
            .starts_with("error: no job stranger\nhint: finished jobs are kept"),
        "{ended:?}"
    );
    assert_eq!(ended.stdout, format!("{id} is cancelled\n"));
}

#[tokio::test]
async fn queues_and_workers_are_listed_for_people_and_for_programs() {
    let world = World::new(Template::Empty).await;
    world.enqueue(
        "debug.echo",
        r#"{"value":1}"#,
        &["--at", "2099-01-01T00:00:00Z"],
    );
    let table = world.run(&["queues"]).good();
    assert!(
        table.starts_with("QUEUE  SCHEDULED  AVAILABLE  RUNNING"),
        "{table}"
    );
    assert_eq!(
        world.run(&["queues", "--json"]).objects()[0]["scheduled"],
        1
    );
    assert_eq!(
        world.run(&["workers"]).good(),
        "no worker was heard of within the last minute"
    );
    let _worker = world.worker();
    let client = world.client().await;
    eventually("the worker beats", || async {
        (!client.workers().await.ok()?.is_empty()).then_some(())
    })
    .await;
    let workers = world.run(&["workers", "--json"]).objects();
    assert_eq!(
        workers[0]["queues"],
        serde_json::json!([
            ["backups", 1],
            ["debug", 2],
            ["exports", 2],
            ["maintenance", 2],
            ["operations", 1]
        ])
    );
    let table = world.run(&["workers"]).good();
    assert!(
        table.contains("  claims  ")
            && table.contains("backups=1,debug=2,exports=2,maintenance=2,operations=1"),
        "{table}"
    );
}

#[tokio::test]
async fn a_worker_is_steered_while_it_runs() {
    let world = World::new(Template::Empty).await;
    let worker = world.worker();
    let client = world.client().await;
    let info = |what: &'static str, wanted: fn(&rouage::inspect::WorkerInfo) -> bool| {
        let client = client.clone();
        async move {
            eventually(what, || async {
                let info = client.workers().await.ok()?.pop()?.info;
                wanted(&info).then_some(info)
            })
            .await
        }
    };
    let instance = info("it beats", |_| true).await.instance;

    let told = world.run(&["queues", "slots", "debug", "5"]).good();
    assert_eq!(told, "queue debug: each worker is told to have 5 slots");
    info("it has five slots", |info| debug_slots(info) == 5).await;
    let table = world.run(&["queues"]).good();
    assert!(table.contains("5 (5 each)"), "{table}");
    let told = ["queues", "slots", "debug", "7", "--worker", &instance];
    world.run(&told).good();
    info("it has seven slots", |info| debug_slots(info) == 7).await;
    world
        .run(&["queues", "slots", "debug", "--clear", "--worker", &instance])
        .good();
    world.run(&["queues", "slots", "debug", "--clear"]).good();
    info("it has its own slots again", |info| debug_slots(info) == 2).await;
    let wrong = world.run(&["queues", "slots", "debug", "0"]);
    assert!(
        wrong
            .stderr
            .starts_with("error: queue \"debug\" cannot have 0 slots"),
        "{wrong:?}"
    );

    world.enqueue("debug.sleep", r#"{"ms":600000}"#, &["--id", "long"]);
    eventually("the job runs", || async {
        (client.queue_view("debug").await.ok()?.running == 1).then_some(())
    })
    .await;
    let told = world.run(&["workers", "quiet", &instance]).good();
    assert_eq!(told, format!("worker {instance}: told to be quiet"));
    info("it is quiet", |info| info.quiet).await;
    assert!(world.run(&["workers"]).good().contains("  quiet  "));
    let jobs = world.run(&["workers", "--jobs"]).good();
    assert!(
        jobs.contains("long") && jobs.contains("debug.sleep"),
        "{jobs}"
    );
    let ready = crate::world::get(worker.port(), "/readyz");
    assert_eq!(ready.body, r#"{"ready":true,"not_ready":[]}"#);
    world.run(&["workers", "resume", &instance]).good();
    info("it claims again", |info| !info.quiet).await;

    world.run(&["jobs", "cancel", "long"]).good();
    world.run(&["workers", "stop", &instance]).good();
    let (code, _) = worker.ended();
    assert_eq!(code, 0);
    let gone = world.run(&["workers", "quiet", &instance]);
    assert!(
        gone.code == 1 && gone.stderr.contains("is alive\nhint: "),
        "{gone:?}"
    );
}

#[tokio::test]
async fn the_invariants_hold_after_all_of_it() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--wait"]);
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    // Producers and workers both announce queues, so their number is not of interest.
    let well = world.run(&["fsck"]).good();
    assert!(
        well.starts_with("2 jobs in ") && well.ends_with(": all invariants hold"),
        "{well}"
    );
    crate::world::redis_command(world.redis.port(), "SET crm:stray 1");
    let ended = world.run(&["fsck"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stdout
            .contains("I7 - key crm:stray belongs to nothing"),
        "{ended:?}"
    );
}

/// How many slots a worker has for queue debug.
fn debug_slots(info: &rouage::inspect::WorkerInfo) -> usize {
    let queue = info.queues.iter().find(|(queue, _)| queue == "debug");
    queue.unwrap().1
}
