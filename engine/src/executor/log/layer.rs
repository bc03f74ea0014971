//! The layer, and how an attempt's span becomes known to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::span::Id;
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::text::text;
use crate::executor::context::JobContext;

/// Keeps what handlers log with their jobs: a layer for the process' `tracing` subscriber, over
/// its registry.
///
/// Put a filter before it, so that nothing below its level is built for it alone:
///
/// ```
/// use rouage::JobLogLayer;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::layer::{Layer, SubscriberExt};
///
/// let subscriber = tracing_subscriber::registry()
///     .with(JobLogLayer::default().with_filter(LevelFilter::INFO));
/// ```
#[derive(Debug, Clone)]
pub struct JobLogLayer {
    level: Level,
    attempts: Attempts,
}

impl JobLogLayer {
    /// Keeps what is at least as severe as `level`.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            attempts: Attempts::default(),
        }
    }
}

impl Default for JobLogLayer {
    /// Keeps info, warnings and errors.
    fn default() -> Self {
        Self::new(Level::INFO)
    }
}

/// The running attempts by the number of their span.
#[derive(Debug, Clone, Default)]
struct Attempts(Arc<Mutex<HashMap<u64, JobContext>>>);

impl Attempts {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, JobContext>> {
        // Whole entries only are added and removed, so a poisoned map is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for JobLogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > self.level {
            return;
        }
        let Some(mut spans) = context.event_scope(event) else {
            return;
        };
        let attempt = {
            let attempts = self.attempts.lock();
            spans.find_map(|span| attempts.get(&span.id().into_u64()).cloned())
        };
        if let Some(cx) = attempt {
            cx.log(level_name(level), text(event));
        }
    }
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Makes an attempt known to the layer, if the subscriber has one, for as long as the answer lives.
pub(crate) fn listen(span: &Span, cx: &JobContext) -> Option<Listening> {
    let listening = span.with_subscriber(|(id, subscriber): (&Id, &tracing::Dispatch)| {
        let layer: &JobLogLayer = subscriber.downcast_ref()?;
        let attempts = layer.attempts.clone();
        let span = id.into_u64();
        attempts.lock().insert(span, cx.clone());
        Some(Listening { attempts, span })
    });
    listening.flatten()
}

/// An attempt that the layer knows.
pub(crate) struct Listening {
    attempts: Attempts,
    span: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.attempts.lock().remove(&self.span);
    }
}
