//! `/limits`: rate limits and circuit breakers that all workers share.

use askama::Template;
use axum::response::Response;
use rouage::ClientError;
use rouage::inspect::{BreakerState, BreakerView, LimitView, span};

use super::frame::{Frame, Screen};
use super::show::instant;
use super::trouble::{Ask, Trouble, rendered};

#[derive(Template)]
#[template(path = "limits.html")]
struct Page {
    frame: Frame,
    limits: Vec<Limit>,
    breakers: Vec<Breaker>,
}

struct Limit {
    name: String,
    rate: String,
    burst: String,
    free: String,
    /// Whether an operator set it.
    set: bool,
}

struct Breaker {
    name: String,
    state: &'static str,
    failures: String,
    until: String,
    /// Whether closing it changes anything.
    open: bool,
}

pub(crate) async fn limits(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let client = panel.client();
    let looked = async { Ok::<_, ClientError>((client.limits().await?, client.breakers().await?)) };
    let (limits, breakers) = match looked.await {
        Ok(found) => found,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let page = Page {
        limits: limits.iter().map(limit).collect(),
        breakers: breakers.iter().map(breaker).collect(),
        frame: frame.at(Screen::Limits),
    };
    rendered(&page)
}

fn limit(view: &LimitView) -> Limit {
    Limit {
        name: view.name.clone(),
        rate: format!("{} / {}", view.permits, span(view.per_ms)),
        burst: view.burst.to_string(),
        free: view.free.to_string(),
        set: view.set,
    }
}

fn breaker(view: &BreakerView) -> Breaker {
    Breaker {
        name: view.title(),
        state: view.state.name(),
        failures: format!("{} / {}", view.failures, view.attempts),
        until: if view.until == 0 {
            String::new()
        } else {
            instant(view.until)
        },
        open: view.state != BreakerState::Closed,
    }
}
