//! Waiting for something that can be observed, with a limit.

use std::future::Future;
use std::time::{Duration, Instant};

/// Far more than anything takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is an answer; fails with `what` after the limit.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
