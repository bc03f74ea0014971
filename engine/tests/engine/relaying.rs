//! Relays: what a source lends out becomes a job once, whatever ends in between.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use rouage::ingress::{Build, Entry, Parked, Relay, RelayOptions, Source, Taken, Turn};
use rouage::{Job, NewJob, Priority};
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{Act, Stage, eventually};

/// Ten minutes of an outage, in rounds of the longest pause and its answer.
const ROUNDS_OF_TEN_MINUTES: u32 = 100;

/// A table that several relays look at; each of its steps takes a moment, as over a network.
#[derive(Debug, Clone, Default)]
struct Table {
    rows: Arc<Mutex<BTreeMap<u32, String>>>,
    parked: Arc<Mutex<Vec<u32>>>,
    takes: Arc<Mutex<u32>>,
}

impl Table {
    fn with(rows: std::ops::Range<u32>) -> Self {
        let table = Self::default();
        for row in rows {
            table
                .rows
                .lock()
                .unwrap()
                .insert(row, "test.act".to_owned());
        }
        table
    }

    fn left(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

impl Source for Table {
    type Ticket = u32;

    fn name(&self) -> &'static str {
        "table"
    }

    async fn take(&mut self, most: usize) -> anyhow::Result<Taken<u32>> {
        tokio::task::yield_now().await;
        *self.takes.lock().unwrap() += 1;
        let rows = self.rows.lock().unwrap();
        let entry = |(row, kind): (&u32, &String)| Entry {
            ticket: *row,
            id: format!("row-{row}"),
            kind: kind.clone(),
            payload: "{\"part\":\"\"}".to_owned(),
            ..Entry::default()
        };
        Ok(Taken::Entries(rows.iter().take(most).map(entry).collect()))
    }

    async fn settle(&mut self, relayed: &[u32], parked: &[Parked<u32>]) -> anyhow::Result<()> {
        tokio::task::yield_now().await;
        {
            let mut rows = self.rows.lock().unwrap();
            rows.retain(|row, _| !relayed.contains(row));
            for entry in parked {
                rows.remove(&entry.ticket);
                self.parked.lock().unwrap().push(entry.ticket);
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn give_back(&mut self) {}

    async fn news(&mut self) {
        std::future::pending::<()>().await;
    }
}

fn build() -> Build {
    Arc::new(|kind, payload| {
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        let known = kind == "test.act";
        let job = NewJob::from_parts(Act::QUEUE, kind, payload, Priority::NORMAL).unwrap();
        known
            .then_some(job)
            .ok_or_else(|| "unknown kind".to_owned())
    })
}

fn relay(stage: &Stage, table: &Table) -> Relay<Table> {
    // A test does not wait: the pauses are those of a patient relay, a thousand times shorter.
    let options = RelayOptions {
        poll: Duration::from_millis(10),
        first_pause: Duration::from_micros(100),
        longest_pause: Duration::from_millis(5),
    };
    Relay::new(stage.client.clone(), table.clone(), build(), options)
}

async fn stored(stage: &Stage) -> u64 {
    let view = stage.client.queue_view(Act::QUEUE).await.unwrap();
    view.enqueued_total
}

/// What became of the jobs is forgotten, as if they had run and their retention was over.
async fn forget_all(stage: &Stage) {
    for part in ["job", "ready"] {
        let _: u64 = stage
            .redis(&["DEL", &format!("test:{{test}}:{part}")])
            .await;
    }
}

#[tokio::test]
async fn a_relay_that_ends_at_any_step_loses_and_doubles_nothing() {
    const ROWS: u32 = 40;
    let mut whole = 0;
    for steps in 0.. {
        let stage = Stage::new().await;
        let table = Table::with(0..ROWS);
        let mut relay_that_ends = relay(&stage, &table);
        let mut turn = Box::pin(relay_that_ends.turn());
        let mut polls = 0;
        let ended = std::future::poll_fn(|context| {
            // Each time it is polled it gets one step further; then it is no more.
            if polls == steps {
                return Poll::Ready(false);
            }
            polls += 1;
            turn.as_mut().poll(context).map(|turn| turn.is_ok())
        })
        .await;
        drop(turn);
        // What was sent may still be under way: ask behind it, over the same connection.
        stored(&stage).await;
        forget_all(&stage).await;
        relay(&stage, &table).turn().await.unwrap();
        assert_eq!(table.left(), 0, "after {steps} steps");
        assert_eq!(stored(&stage).await, u64::from(ROWS), "after {steps} steps");
        if ended {
            whole = steps;
            break;
        }
    }
    assert!(whole > 5, "a turn has more than {whole} steps");
}

#[tokio::test]
async fn what_is_settled_leaves_nothing_behind_in_redis() {
    let stage = Stage::new().await;
    let table = Table::with(0..10);
    let turn = relay(&stage, &table).turn().await.unwrap();
    assert_eq!(turn, Turn::Settled(10));
    let known: u64 = stage.redis(&["EXISTS", "test:{test}:known"]).await;
    assert_eq!(known, 0);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn ids_that_a_dead_relay_left_behind_are_forgotten_when_their_time_is_over() {
    let stage = Stage::new().await;
    let mut job = NewJob::from_job(&crate::stage::act("")).unwrap();
    job.known_for = Some(Duration::from_millis(1));
    stage.client.enqueue_all(vec![job.clone()]).await.unwrap();
    forget_all(&stage).await;
    let again = stage.client.enqueue_all(vec![job]).await.unwrap();
    assert!(!again[0].stored);
    let worker = stage.work(crate::stage::counting().0);
    eventually("the id is forgotten", || async {
        let known: u64 = stage.redis(&["EXISTS", "test:{test}:known"]).await;
        (known == 0).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn an_entry_of_which_no_job_can_be_made_is_parked_and_those_behind_it_go_on() {
    let stage = Stage::new().await;
    let table = Table::with(0..3);
    table.rows.lock().unwrap().insert(1, "strange".to_owned());
    relay(&stage, &table).turn().await.unwrap();
    assert_eq!((table.left(), stored(&stage).await), (0, 2));
    assert_eq!(*table.parked.lock().unwrap(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n2_all_that_was_written_while_redis_was_away_for_ten_minutes_arrives_once() {
    let mut stage = Stage::with(devkit::Persistence::Aof).await;
    let table = Table::with(0..600);
    stage.redis.kill().unwrap();
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(relay(&stage, &table).run(stop.clone()));
    eventually("it asked as often as in ten minutes", || async {
        let takes = *table.takes.lock().unwrap();
        (takes >= ROUNDS_OF_TEN_MINUTES).then_some(())
    })
    .await;
    stage.redis.restart().unwrap();
    eventually("all entries are relayed", || async {
        (table.left() == 0).then_some(())
    })
    .await;
    stop.cancel();
    running.join_next().await.unwrap().unwrap();
    assert_eq!(stored(&stage).await, 600);
    stage.fsck_is_clean().await;
}
