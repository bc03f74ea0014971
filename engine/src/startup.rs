//! Is this Redis safe to keep jobs in? Asked before a worker starts, and by `doctor`.
//!
//! Each finding is one sentence with a hint. Everything is read from `INFO`, which managed
//! services allow where they refuse `CONFIG`. Of a cluster every primary is asked, and the worst
//! answer under each name is reported.

use std::collections::HashMap;

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::keys::LAYOUT_VERSION;
use crate::link::LinkError;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Works, with a risk that somebody should know.
    Warning,
    /// A worker refuses to start, unless the finding's name is allowed explicitly.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name, usable with `--allow`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// What to do; empty if nothing.
    pub hint: &'static str,
}

impl Finding {
    fn new(name: &'static str, severity: Severity, message: String, hint: &'static str) -> Self {
        let hint = if severity == Severity::Ok { "" } else { hint };
        Self {
            name,
            severity,
            message,
            hint,
        }
    }
}

impl Client {
    /// Looks at everything that can lose or corrupt jobs.
    pub async fn check_redis(&self) -> Result<Vec<Finding>, ClientError> {
        let answers: Vec<(String, String)> =
            self.link().on_all_primaries(redis::cmd("INFO")).await?;
        let mut get = redis::cmd("GET");
        get.arg(self.keyspace().layout());
        let stored = match self.link().command(&get).await {
            // Below, this becomes a finding instead.
            Err(LinkError::Redis(error)) if error.is_cluster_error() => None,
            answer => answer?,
        };
        let mut findings = Vec::new();
        for (node, text) in &answers {
            let info: HashMap<&str, &str> = text
                .lines()
                .filter_map(|line| line.trim_end().split_once(':'))
                .collect();
            let mut found = judge(&info, self.link().is_cluster());
            if answers.len() > 1 {
                for finding in &mut found {
                    finding.message = format!("{node}: {}", finding.message);
                }
            }
            worst(&mut findings, found);
        }
        findings.push(layout(stored));
        Ok(findings)
    }

    /// Marks this Redis as holding the current layout, if nothing is marked yet.
    pub async fn mark_layout(&self) -> Result<(), ClientError> {
        let key = self.keyspace().layout();
        let () = self
            .link()
            .command(redis::cmd("SET").arg(key).arg(LAYOUT_VERSION).arg("NX"))
            .await?;
        Ok(())
    }
}

/// Keeps the worse of two nodes' findings under each name.
fn worst(findings: &mut Vec<Finding>, of_another: Vec<Finding>) {
    for finding in of_another {
        match findings.iter_mut().find(|known| known.name == finding.name) {
            Some(known) if known.severity < finding.severity => *known = finding,
            Some(_) => {}
            None => findings.push(finding),
        }
    }
}

/// The findings of an `INFO` answer.
fn judge(info: &HashMap<&str, &str>, as_cluster: bool) -> Vec<Finding> {
    let get = |key: &str| info.get(key).copied().unwrap_or_default();
    vec![
        version(get),
        policy(get),
        persistence(get),
        memory(get),
        role(get),
        topology(get, as_cluster),
    ]
}

fn version<'a>(get: impl Fn(&str) -> &'a str) -> Finding {
    let (name, version) = match get("valkey_version") {
        "" => ("Redis", get("redis_version")),
        valkey => ("Valkey", valkey),
    };
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let severity = if found >= (6, 2) {
        Severity::Ok
    } else {
        Severity::Error
    };
    Finding::new(
        "version",
        severity,
        format!("{name} {version}"),
        "Redis 6.2 or newer, or Valkey, is needed",
    )
}

fn policy<'a>(get: impl Fn(&str) -> &'a str) -> Finding {
    let policy = get("maxmemory_policy");
    let severity = if policy == "noeviction" {
        Severity::Ok
    } else {
        Severity::Error
    };
    Finding::new(
        "eviction",
        severity,
        format!("maxmemory-policy is {policy}"),
        "with any policy but noeviction Redis deletes jobs when memory is short; set maxmemory-policy noeviction",
    )
}

fn persistence<'a>(get: impl Fn(&str) -> &'a str) -> Finding {
    let (severity, message) = match (get("aof_enabled"), get("aof_last_write_status")) {
        ("1", "err") => (Severity::Error, "the append-only file cannot be written"),
        ("1", _) => (Severity::Ok, "append-only file is on"),
        _ => (
            Severity::Warning,
            "append-only file is off: a restart of Redis loses jobs",
        ),
    };
    Finding::new(
        "persistence",
        severity,
        message.to_owned(),
        "set appendonly yes and appendfsync everysec, and see that the disk has room",
    )
}

