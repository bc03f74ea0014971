//! What is remembered of tokens, over a store whose mind can be changed.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::time::advance;

use super::*;
use crate::auth::scope::Scope;

/// What the store says now: a grant, nothing, or that it is away.
type Word = Result<Option<Option<Duration>>, ()>;

#[derive(Debug)]
struct Store {
    word: Mutex<Word>,
    asked: AtomicUsize,
    written: Mutex<Vec<i64>>,
}

impl Store {
    fn says(&self, word: Word) {
        *self.word.lock().unwrap() = word;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl TokenStore for Store {
    fn find<'a>(&'a self, _: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<Grant>, StoreFailure>> {
        async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(1)).await;
            let word = *self.word.lock().unwrap();
            let found = word.map_err(|()| StoreFailure::from("away"))?;
            Ok(found.map(|expires_in| Grant {
                id: 7,
                name: "crm".to_owned(),
                scopes: vec![Scope::JobsRead],
                kinds: Vec::new(),
                queues: Vec::new(),
                expires_in,
            }))
        }
        .boxed()
    }

    fn used<'a>(&'a self, ids: &'a [i64]) -> BoxFuture<'a, Result<(), StoreFailure>> {
        self.written.lock().unwrap().extend(ids);
        async { Ok(()) }.boxed()
    }
}

fn tokens(rate: Option<u32>) -> (Arc<Store>, Tokens, Token) {
    let store = Arc::new(Store {
        word: Mutex::new(Ok(Some(None))),
        asked: AtomicUsize::new(0),
        written: Mutex::default(),
    });
    let tokens = Tokens::new(Arc::clone(&store) as _, rate.and_then(NonZeroU32::new));
    (store, tokens, Token::generate().unwrap())
}

#[tokio::test(start_paused = true)]
async fn many_requests_ask_the_store_once_every_two_seconds() {
    let (store, tokens, token) = tokens(None);
    let burst = || futures_util::future::join_all((0..100).map(|_| tokens.admit(&token, None)));
    assert!(burst().await.iter().all(Result::is_ok));
    assert_eq!(store.asked(), 1);
    advance(FRESH).await;
    assert!(burst().await.iter().all(Result::is_ok));
    assert_eq!(store.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_refused_within_two_seconds() {
    let (store, tokens, token) = tokens(None);
    tokens.admit(&token, None).await.unwrap();
    store.says(Ok(None));
    assert!(tokens.admit(&token, None).await.is_ok());
    advance(FRESH).await;
    let refused = tokens.admit(&token, None).await;
    assert_eq!(refused.unwrap_err(), Denied::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_token_outlives_an_outage_of_the_store_but_not_a_long_one() {
    let (store, tokens, token) = tokens(None);
    tokens.admit(&token, None).await.unwrap();
    store.says(Err(()));
    let mut waited = Duration::ZERO;
    while waited + FRESH < GRACE {
        assert!(tokens.admit(&token, None).await.is_ok(), "after {waited:?}");
        advance(FRESH).await;
        waited += FRESH;
    }
    advance(FRESH).await;
    let refused = tokens.admit(&token, None).await;
    assert_eq!(refused.unwrap_err(), Denied::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_it_expires_also_without_the_store() {
    let (store, tokens, token) = tokens(None);
    store.says(Ok(Some(Some(Duration::from_millis(500)))));
    tokens.admit(&token, None).await.unwrap();
    store.says(Err(()));
    advance(Duration::from_millis(500)).await;
    assert!(tokens.admit(&token, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_rate_outlives_the_lookups() {
    let (_, tokens, token) = tokens(Some(1));
    for _ in 0..2 {
        tokens.admit(&token, None).await.unwrap();
    }
    assert!(matches!(
        tokens.admit(&token, None).await,
        Err(Denied::TooOften(_))
    ));
    advance(FRESH).await;
    for good in [true, true, false] {
        assert_eq!(tokens.admit(&token, None).await.is_ok(), good);
    }
}

#[tokio::test(start_paused = true)]
async fn the_use_of_tokens_is_written_once_a_minute_and_at_the_end() {
    let (store, tokens, token) = tokens(None);
    let drain = CancellationToken::new();
    let work = async {
        for _ in 0..5 {
            tokens.admit(&token, None).await.unwrap();
        }
        tokio::time::sleep(WRITE_EVERY).await;
        assert_eq!(*store.written.lock().unwrap(), [7]);
        tokens.admit(&token, None).await.unwrap();
        drain.cancel();
    };
    tokio::join!(tokens.upkeep(&drain), work);
    assert_eq!(*store.written.lock().unwrap(), [7, 7]);
}
