//! The role `panel`: the HTTP API, on a port of its own.
//!
//! Tokens are looked up over a connection beside the pool of the jobs, so that a caller does not
//! wait for a long export. What is open when the process drains may go on for a few seconds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use rouage_panel::{Limits, Panel, Server, ServerOptions, router};

use super::{Duty, Ground, Role, Roles};
use crate::app::{self, Catalog};
use crate::config::{Invalid, Problem};
use crate::telemetry::readiness::Part;

/// How long requests may go on once the process drains: a little less than roles are waited for.
const GRACE: Duration = Duration::from_secs(4);

/// Opens the port; `None` if the settings, or whoever started the process, want none.
pub(super) async fn start(ground: &Ground<'_>, roles: &Roles) -> anyhow::Result<Option<Duty>> {
    if !roles.has(Role::Panel) {
        return Ok(None);
    }
    let Ground {
        config,
        client,
        shutdown,
        ..
    } = ground;
    let settings = &config.settings.panel;
    let Some(address) = settings.bind else {
        if roles.asked(Role::Panel) {
            let hint = "set panel.bind, such as \"127.0.0.1:9181\"";
            let problem = Problem::new("panel.bind is empty".to_owned()).hint(hint.to_owned());
            return Err(Invalid::from(problem).into());
        }
        return Ok(None);
    };
    let options = ServerOptions {
        connections: settings.connections,
        grace: GRACE,
    };
    let server = Server::bind(address, options).await;
    let server = server.with_context(|| format!("listen on {address}; hint: see panel.bind"))?;
    let panel = Panel::new(
        client.clone(),
        Arc::new(Catalog::new()),
        Arc::new(app::api_tokens(config)?),
        Limits {
            body_bytes: settings.body_bytes,
            jobs_per_request: settings.jobs_per_request,
            longest_wait: settings.longest_wait,
            waiting: settings.waiting,
            requests_per_second: settings.requests_per_second,
        },
        shutdown.drain.clone(),
    );
    if let Ok(address) = server.address() {
        tracing::info!(%address, "the HTTP API is served");
    }
    let pulse = server.pulse();
    let accepts = Part::new("panel", move || {
        let answer = if pulse.is_accepting() {
            Ok(())
        } else {
            Err("takes no connections".to_owned())
        };
        std::future::ready(answer)
    });
    let drain = shutdown.drain.clone();
    let run = async move {
        tokio::join!(server.serve(router(&panel), drain), panel.upkeep());
    };
    Ok(Some(Duty {
        name: Role::Panel.name(),
        run: run.boxed(),
        parts: vec![accepts],
    }))
}
