//! Maintenance: what is done, and that a second run does nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_job_contract::maintenance::{
    AdvanceTrials, AdvancedTrials, CheckCertificates, DeleteOldRows, RemindInteractions,
    ReportCompliance,
};
use crm_jobs::maintenance::{
    AdvanceTrialsHandler, CheckCertificatesHandler, DeleteOldRowsHandler,
    RemindInteractionsHandler, ReportComplianceHandler,
};
use rouage::{Handler, Job, JobContext, JobError, JobId};

use crate::world::{Days, World};

/// Runs one attempt of a new job.
async fn run<H: Handler>(handler: H, job: H::Job) -> Result<<H::Job as Job>::Output, JobError> {
    let cx = JobContext::new(JobId::generate(), H::Job::KIND, H::Job::QUEUE, 1, 3);
    handler.run(job, &cx).await
}

async fn deleted(world: &World, rows: &str) -> u64 {
    let job = DeleteOldRows {
        rows: rows.to_owned(),
        keep_days: None,
    };
    let handler = DeleteOldRowsHandler::new(world.services.clone());
    run(handler, job).await.unwrap().deleted
}

#[tokio::test]
async fn rows_leave_when_they_are_old_enough_and_not_a_day_sooner() {
    let world = World::small().await;
    world
        .execute(
            "DELETE FROM data_access_logs; DELETE FROM notifications; DELETE FROM workflow_executions;
             INSERT INTO data_access_logs (entity_type, entity_id, access_type, accessed_at)
             SELECT 'person', n, 'read', timestamp '2026-11-23 09:30' - interval '1095 days' + n * interval '1 second'
             FROM generate_series(-1500, 2) n;
             INSERT INTO notifications (user_id, type, priority, title, is_read, created_at)
             SELECT 1, 'SYSTEM', 'NORMAL', 'x', read, made FROM (VALUES
                 (true, timestamptz '2026-10-01Z'), (false, '2026-10-01Z'), (true, '2026-11-01Z')) v (read, made);
             INSERT INTO workflows (name, status, trigger_type, actions) VALUES ('w', 'ACTIVE', 'SCHEDULED', '[]');
             INSERT INTO workflow_executions (workflow_id, status, created_at)
             SELECT (SELECT max(id) FROM workflows), status::workflowexecutionstatus, made FROM (VALUES
                 ('SUCCESS', timestamptz '2026-08-01Z'), ('RUNNING', '2026-08-01Z'), ('FAILED', '2026-09-01Z')) v (status, made);",
        )
        .await;
    assert_eq!(deleted(&world, "access_logs").await, 1500);
    assert_eq!(deleted(&world, "access_logs").await, 0);
    assert_eq!(deleted(&world, "read_notifications").await, 1);
    assert_eq!(deleted(&world, "workflow_executions").await, 1);
    assert_eq!(
        world.count("SELECT count(*) FROM data_access_logs").await,
        3
    );
}

#[tokio::test]
async fn an_action_that_is_due_is_told_once_and_again_after_it_was_moved() {
    let world = World::small().await;
    world
        .execute(
            "DELETE FROM crm_interactions WHERE true;
             INSERT INTO crm_interactions (person_id, type, title, created_by, attachments, external_participants,
                 status, assignee_id, next_action_at)
             SELECT (SELECT min(id) FROM people), 'call', title, 1, '[]', '[]', status::interaction_status, assignee, due
             FROM (VALUES ('Relancer', 'todo', 1, timestamptz '2026-11-23 08:00Z'),
                 ('Fini', 'done', 1, '2026-11-23 08:00Z'), ('Plus tard', 'todo', 1, '2026-11-24 08:00Z'),
                 ('Sans personne', 'todo', null, '2026-11-23 08:00Z')) v (title, status, assignee, due);",
        )
        .await;
    let remind = async || {
        let handler = RemindInteractionsHandler::new(world.services.clone());
        run(handler, RemindInteractions {}).await.unwrap().reminded
    };
    assert_eq!((remind().await, remind().await), (1, 0));
    let told = world
        .count(
            "SELECT count(*) FROM notifications WHERE type = 'TASK_DUE' AND title = 'Rappel : Relancer'
             AND message = 'Action prévue le 23/11/2026 à 09:00' AND user_id = 1",
        )
        .await;
    assert_eq!(told, 1);
    world
        .execute(
            "UPDATE crm_interactions SET notified_at = '2026-11-22Z', next_action_at = '2026-11-23 09:00Z'
             WHERE title = 'Relancer'",
        )
        .await;
    assert_eq!(remind().await, 1);
}

