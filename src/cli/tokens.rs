//! `crm-worker tokens`: who may use the HTTP API.
//!
//! A token is written to standard output once, when it is created, and nowhere else: not in a log,
//! not in an argument, not in the database.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rouage_panel::Scope;
use rouage_panel::auth::Token;

use super::table::Table;
use super::{Verdict, failure, moment, output};
use crate::app;
use crate::config::Config;
use crate::store::api_tokens::{Created, NewToken};
use crate::store::pool::explained;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a token and print it, this once
    Create(Create),
    /// List the tokens, without showing them
    List(List),
    /// Refuse a token from now on
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Scopes: jobs:enqueue, jobs:read, jobs:cancel, and payloads:read, which shows payloads and results.
The token is on standard output and is never shown again.

Examples:
  crm-worker tokens create --name crm-api --scope jobs:enqueue,jobs:read > crm-api.token
  crm-worker tokens create --name reports --scope jobs:enqueue --kind 'exports.*' --expires 90d")]
pub(super) struct Create {
    /// Who uses it: lower-case letters, digits, '.', '_' and '-'
    #[arg(long, value_parser = name)]
    name: String,

    /// What it may do; several are separated by commas
    #[arg(
        long = "scope",
        value_name = "SCOPE,…",
        value_delimiter = ',',
        required = true
    )]
    scopes: Vec<Scope>,

    /// Only this kind, or the start of some such as exports.*; may be repeated [default: all]
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<String>,

    /// Only this queue; may be repeated [default: all]
    #[arg(long = "queue", value_name = "QUEUE", value_parser = name)]
    queues: Vec<String>,

    /// Refuse it after this long, such as 90d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = moment::duration)]
    expires: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// Its name, or its number in the list
    name: String,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Create(args) => create(config, args).await,
        Command::List(args) => list(config, &args).await,
        Command::Revoke(args) => revoke(config, &args).await,
    }
}

async fn create(config: &Config, args: Create) -> anyhow::Result<Verdict> {
    let token = Token::generate().context("the system gives no random numbers")?;
    let mut scopes = args.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let new = NewToken {
        name: args.name,
        scopes,
        kinds: args.kinds,
        queues: args.queues,
        expires_in: args.expires,
    };
    let created = app::api_tokens(config)?.create(&token, &new).await;
    match created.map_err(|error| explained(error, "create a token"))? {
        Created::Done => {
            output::line(token.reveal())?;
            failure::hint("this is the only time the token is shown");
            Ok(Verdict::Good)
        }
        Created::NameTaken => {
            let name = &new.name;
            bail!(
                "there is a token {name} already; hint: give the new one another name, or first: crm-worker tokens revoke {name}"
            )
        }
        Created::TooMany => {
            bail!("there are 1000 tokens, the limit; hint: revoke those that nobody uses")
        }
    }
}

async fn list(config: &Config, args: &List) -> anyhow::Result<Verdict> {
    let listed = app::api_tokens(config)?.list().await;
    let tokens = listed.map_err(|error| explained(error, "list the tokens"))?;
    if args.json {
        output::json(&tokens)?;
        return Ok(Verdict::Good);
    }
    let now = moment::now_ms();
    let when = |at: Option<i64>| {
        moment::relative(at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0), now)
    };
    let all = |names: Vec<String>| {
        if names.is_empty() {
            "all".to_owned()
        } else {
            names.join(",")
        }
    };
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "STATE",
        "SCOPES",
        "KINDS",
        "QUEUES",
        "CREATED",
        "EXPIRES",
        "LAST USED",
    ]);
    for token in tokens {
        table.row([
            token.id.to_string(),
            token.name,
            token.state,
            token.scopes.join(","),
            all(token.kinds),
            all(token.queues),
            when(Some(token.created_at)),
            when(token.expires_at),
            when(token.last_used_at),
        ]);
    }
    table.print("there is no token")?;
    Ok(Verdict::Good)
}

async fn revoke(config: &Config, args: &Revoke) -> anyhow::Result<Verdict> {
    let name = &args.name;
    let revoked = app::api_tokens(config)?.revoke(name).await;
    if !revoked.map_err(|error| explained(error, "revoke a token"))? {
        return Err(anyhow!(
            "no token {name:?} that is not revoked; hint: crm-worker tokens list shows them"
        ));
    }
    output::line(format!("{name}: revoked; refused within 5 seconds"))?;
    Ok(Verdict::Good)
}

fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    let begins = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good =
        text.len() <= 63 && text.bytes().all(fits) && text.as_bytes().first().is_some_and(begins);
    good.then(|| text.to_owned()).ok_or_else(|| {
        "use 1 to 63 lower-case letters, digits, '.', '_' and '-', the first a letter or digit"
            .to_owned()
    })
}

fn kind(text: &str) -> Result<String, String> {
    let start = text.strip_suffix('*').unwrap_or(text);
    if text == "*" || start == text {
        return if text == "*" {
            Ok(text.to_owned())
        } else {
            name(text)
        };
    }
    name(start).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_names_or_the_start_of_some() {
        for good in ["exports.export_records", "exports.*", "*"] {
            assert_eq!(kind(good).as_deref(), Ok(good));
        }
        for wrong in ["", "**", "a*b", "*.export", "Exports.*", "a b"] {
            assert!(kind(wrong).is_err(), "{wrong}");
        }
    }
}
