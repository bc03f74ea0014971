//! `maintenance.report_compliance`: the numbers an auditor asks for, kept by day.
//!
//! The report of a day is made anew when the job runs again that day; administrators are told once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_job_contract::maintenance::{ComplianceReport, ReportCompliance};
use rouage::{Handler, JobContext, JobError};
use serde_json::json;
use sqlx::PgConnection;

use crate::maintenance::notify::{self, Notice};
use crate::services::Services;

const USERS: &str = "\
SELECT ($1 AT TIME ZONE 'Europe/Paris')::date::text, count(*), count(*) FILTER (WHERE is_active),
    count(*) FILTER (WHERE email LIKE '%@anonymized.local'),
    count(*) FILTER (WHERE is_active AND coalesce(last_login_at, created_at) < $1 - interval '1 year')
FROM public.users";

const ACCESSES: &str = "\
SELECT access_type, count(*) FROM public.data_access_logs
WHERE accessed_at >= ($1 - interval '30 days') AT TIME ZONE 'UTC' GROUP BY access_type ORDER BY access_type LIMIT 100";

const KEEP: &str = "\
INSERT INTO worker.compliance_reports (day, made_at, report) VALUES ($1::text::date, $2, $3)
ON CONFLICT (day) DO UPDATE SET made_at = excluded.made_at, report = excluded.report";

/// Runs [`ReportCompliance`].
#[derive(Debug, Clone)]
pub struct ReportComplianceHandler {
    services: Services,
}

impl ReportComplianceHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for ReportComplianceHandler {
    type Job = ReportCompliance;

    async fn run(
        &self,
        _job: ReportCompliance,
        _cx: &JobContext,
    ) -> Result<ComplianceReport, JobError> {
        let now = self.services.clock.now();
        let mut transaction = self.services.database.begin().await?;
        let report = count(&mut transaction, now).await?;
        sqlx::query(KEEP)
            .bind(&report.day)
            .bind(now)
            .bind(serde_json::to_value(&report)?)
            .execute(&mut *transaction)
            .await?;
        tell(&mut transaction, &report, now).await?;
        transaction.commit().await?;
        Ok(report)
    }
}

async fn count(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<ComplianceReport, JobError> {
    let (day, users, active_users, anonymised_users, dormant_users) = sqlx::query_as(USERS)
        .bind(now)
        .fetch_one(&mut *connection)
        .await?;
    let accesses: Vec<(String, i64)> = sqlx::query_as(ACCESSES)
        .bind(now)
        .fetch_all(connection)
        .await?;
    Ok(ComplianceReport {
        day,
        users,
        active_users,
        anonymised_users,
        dormant_users,
        accesses: BTreeMap::from_iter(accesses),
    })
}

async fn tell(
    connection: &mut PgConnection,
    report: &ComplianceReport,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let accesses: i64 = report.accesses.values().sum();
    let message = format!(
        "{} comptes dont {} actifs et {} anonymisés ; {} inactifs depuis un an ; {accesses} accès à des données \
         personnelles en 30 jours.",
        report.users, report.active_users, report.anonymised_users, report.dormant_users
    );
    let notice = Notice {
        kind: "SYSTEM",
        priority: "NORMAL",
        title: "Rapport de conformité RGPD",
        message: &message,
        resource_type: "compliance_report",
        metadata: json!({ "day": report.day }),
    };
    notify::administrators(connection, &notice, now).await?;
    Ok(())
}
