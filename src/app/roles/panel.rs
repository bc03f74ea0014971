//! The role `panel`: the pages for people and the HTTP API, on a port of their own.
//!
//! Tokens are looked up over a connection beside the pool of the jobs, so that a caller does not
//! wait for a long export. What is open when the process drains may go on for a few seconds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use rouage_panel::{
    Account, Accounts, Desk, Limits, Panel, Role as Permission, Server, ServerOptions, router,
};
use secrecy::ExposeSecret;

use super::{Duty, Ground, Role, Roles};
use crate::app::{self, Catalog};
use crate::config::{Invalid, PanelSettings, Problem};
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
    let desk = Desk::new(Accounts::new(accounts(settings)?))
        .under(&settings.base_path)
        .version(env!("CARGO_PKG_VERSION"))
        .trusting(settings.trusted_proxies.clone())
        .audited(Arc::new(app::deeds(config)?));
    let panel = panel.with_desk(desk);
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

/// The people who may open the pages.
fn accounts(settings: &PanelSettings) -> Result<Vec<Account>, Invalid> {
    if let Some(users) = &settings.users {
        return read(users.expose_secret(), str::split_whitespace, hashed)
            .map_err(|why| invalid("panel.users", &why));
    }
    let Some(flower) = &settings.flower else {
        tracing::info!("no accounts: the pages let nobody in; hint: see panel.users");
        return Ok(Vec::new());
    };
    let accounts = read(flower.expose_secret(), |text| text.split(','), in_clear)
        .map_err(|why| invalid("panel.flower_basic_auth", &why))?;
    tracing::warn!(
        "Flower's password in clear lets people in as admins; hint: crm-worker panel hash-password, then panel.users"
    );
    Ok(accounts)
}

fn read<'t, P: Iterator<Item = &'t str>>(
    text: &'t str,
    parts: impl Fn(&'t str) -> P,
    account: impl Fn(&str) -> Result<Account, String>,
) -> Result<Vec<Account>, String> {
    let given = parts(text).map(str::trim).filter(|part| !part.is_empty());
    given.map(account).collect()
}

/// An account from `name:role:hash`.
fn hashed(line: &str) -> Result<Account, String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(role), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a line is not name:role:hash".to_owned());
    };
    let role: Permission = role.parse()?;
    Account::new(name, role, hash)
}

/// An account from Flower's `user:password`.
fn in_clear(pair: &str) -> Result<Account, String> {
    let (name, password) = pair
        .split_once(':')
        .ok_or("a part is not user:password".to_owned())?;
    Account::of_password(name, Permission::Admin, password)
}

/// Names the key and never its value.
fn invalid(key: &str, why: &str) -> Invalid {
    let hint = "crm-worker panel hash-password makes a hash".to_owned();
    Problem::new(format!("{key}: {why}")).hint(hint).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_lines_and_from_flowers_setting() {
        let hash = rouage_panel::hash_password("correct horse").unwrap();
        let lines = format!("ana:admin:{hash}\n  vera:viewer:{hash}\n");
        let read =
            |text: &str| super::read(text, str::split_whitespace, hashed).map(|all| all.len());
        assert_eq!(read(&lines), Ok(2));
        let wrong = read("ana:chief:x").unwrap_err();
        assert!(wrong.contains("viewer, operator, admin"), "{wrong}");
        assert!(
            read("ana:admin:secret")
                .unwrap_err()
                .contains("hash-password")
        );
        let flower = super::read("a:b,c:d:e", |text| text.split(','), in_clear).unwrap();
        assert_eq!(
            format!("{flower:?}"),
            "[Account(a, admin), Account(c, admin)]"
        );
    }
}
