//! From SQL to Redis: transactions, order, the function, rights, a client of another language.

use devkit::Template;
use rouage::State;

use super::{QUEUE, names, relay, relayed, stored, waiting, write};
use crate::world::{World, end_of, eventually};

#[tokio::test]
async fn committed_rows_become_jobs_and_rolled_back_ones_never_were() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let _relay = relay(&world);
    let mut undone = database.begin().await.unwrap();
    for transaction in [&mut undone] {
        sqlx::query("SELECT worker.enqueue('debug.echo', '{\"value\":0}', job_id => 'undone')")
            .execute(&mut **transaction)
            .await
            .unwrap();
    }
    undone.rollback().await.unwrap();
    write(&database, 1..4).await;
    relayed(&database).await;
    assert_eq!(waiting(&world), names(1..4));
    let client = world.client().await;
    assert_eq!(stored(&client).await, 3);
    let nobody = client.job(QUEUE, &"undone".parse().unwrap()).await.unwrap();
    assert!(nobody.is_none());
}

#[tokio::test]
async fn rows_are_relayed_in_their_order_by_several_relays_at_once_and_once_each() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let relays = [relay(&world), relay(&world), relay(&world)];
    for start in (0..6000).step_by(300) {
        write(&database, start..start + 300).await;
    }
    relayed(&database).await;
    assert_eq!(waiting(&world), names(0..6000));
    assert_eq!(stored(&world.client().await).await, 6000);
    drop(relays);
}

#[tokio::test]
async fn what_a_row_wishes_is_what_its_job_has() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let _relay = relay(&world);
    let id: String = sqlx::query_scalar(
        "SELECT worker.enqueue('debug.echo', '{\"value\":1}', run_at => '2100-01-01T00:00Z', priority => 2, \
         max_attempts => 7, unique_key => 'only', tags => '{campaign:12}')",
    )
    .fetch_one(&database)
    .await
    .unwrap();
    // The second one with that key adds no job.
    sqlx::query("SELECT worker.enqueue('debug.echo', '{\"value\":2}', unique_key => 'only')")
        .execute(&database)
        .await
        .unwrap();
    relayed(&database).await;
    let client = world.client().await;
    let job = client.job(QUEUE, &id.parse().unwrap()).await.unwrap();
    let job = job.unwrap();
    assert_eq!((job.state, job.priority), (State::Scheduled, 2));
    assert_eq!(job.tags, ["campaign:12"]);
    assert_eq!(stored(&client).await, 1);
}

#[tokio::test]
async fn the_function_refuses_an_unknown_kind_and_names_its_neighbours() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    for (kind, hint) in [
        (
            "debug.ecko",
            "there are debug.echo, debug.effect, debug.fail, debug.sleep",
        ),
        ("mail.send", "there are backups.apply_retention, "),
    ] {
        let refused = sqlx::query("SELECT worker.enqueue($1)")
            .bind(kind)
            .execute(&database)
            .await
            .unwrap_err();
        let refused = refused.into_database_error().unwrap();
        assert_eq!(refused.message(), format!("unknown kind \"{kind}\""));
        let refused = refused.downcast::<sqlx::postgres::PgDatabaseError>();
        assert!(refused.hint().unwrap().starts_with(hint), "{refused:?}");
    }
}

#[tokio::test]
async fn kinds_of_which_no_release_knows_any_more_are_retired_by_migrate() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let retire = "INSERT INTO worker.kinds VALUES ('old.kind', 'old'); \
        UPDATE worker.kinds SET retired_at = now() WHERE name = 'debug.echo'";
    sqlx::raw_sql(retire).execute(&database).await.unwrap();
    let found = world.run(&["doctor"]).good();
    assert!(
        found.contains("worker.enqueue knows the kinds of another release"),
        "{found}"
    );
    world.run(&["migrate"]).good();
    let retired: Vec<String> =
        sqlx::query_scalar("SELECT name FROM worker.kinds WHERE retired_at IS NOT NULL")
            .fetch_all(&database)
            .await
            .unwrap();
    assert_eq!(retired, ["old.kind"]);
    let refused = sqlx::query("SELECT worker.enqueue('old.kind')");
    assert!(refused.execute(&database).await.is_err());
}

#[tokio::test]
async fn a_role_that_may_only_enqueue_sees_nothing() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    // Roles belong to the whole server, which other tests share.
    let caller = format!("caller_{}", std::process::id());
    let writer = format!("writer_{}", std::process::id());
    let grants = format!(
        "CREATE ROLE {caller}; CREATE ROLE {writer}; \
         GRANT USAGE ON SCHEMA worker TO {caller}, {writer}; \
         GRANT EXECUTE ON FUNCTION worker.enqueue TO {caller}; \
         GRANT INSERT ON worker.outbox TO {writer}"
    );
    let mut connection = database.acquire().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(grants))
        .execute(&mut *connection)
        .await
        .unwrap();
    let call = "SELECT worker.enqueue('debug.echo', '{\"value\":1}')";
    let insert = "INSERT INTO worker.outbox (kind, payload) VALUES ('debug.echo', '{\"value\":1}')";
    let read = "SELECT payload FROM worker.outbox";
    for (role, may) in [
        (&caller, [true, false, false]),
        (&writer, [false, true, false]),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SET ROLE {role}")))
            .execute(&mut *connection)
            .await
            .unwrap();
        for (statement, may) in [call, insert, read].into_iter().zip(may) {
            let done = sqlx::raw_sql(statement).execute(&mut *connection).await;
            assert_eq!(done.is_ok(), may, "{role}: {statement}: {done:?}");
        }
        sqlx::raw_sql("RESET ROLE")
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    let clean = format!("DROP OWNED BY {caller}, {writer}; DROP ROLE {caller}; DROP ROLE {writer}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(clean))
        .execute(&mut *connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_with_sqlalchemy_enqueues_in_its_own_transactions() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let url = world
        .database_url
        .replacen("postgres://", "postgresql+psycopg://", 1);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/guides/outbox_sqlalchemy.py"
    );
    let mut python = devkit::python("sqlalchemy").unwrap();
    let ended = end_of(python.arg(script).arg(url));
    let printed = ended.good();
    let ids: Vec<&str> = printed.lines().collect();
    let [committed, checked, rolled_back, undone, kept] = ids[..] else {
        panic!("{printed}")
    };
    let client = world.client().await;
    for (id, value) in [
        (committed, "committed"),
        (checked, "checked"),
        (kept, "kept"),
    ] {
        let id = id.parse().unwrap();
        let what = format!("job {value} is done");
        let job = eventually(&what, || async {
            let job = client.job(QUEUE, &id).await.unwrap()?;
            (job.state == State::Completed).then_some(job)
        })
        .await;
        assert_eq!(job.result, Some(value.into()));
    }
    for id in [rolled_back, undone] {
        let job = client.job(QUEUE, &id.parse().unwrap()).await.unwrap();
        assert!(job.is_none(), "{id}");
    }
    assert_eq!(stored(&client).await, 3);
}