fn memory<'a>(get: impl Fn(&str) -> &'a str) -> Finding {
    let number = |key: &str| get(key).parse::<u64>().unwrap_or(0);
    let (used, limit) = (number("used_memory"), number("maxmemory"));
    let megabytes = used / 1_048_576;
    let (severity, message) = match limit {
        0 => (Severity::Ok, format!("{megabytes} MB used, no limit set")),
        limit if used > limit / 10 * 9 => (
            Severity::Warning,
            format!("{megabytes} MB used, more than 90 % of the limit"),
        ),
        limit => (
            Severity::Ok,
            format!("{megabytes} MB used of {} MB", limit / 1_048_576),
        ),
    };
    Finding::new(
        "memory",
        severity,
        message,
        "at the limit Redis refuses new jobs; raise maxmemory or find what grows",
    )
}

fn role<'a>(get: impl Fn(&str) -> &'a str) -> Finding {
    let role = get("role");
    let severity = if role == "master" {
        Severity::Ok
    } else {
        Severity::Error
    };
    Finding::new(
        "role",
        severity,
        format!("role is {role}"),
        "a replica takes no jobs; connect to the primary",
    )
}

fn topology<'a>(get: impl Fn(&str) -> &'a str, as_cluster: bool) -> Finding {
    let (severity, message) = match (get("cluster_enabled"), as_cluster) {
        ("1", false) => (
            Severity::Error,
            "part of a cluster, reached as if it stood alone",
        ),
        ("1", true) => (Severity::Ok, "part of a cluster"),
        _ => (Severity::Ok, "stands alone or behind sentinels"),
    };
    Finding::new(
        "topology",
        severity,
        message.to_owned(),
        "write the url as redis+cluster://host:port",
    )
}

fn layout(stored: Option<u32>) -> Finding {
    let (severity, message) = match stored {
        None => (
            Severity::Ok,
            format!("no jobs yet; layout {LAYOUT_VERSION} will be used"),
        ),
        Some(LAYOUT_VERSION) => (Severity::Ok, format!("layout {LAYOUT_VERSION}")),
        Some(other) => (
            Severity::Error,
            format!("keys have layout {other}, this version writes layout {LAYOUT_VERSION}"),
        ),
    };
    Finding::new(
        "layout",
        severity,
        message,
        "run the version that wrote the keys until its queues are empty, or use another prefix",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(name: &str, info: &[(&'static str, &'static str)]) -> Finding {
        let mut all: HashMap<&str, &str> = [
            ("redis_version", "7.0.15"),
            ("maxmemory_policy", "noeviction"),
            ("aof_enabled", "1"),
            ("role", "master"),
        ]
        .into();
        all.extend(info.iter().copied());
        judge(&all, false)
            .into_iter()
            .find(|finding| finding.name == name)
            .unwrap()
    }

    #[test]
    fn a_redis_that_may_evict_jobs_is_refused() {
        assert_eq!(
            finding("eviction", &[("maxmemory_policy", "allkeys-lru")]).severity,
            Severity::Error
        );
        assert_eq!(finding("eviction", &[]).severity, Severity::Ok);
    }

    #[test]
    fn a_redis_that_is_too_old_is_refused_and_a_valkey_is_welcome() {
        assert_eq!(
            finding("version", &[("redis_version", "6.0.16")]).severity,
            Severity::Error
        );
        assert_eq!(
            finding("version", &[("redis_version", "6.2.0")]).severity,
            Severity::Ok
        );
        let valkey = finding("version", &[("valkey_version", "8.1.0")]);
        assert_eq!(
            (valkey.severity, valkey.message.as_str()),
            (Severity::Ok, "Valkey 8.1.0")
        );
    }

    #[test]
    fn missing_persistence_is_a_warning_and_a_replica_an_error() {
        assert_eq!(
            finding("persistence", &[("aof_enabled", "0")]).severity,
            Severity::Warning
        );
        assert_eq!(
            finding("role", &[("role", "slave")]).severity,
            Severity::Error
        );
    }

    #[test]
    fn another_layout_is_refused() {
        assert_eq!(layout(Some(LAYOUT_VERSION + 1)).severity, Severity::Error);
        assert_eq!(layout(None).severity, Severity::Ok);
    }
}
