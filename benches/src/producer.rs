//! A producer that keeps a pace, whatever becomes of its jobs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ours::{Stamp, client, now_ns};

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(2);
/// Most jobs of one call; a producer that is late catches up in several.
const MOST: u64 = 500;
/// One job in so many fails at first, where failures are wanted.
const FAILS_EVERY: u64 = 100;

/// Enqueues stamped jobs at `rate` a second for `seconds`.
pub(crate) async fn produce(url: &str, rate: f64, seconds: f64, failures: bool) -> Result<()> {
    let client = client(url).await?;
    let start = Instant::now();
    let all = (rate * seconds) as u64;
    let mut sent = 0;
    while sent < all {
        let due = (start.elapsed().as_secs_f64() * rate) as u64;
        let batch = due.min(all).saturating_sub(sent).min(MOST);
        if batch == 0 {
            sleep(TICK);
            continue;
        }
        let sent_ns = now_ns();
        let jobs: Vec<Stamp> = (sent..sent + batch)
            .map(|number| Stamp {
                sent_ns,
                fails: failures && number.is_multiple_of(FAILS_EVERY),
            })
            .collect();
        client.enqueue_many(&jobs).await?;
        sent += batch;
        if batch < MOST {
            sleep(TICK);
        }
    }
    Ok(())
}
