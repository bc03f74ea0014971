//! Guarantee 3: at most one effect. A closure counts its runs, which stand for mails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rouage::effects::{EffectState, MemoryLedger, Settled};
use rouage::{Job, JobContext, JobError, JobId, Registry, State};
use serde_json::{Value, json};

use tokio::sync::watch;

use crate::stage::{Act, Stage, act, eventually, play};

const KEY: &str = "mail:send:42";

/// Runs so far, and a ledger.
#[derive(Debug, Clone, Default)]
struct Post {
    sent: Arc<AtomicU64>,
    ledger: Arc<MemoryLedger>,
}

impl Post {
    fn send(&self) -> u64 {
        self.sent.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    fn state(&self) -> Option<EffectState> {
        self.ledger.state_of(KEY).map(|(state, _)| state)
    }

    /// An attempt without a worker.
    fn context(&self, job: &JobId, attempt: u32) -> JobContext {
        JobContext::new(job.clone(), "test.act", "test", attempt, 3)
            .with_effects(self.ledger.clone())
    }

    fn with(&self, registry: Registry) -> Registry {
        registry.effects(self.ledger.clone())
    }
}

fn job() -> JobId {
    JobId::generate()
}

#[tokio::test]
async fn a_later_attempt_gets_the_answer_and_runs_nothing() {
    let stage = Stage::new().await;
    let post = Post::default();
    let inner = post.clone();
    let worker = stage.work(post.with(play(move |_, cx| {
        let post = inner.clone();
        async move {
            let number: u64 = cx.effect(KEY).run(async || Ok(post.send() * 7)).await?;
            if cx.attempt() == 1 {
                return Err(JobError::retry("after the effect"));
            }
            Ok(json!(number))
        }
    })));
    let id = stage.client.enqueue(&act("mail")).await.unwrap();
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!((done.attempt, done.result), (2, Some(json!(7))));
    assert_eq!(post.sent(), 1);
    worker.drain().await;
}

#[tokio::test]
async fn an_effect_that_certainly_did_not_happen_runs_again() {
    let stage = Stage::new().await;
    let post = Post::default();
    let inner = post.clone();
    let worker = stage.work(post.with(play(move |_, cx| {
        let post = inner.clone();
        async move {
            let effect = cx.effect(KEY).run(async || match post.send() {
                1 => Err(JobError::retry("refused")),
                number => Ok(number),
            });
            Ok(json!(effect.await?))
        }
    })));
    let id = stage.client.enqueue(&act("mail")).await.unwrap();
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!((done.result, post.sent()), (Some(json!(2)), 2));
    worker.drain().await;
}

#[tokio::test]
async fn guarantee_3_an_unknown_effect_holds_its_job_until_somebody_decides() {
    let stage = Stage::new().await;
    let post = Post::default();
    let inner = post.clone();
    let worker = stage.work(post.with(play(move |_, cx| {
        let post = inner.clone();
        async move {
            let effect = cx.effect(KEY).run(async || {
                post.send();
                Err::<u64, _>(JobError::unknown_effect(anyhow::anyhow!(
                    "cut after sending"
                )))
            });
            Ok(json!(effect.await?))
        }
    })));
    let id = stage.client.enqueue(&act("mail")).await.unwrap();
    let held = stage.reaches(&id, State::Held).await;
    assert_eq!((held.reason.as_str(), held.attempt), ("effect_unknown", 1));
    assert!(held.last_message().contains(KEY), "{}", held.last_message());

    // A retry without a decision holds it again.
    stage.client.retry(Act::QUEUE, &id).await.unwrap();
    eventually("it is held a second time", || async {
        let job = stage.job(&id).await;
        (job.state == State::Held && job.errors.len() == 2).then_some(())
    })
    .await;
    assert_eq!((post.sent(), post.state()), (1, Some(EffectState::Unknown)));

    post.ledger.decide(KEY, Some("11"));
    stage.client.retry(Act::QUEUE, &id).await.unwrap();
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!((done.result, post.sent()), (Some(json!(11)), 1));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_handler_that_is_dropped_inside_its_effect_never_repeats_it() {
    let stage = Stage::new().await;
    let post = Post::default();
    let inner = post.clone();
    let worker = stage.work(post.with(play(move |_, cx| {
        let post = inner.clone();
        async move {
            let effect = cx.effect::<u64>(KEY).run(async || {
                post.send();
                std::future::pending().await
            });
            Ok(json!(effect.await?))
        }
    })));
    let id = stage
        .client
        .enqueue(&act("mail"))
        .timeout(Duration::from_millis(50))
        .await
        .unwrap();
    let held = stage.reaches(&id, State::Held).await;
    assert_eq!((held.reason.as_str(), held.attempt), ("effect_unknown", 2));
    assert_eq!(post.sent(), 1);
    worker.drain().await;
}

#[tokio::test]
async fn a_provider_that_can_be_asked_settles_an_open_effect() {
    for (answer, sent, result) in [
        (Settled::Happened(5), 1, Ok(5)),
        (Settled::DidNotHappen, 2, Ok(2)),
        (Settled::CannotTell, 1, Err(())),
    ] {
        let (post, job) = (Post::default(), job());
        let first = post.context(&job, 1);
        let cut = first.effect::<u64>(KEY).run(async || {
            post.send();
            Err(JobError::unknown_effect(anyhow::anyhow!("cut")))
        });
        assert!(matches!(cut.await, Err(JobError::Unknown(_))));
        let second = post.context(&job, 2);
        let settled = second
            .effect(KEY)
            .settle(async || Ok(answer.clone()))
            .run(async || Ok(post.send()))
            .await;
        match result {
            Ok(number) => assert_eq!(settled.unwrap(), number),
            Err(()) => assert!(matches!(settled, Err(JobError::Unknown(_)))),
        }
        assert_eq!(post.sent(), sent, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_effect_beyond_its_time_is_unknown_and_nobody_asks_before() {
    let (post, job) = (Post::default(), job());
    let first = post.context(&job, 1);
    let slow = first
        .effect::<u64>(KEY)
        .lasts(Duration::from_secs(20))
        .run(async || {
            post.send();
            std::future::pending().await
        });
    // Its worker dies with it: nothing is written down.
    assert!(
        tokio::time::timeout(Duration::from_secs(5), slow)
            .await
            .is_err()
    );
    assert_eq!(post.state(), Some(EffectState::Reserved));
    let ask = |attempt| {
        let cx = post.context(&job, attempt);
        async move {
            let effect = cx.effect::<u64>(KEY);
            let effect = effect.settle(async || Ok(Settled::Happened(3)));
            effect
                .run(async || unreachable!("the provider knows"))
                .await
        }
    };
    assert!(matches!(ask(2).await, Err(JobError::Snooze { .. })));
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(ask(3).await.unwrap(), 3);

    let late = post.context(&job, 4);
    let late = late.effect::<u64>("other").lasts(Duration::from_secs(1));
    let late = late.run(std::future::pending::<Result<u64, JobError>>);
    assert!(matches!(late.await, Err(JobError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn two_jobs_with_one_effect_run_it_once() {
    let post = Post::default();
    let (one, other) = (post.context(&job(), 1), post.context(&job(), 1));
    let first = one.effect(KEY).run(async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(post.send())
    });
    let second = other.effect(KEY).run(async || Ok(post.send()));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), 1);
    assert!(matches!(second, Err(JobError::Snooze { .. })));
    let again = other.effect(KEY).run(async || Ok(post.send()));
    assert_eq!((again.await.unwrap(), post.sent()), (1, 1));
}

#[tokio::test]
async fn a_dry_run_runs_no_effect() {
    let stage = Stage::new().await;
    let post = Post::default();
    let inner = post.clone();
    let worker = stage.work(post.with(play(move |_, cx| {
        let post = inner.clone();
        async move {
            let effect = cx.effect(KEY).if_dry(99);
            Ok(json!(effect.run(async || Ok(post.send())).await?))
        }
    })));
    let id = stage.client.enqueue(&act("mail")).dry_run().await.unwrap();
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!((done.result, post.sent()), (Some(json!(99)), 0));
    assert_eq!(post.state(), None);
    worker.drain().await;
}

#[tokio::test]
async fn without_a_ledger_an_effect_is_refused_for_good() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.effect::<Value>(KEY)
            .run(async || unreachable!("nothing could remember it"))
            .await
    }));
    let id = stage.client.enqueue(&act("mail")).await.unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    assert!(
        job.last_message().contains("no ledger of effects"),
        "{}",
        job.last_message()
    );
    worker.drain().await;
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_has_no_effect() {
    let stage = Stage::new().await;
    let post = Post::default();
    let (heir, heirs) = watch::channel(false);
    let (late, mut lates) = watch::channel(false);
    let (inner, heirs_of) = (post.clone(), heir.subscribe());
    let worker = stage.work(post.with(play(move |_, cx| {
        let (post, mut heirs, late, heir) =
            (inner.clone(), heirs_of.clone(), late.clone(), heir.clone());
        async move {
            let is_late = cx.attempt() == 1;
            if is_late {
                heirs.wait_for(|over| *over).await?;
            }
            let effect = cx.effect::<u64>(KEY).run(async || {
                post.send();
                Err(JobError::discard("refused"))
            });
            let ended = effect.await;
            let over = if is_late { late } else { heir };
            over.send_replace(true);
            Ok(json!(ended?))
        }
    })));
    let id = stage.client.enqueue(&act("mail")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    let leases: Vec<String> = stage
        .redis(&["ZRANGE", "test:{test}:lease", "0", "-1"])
        .await;
    // Its worker goes on beating, so the end of the lease is written again until it is noticed.
    eventually("the second attempt is over", || async {
        let _: u64 = stage
            .redis(&["ZADD", "test:{test}:lease", "XX", "1", &leases[0]])
            .await;
        heirs.borrow().then_some(())
    })
    .await;
    lates.wait_for(|over| *over).await.unwrap();
    assert_eq!(
        (post.sent(), post.state()),
        (1, Some(EffectState::Released))
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}
