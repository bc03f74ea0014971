//! Rows of which no job can be made: parked, shown without their payload, decided by a person.

use devkit::Template;

use super::{names, relay, waiting, write};
use crate::world::{World, eventually, get};

#[tokio::test]
async fn wrong_rows_are_parked_with_a_reason_and_stand_in_nobodys_way() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let wrong = "INSERT INTO worker.outbox (job_id, kind, payload) VALUES \
         ('misfit', 'debug.sleep', '{\"ms\":\"anne@example.org\"}'), \
         ('stranger', 'debug.slep', '{\"anne\":1}')";
    sqlx::raw_sql(wrong).execute(&database).await.unwrap();
    write(&database, 0..3).await;
    let relay = relay(&world);
    eventually("the rows behind them are relayed", || async {
        (waiting(&world) == names(0..3)).then_some(())
    })
    .await;

    eventually("the turn is over", || async {
        let status = world.run(&["outbox", "status"]).good();
        (status == "waiting  0\nparked   2").then_some(())
    })
    .await;
    let parked = world.run(&["outbox", "list", "--json"]).objects();
    let reasons: Vec<&str> = parked
        .iter()
        .map(|row| row["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "payload does not fit debug.sleep: ms: invalid type, expected u64 at line 1 column 25",
            "unknown kind \"debug.slep\"; hint: did you mean debug.sleep?",
        ]
    );
    let table = world.run(&["outbox", "list"]).good();
    assert!(
        table.starts_with("ROW  KIND") && !table.contains("anne"),
        "{table}"
    );
    let found = world.run(&["doctor"]).good();
    assert!(
        found.contains("rows of the outbox of which no job can be made: 2"),
        "{found}"
    );
    eventually("the metrics tell it", || async {
        let page = get(relay.port(), "/metrics").body;
        page.contains("rouage_relay_parked{source=\"outbox\"} 2")
            .then_some(())
    })
    .await;
    let log = relay.logged("no job can be made of some entries");
    assert!(!log.to_string().contains("anne"), "{log}");

    // Mended and retried; given up.
    let mended = "UPDATE worker.outbox SET payload = '{\"ms\":1}' WHERE job_id = 'misfit'";
    sqlx::raw_sql(mended).execute(&database).await.unwrap();
    let row = parked[0]["id"].to_string();
    assert_eq!(
        world.run(&["outbox", "retry", &row]).good(),
        "1 row waits for the relay"
    );
    let discarded = ["outbox", "discard", "--kind", "debug.slep"];
    assert_eq!(world.run(&discarded).good(), "1 row is removed");
    let client = world.client().await;
    eventually("the mended row is a job", || async {
        client
            .job("debug", &"misfit".parse().unwrap())
            .await
            .unwrap()
    })
    .await;
    let nothing = world.run(&discarded);
    assert_eq!(nothing.code, 1);
    assert!(
        nothing.stderr.contains("no such row is parked"),
        "{nothing:?}"
    );
}

#[tokio::test]
async fn a_table_that_nobody_relays_is_found() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    write(&database, 0..2).await;
    let old = "UPDATE worker.outbox SET created_at = now() - interval '5 minutes'";
    sqlx::raw_sql(old).execute(&database).await.unwrap();
    let found = world.run(&["doctor"]).good();
    assert!(
        found.contains("rows of the outbox are not relayed: 2 wait, the first for 30"),
        "{found}"
    );
    let status = world.run(&["outbox", "status"]).good();
    assert_eq!(status, "waiting  2, the first for 5m\nparked   0");
}

#[tokio::test]
async fn a_process_relays_only_if_it_is_to() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let switched_off = crate::world::Worker::start(
        world
            .command()
            .env("CRM_WORKER__OUTBOX__ENABLED", "false")
            .arg("run"),
    );
    let line = switched_off.logged("started");
    assert!(
        !line["roles"].as_str().unwrap().contains("outbox"),
        "{line}"
    );
    write(&database, 0..1).await;
    let relay = relay(&world);
    assert_eq!(relay.logged("started")["roles"], "outbox");
    super::relayed(&database).await;
}