#[tokio::test]
async fn a_trial_passes_through_its_grace_and_ends_and_its_user_is_reminded_once() {
    let world = World::small().await;
    world
        .execute(
            "DELETE FROM notifications;
             UPDATE users SET subscription_status = 'active', is_active = true, trial_ends_at = NULL, trial_converted_at = NULL;
             UPDATE users SET subscription_status = 'trial', trial_ends_at = '2026-11-26 09:00Z' WHERE id = 2;
             UPDATE users SET subscription_status = 'trial', trial_ends_at = '2026-11-23 09:00Z' WHERE id = 3;
             UPDATE users SET subscription_status = 'grace_period', trial_ends_at = '2026-11-20 09:30Z', is_superuser = false WHERE id = 4;
             UPDATE users SET subscription_status = 'grace_period', trial_ends_at = '2026-11-20 09:31Z' WHERE id = 5;
             UPDATE users SET subscription_status = 'trial', trial_ends_at = '2026-12-10 09:00Z' WHERE id = 6;",
        )
        .await;
    let advance = async || {
        let handler = AdvanceTrialsHandler::new(world.services.clone());
        run(handler, AdvanceTrials::default()).await.unwrap()
    };
    let first = AdvancedTrials {
        reminded: 1,
        in_grace: 1,
        expired: 1,
    };
    assert_eq!(advance().await, first);
    assert_eq!(advance().await, AdvancedTrials::default());
    let lost = "SELECT count(*) FROM users WHERE NOT is_active AND subscription_status = 'expired' AND id = 4";
    assert_eq!(world.count(lost).await, 1);
    let reminder =
        "SELECT count(*) FROM notifications WHERE user_id = 2 AND metadata->>'reminder' = '3'";
    assert_eq!(world.count(reminder).await, 1);
}

#[tokio::test]
async fn the_report_of_a_day_is_kept_once_and_told_once() {
    let world = World::small().await;
    world
        .execute(
            "DELETE FROM data_access_logs;
             INSERT INTO data_access_logs (entity_type, entity_id, access_type, accessed_at) VALUES
                 ('person', 1, 'export', '2026-11-20 10:00'), ('person', 2, 'read', '2026-11-20 10:00'),
                 ('person', 3, 'read', '2026-10-20 10:00');",
        )
        .await;
    let report = async || {
        let handler = ReportComplianceHandler::new(world.services.clone());
        run(handler, ReportCompliance {}).await.unwrap()
    };
    let made = report().await;
    assert_eq!(made, report().await);
    assert_eq!(made.day, "2026-11-23");
    let accesses = BTreeMap::from([("export".to_owned(), 1), ("read".to_owned(), 1)]);
    assert_eq!(made.accesses, accesses);
    assert_eq!(made.users, world.count("SELECT count(*) FROM users").await);
    let kept = world
        .count("SELECT count(*) FROM worker.compliance_reports WHERE report->>'day' = '2026-11-23'")
        .await;
    assert_eq!(kept, 1);
    let told = "SELECT count(*) - count(DISTINCT user_id) FROM notifications WHERE resource_type = 'compliance_report'";
    assert_eq!(world.count(told).await, 0);
    let admins = "SELECT count(*) FROM notifications WHERE resource_type = 'compliance_report'";
    assert!(world.count(admins).await > 0);
}

#[tokio::test]
async fn administrators_learn_of_a_certificate_that_ends_soon() {
    let mut world = World::small().await;
    let days = BTreeMap::from([("a:443", 90), ("b:443", 9)]);
    world.services.certificates = Arc::new(Days(days));
    world.services.certificate_hosts = vec!["a:443".to_owned(), "b:443".to_owned()];
    let handler = || CheckCertificatesHandler::new(world.services.clone());
    for _ in 0..2 {
        let checked = run(handler(), CheckCertificates::default()).await.unwrap();
        assert_eq!(checked.days_left["b:443"], 9);
    }
    let told = "SELECT count(*) FROM notifications WHERE resource_type = 'certificate' \
                AND message = 'Le certificat de b:443 expire dans 9 jours.'";
    let admins = "SELECT count(*) FROM users u LEFT JOIN roles r ON r.id = u.role_id \
                  WHERE u.is_active AND (u.is_superuser OR r.name = 'admin')";
    assert_eq!(world.count(told).await, world.count(admins).await);
    let job = CheckCertificates {
        hosts: vec!["c:443".to_owned()],
    };
    let failed = run(handler(), job).await.unwrap_err().to_string();
    assert!(failed.starts_with("c:443: no answer; "), "{failed}");
}
