use super::*;
use crate::store::test_database;

async fn insert(pool: &Pool, kind: &str, payloads: &[&str]) {
    sqlx::query("INSERT INTO worker.outbox (kind, payload) SELECT $1, p::jsonb FROM unnest($2::text[]) WITH ORDINALITY AS u (p, n) ORDER BY n")
        .bind(kind)
        .bind(payloads)
        .execute(pool)
        .await
        .unwrap();
}

fn outbox(pool: &Pool) -> Outbox {
    Outbox::new(&pool.connect_options())
}

async fn taken(outbox: &mut Outbox, most: usize) -> Vec<(i64, String)> {
    match outbox.take(most).await.unwrap() {
        Taken::Busy => panic!("busy"),
        Taken::Entries(entries) => entries
            .into_iter()
            .map(|entry| (entry.ticket, entry.payload))
            .collect(),
    }
}

#[tokio::test]
async fn one_relay_at_a_time_sees_the_first_rows_in_their_order() {
    let pool = test_database::pool().await;
    insert(&pool, "a", &["1", "2", "3"]).await;
    let (mut one, mut two) = (outbox(&pool), outbox(&pool));
    let rows = taken(&mut one, 2).await;
    assert_eq!(rows, [(1, "1".to_owned()), (2, "2".to_owned())]);
    assert_eq!(two.take(2).await.unwrap(), Taken::Busy);
    one.settle(&[1, 2], &[]).await.unwrap();
    assert_eq!(taken(&mut two, 2).await, [(3, "3".to_owned())]);
}

#[tokio::test]
async fn what_was_given_back_or_forsaken_is_lent_out_again() {
    let pool = test_database::pool().await;
    insert(&pool, "a", &["1"]).await;
    let (mut one, mut two) = (outbox(&pool), outbox(&pool));
    taken(&mut one, 9).await;
    one.give_back().await;
    assert_eq!(taken(&mut two, 9).await.len(), 1);
    // A relay that is gone, and with it its connection.
    drop(two);
    // The server notices that when the rollback arrives.
    while one.take(9).await.unwrap() == Taken::Busy {}
    assert!(one.turn.is_some());
}

#[tokio::test]
async fn a_parked_row_stands_in_nobodys_way_until_it_is_retried() {
    let pool = test_database::pool().await;
    insert(&pool, "a", &["1", "2"]).await;
    let mut outbox = outbox(&pool);
    taken(&mut outbox, 9).await;
    let parked = Parked {
        ticket: 1,
        reason: "no".to_owned(),
    };
    outbox.settle(&[2], &[parked]).await.unwrap();
    assert_eq!(taken(&mut outbox, 9).await, []);

    let people = ParkedRows::new(pool.clone());
    let rows = people.list(9).await.unwrap();
    assert_eq!((rows.len(), rows[0].reason.as_str()), (1, "no"));
    let glance = people.glance().await.unwrap();
    assert_eq!((glance.waiting, glance.parked), (0, 1));
    assert_eq!(people.forget(Duration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(people.retry(&[], Some("b")).await.unwrap(), 0);
    assert_eq!(people.retry(&[1], None).await.unwrap(), 1);
    // Behind the rows that left: found by looking from the beginning.
    outbox.sweep = Sweep::default();
    assert_eq!(taken(&mut outbox, 9).await, [(1, "1".to_owned())]);
}

#[tokio::test]
async fn large_payloads_come_a_few_at_a_time() {
    let pool = test_database::pool().await;
    let large = format!("\"{}\"", "x".repeat(5_000_000));
    insert(&pool, "a", &[large.as_str(); 5]).await;
    let mut outbox = outbox(&pool);
    let first = taken(&mut outbox, 500).await;
    assert_eq!(first.len(), 4);
}

#[tokio::test]
async fn times_and_wishes_come_as_they_were_written() {
    let pool = test_database::pool().await;
    sqlx::query(
        "INSERT INTO worker.outbox (job_id, kind, run_at, expires_at, priority, max_attempts, unique_key, tags) \
         VALUES ('mine', 'a', '1970-01-01T00:00:01.5Z', '1969-01-01T00:00Z', 3, 2, 'k', '{t}')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let Taken::Entries(entries) = outbox(&pool).take(9).await.unwrap() else {
        panic!("busy")
    };
    let expected = Entry {
        ticket: 1,
        id: "mine".to_owned(),
        kind: "a".to_owned(),
        payload: "{}".to_owned(),
        run_at: Some(1500),
        expires_at: Some(0),
        priority: Some(3),
        max_attempts: Some(2),
        unique: Some("k".to_owned()),
        tags: vec!["t".to_owned()],
    };
    assert_eq!(entries, [expected]);
}

#[tokio::test]
async fn news_come_with_the_commit_and_not_before() {
    let pool = test_database::pool().await;
    let mut outbox = outbox(&pool);
    // The first news are that it listens now.
    outbox.news().await;
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO worker.outbox (kind) VALUES ('a')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), outbox.news()).await;
    assert!(early.is_err());
    transaction.commit().await.unwrap();
    outbox.news().await;
    assert_eq!(taken(&mut outbox, 9).await.len(), 1);
}
