//! The heartbeat and the webhook of backups, over HTTP.
//!
//! Both addresses are secrets: who knows them can speak in our name. No error names them.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use crm_jobs::backups::Announcer;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls two addresses, either of which may be missing.
#[derive(Debug)]
pub(crate) struct Webhooks {
    client: Client,
    heartbeat: Option<SecretString>,
    webhook: Option<SecretString>,
}

impl Webhooks {
    pub(crate) fn new(
        heartbeat: Option<SecretString>,
        webhook: Option<SecretString>,
    ) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("crm-worker/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(reqwest::Error::without_url)
            .context("prepare the HTTP client")?;
        Ok(Self {
            client,
            heartbeat,
            webhook,
        })
    }
}

impl Announcer for Webhooks {
    fn heartbeat(&self) -> BoxFuture<'_, anyhow::Result<bool>> {
        async move {
            let Some(url) = &self.heartbeat else {
                return Ok(false);
            };
            let request = self.client.get(url.expose_secret());
            send(request).await.context("ping backups.heartbeat_url")?;
            Ok(true)
        }
        .boxed()
    }

    fn tell<'a>(&'a self, text: &'a str) -> BoxFuture<'a, anyhow::Result<bool>> {
        async move {
            let Some(url) = &self.webhook else {
                return Ok(false);
            };
            let body = json!({ "text": text }).to_string();
            let request = self
                .client
                .post(url.expose_secret())
                .header("content-type", "application/json")
                .body(body);
            send(request).await.context("call backups.webhook_url")?;
            Ok(true)
        }
        .boxed()
    }
}

async fn send(request: RequestBuilder) -> anyhow::Result<()> {
    let answer = request.send().await.map_err(|error| {
        let what = if error.is_timeout() {
            "no answer in time"
        } else {
            "it cannot be reached"
        };
        anyhow!(what)
    })?;
    if !answer.status().is_success() {
        bail!("it answered {}", answer.status());
    }
    Ok(())
}
