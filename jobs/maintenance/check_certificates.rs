//! `maintenance.check_certificates`: is there time to renew?
//!
//! Fewer than ten days: administrators are told. Fewer than three, untrusted or out of reach: the job
//! fails, so that whoever watches failed jobs sees it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use crm_job_contract::maintenance::{CheckCertificates, CheckedCertificates};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use rouage::{Handler, JobContext, JobError};
use serde_json::json;

use crate::maintenance::notify::{self, Notice};
use crate::services::Services;

/// Most servers of one job.
const MOST_HOSTS: usize = 50;
/// Servers that are asked at once.
const AT_ONCE: usize = 8;
/// Fewer days than these are worth a notice.
const WARN_DAYS: u32 = 10;
/// Fewer days than these are a failure.
const FAIL_DAYS: u32 = 3;

/// Asks a server for its certificate.
pub trait CertificateProbe: fmt::Debug + Send + Sync {
    /// Whole days, at most 365, for which the certificate of `host` or `host:port` (443) is still
    /// good and trusted; otherwise why it is not. Answers within a few seconds.
    fn days_left<'p>(&'p self, host: &'p str) -> BoxFuture<'p, Result<u32, String>>;
}

/// Runs [`CheckCertificates`].
#[derive(Debug, Clone)]
pub struct CheckCertificatesHandler {
    services: Services,
}

impl CheckCertificatesHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for CheckCertificatesHandler {
    type Job = CheckCertificates;

    async fn run(
        &self,
        job: CheckCertificates,
        _cx: &JobContext,
    ) -> Result<CheckedCertificates, JobError> {
        let services = &self.services;
        let hosts = if job.hosts.is_empty() {
            services.certificate_hosts.clone()
        } else {
            job.hosts
        };
        if hosts.len() > MOST_HOSTS {
            return Err(JobError::discard(format!(
                "hosts has {} entries; allowed: at most {MOST_HOSTS}",
                hosts.len()
            )));
        }
        let found = ask(services.certificates.as_ref(), &hosts).await;
        tell(services, &found, services.clock.now()).await?;
        judge(found)
    }
}

type Found = BTreeMap<String, Result<u32, String>>;

async fn ask(probe: &dyn CertificateProbe, hosts: &[String]) -> Found {
    stream::iter(hosts.to_vec())
        .map(|host| async move {
            let days = probe.days_left(&host).await;
            (host, days)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Tells the administrators of certificates that end soon, once for each day on which one ends.
async fn tell(services: &Services, found: &Found, now: DateTime<Utc>) -> Result<(), JobError> {
    for (host, days) in found {
        let Ok(days) = days else { continue };
        if *days >= WARN_DAYS {
            continue;
        }
        let message = format!("Le certificat de {host} expire dans {days} jours.");
        let notice = Notice {
            kind: "SYSTEM_ERROR",
            priority: "HIGH",
            title: "Certificat TLS à renouveler",
            message: &message,
            resource_type: "certificate",
            metadata: json!({ "host": host, "until": (now + chrono::TimeDelta::days((*days).into())).date_naive() }),
        };
        let mut connection = services.database.acquire().await?;
        notify::administrators(&mut connection, &notice, now).await?;
    }
    Ok(())
}

fn judge(found: Found) -> Result<CheckedCertificates, JobError> {
    let mut days_left = BTreeMap::new();
    let mut trouble = Vec::new();
    for (host, days) in found {
        match days {
            Ok(days) if days >= FAIL_DAYS => {
                days_left.insert(host, days);
            }
            Ok(days) => trouble.push(format!("{host}: {days} days left")),
            Err(why) => trouble.push(format!("{host}: {why}")),
        }
    }
    if trouble.is_empty() {
        return Ok(CheckedCertificates { days_left });
    }
    Err(JobError::retry(format!(
        "{}; hint: renew the certificate, or take the host out of maintenance.certificate_hosts",
        trouble.join("; ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_in_trouble_is_named_with_its_reason() {
        let found = Found::from([
            ("a:443".to_owned(), Ok(41)),
            ("b:443".to_owned(), Ok(2)),
            ("c:443".to_owned(), Err("no answer within 5 s".to_owned())),
        ]);
        let error = judge(found).unwrap_err().to_string();
        assert!(
            error.starts_with("b:443: 2 days left; c:443: no answer within 5 s; hint: "),
            "{error}"
        );
    }

    #[test]
    fn hosts_with_time_left_are_listed_with_it() {
        let found = Found::from([("a:443".to_owned(), Ok(3))]);
        let checked = judge(found).unwrap();
        assert_eq!(checked.days_left, BTreeMap::from([("a:443".to_owned(), 3)]));
    }
}
