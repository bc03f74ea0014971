//! All jobs that a filter means: first what would happen, then the operation, which waits ten seconds
//! for a second thought.

use std::time::Duration;

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect, Response};
use rouage::{Action, Preview};
use serde::Deserialize;

use super::actions::{Operator, filter};
use super::frame::{Frame, Screen};
use super::jobs::{Row, row};
use super::show::number;
use super::trouble::{Trouble, rendered};

/// How long a second thought may take.
const UNDO: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: String,
    action: Action,
}

#[derive(Template)]
#[template(path = "preview.html")]
struct Page {
    frame: Frame,
    query: String,
    action: &'static str,
    action_name: &'static str,
    count: String,
    sample: Vec<Row>,
}

/// `POST /jobs/preview`: changes nothing.
pub(crate) async fn preview(operator: Operator, Form(asked): Form<Asked>) -> Response {
    let (frame, panel) = operator.looks();
    let Some(meant) = filter(&asked.q) else {
        return Trouble::Missing.page(frame);
    };
    let Preview {
        count,
        exact,
        sample,
    } = match panel.client().preview(asked.action, &meant).await {
        Ok(preview) => preview,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let words = frame.words;
    let now = panel.now_ms();
    let page = Page {
        query: asked.q,
        action: asked.action.name(),
        action_name: words.of_action(asked.action),
        count: if exact {
            number(count)
        } else {
            format!("≥ {}", number(count))
        },
        sample: sample.iter().map(|job| row(job, now, words)).collect(),
        frame: frame.at(Screen::Jobs),
    };
    rendered(&page)
}

/// `POST /jobs/bulk`: starts the operation and shows it, with the button that undoes it.
pub(crate) async fn start(operator: Operator, Form(asked): Form<Asked>) -> Response {
    let Some(meant) = filter(&asked.q) else {
        return Trouble::Missing.page(operator.looks().0);
    };
    let what = match asked.action {
        Action::Retry => "jobs.retry",
        Action::Cancel => "jobs.cancel",
        Action::Discard => "jobs.discard",
    };
    let (frame, panel) = operator.did(what, "", &meant.to_string()).await;
    let started = panel
        .client()
        .start_operation(asked.action, &meant, &frame.user, UNDO)
        .await;
    match started {
        Ok(id) => {
            panel.desk().glance().forget().await;
            Redirect::to(&format!("{}/operations/{id}", frame.base)).into_response()
        }
        Err(error) => Trouble::from(error).page(frame),
    }
}
