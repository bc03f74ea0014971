//! The tables are the live ones, column by column, label by label.

use devkit::Template;

use crate::{database, postgres};

/// Tables with each column's name, type and `!` where null is refused, in order.
const TABLES: [(&str, &str); 4] = [
    (
        "people",
        "prenom character varying(100), nom character varying(100), \
         email character varying(255), personal_email character varying(255), \
         telephone character varying(50), personal_phone character varying(50), \
         mobile character varying(50), fonction character varying(200), \
         role character varying(150), country_code character varying(2), \
         language character varying(5), notes text, linkedin_url character varying(500), \
         is_active boolean, email_unsubscribed boolean!, is_anonymized boolean!, \
         gdpr_consent boolean, gdpr_consent_date timestamp with time zone, \
         anonymized_at timestamp with time zone, last_activity_date timestamp with time zone, \
         id integer!, created_at timestamp with time zone!, updated_at timestamp with time zone!",
    ),
    (
        "person_organization_links",
        "person_id integer!, organisation_id integer!, role personrole!, \
         organization_type organisationtype!, is_primary boolean, \
         job_title character varying(200), work_email character varying(255), \
         work_phone character varying(50), notes text, id integer!, \
         created_at timestamp with time zone!, updated_at timestamp with time zone!",
    ),
    (
        "data_access_logs",
        "id integer!, entity_type character varying(50)!, entity_id integer!, \
         access_type character varying(20)!, endpoint character varying(200), \
         purpose character varying(200), user_id integer, ip_address character varying(45), \
         user_agent character varying(500), extra_data text, \
         accessed_at timestamp without time zone!",
    ),
    (
        "email_sends",
        "campaign_id integer!, batch_id integer, step_id integer, template_id integer, \
         recipient_email character varying(255)!, recipient_name character varying(255), \
         recipient_person_id integer, organisation_id integer, variant emailvariant, \
         status emailsendstatus!, scheduled_at timestamp with time zone, \
         sent_at timestamp with time zone, provider_message_id character varying(255), \
         error_message text, metadata json, id integer!, \
         created_at timestamp with time zone!, updated_at timestamp with time zone!",
    ),
];

/// Types with their labels in order; upper and lower case both occur.
const TYPES: [(&str, &str); 8] = [
    ("emailprovider", "sendgrid mailgun resend"),
    ("email_status", "sent opened clicked bounced"),
    ("interaction_type", "call email meeting visio note other"),
    ("interactiontype", "APPEL EMAIL REUNION WEBINAIRE AUTRE"),
    ("mandatstatus", "PROPOSE SIGNE ACTIF TERMINE"),
    (
        "organisationcategory",
        "INSTITUTION WHOLESALE SDG CGPI AUTRES STARTUP CORPORATION",
    ),
    (
        "emailsendstatus",
        "QUEUED SCHEDULED SENDING SENT DELIVERED OPENED CLICKED FAILED BOUNCED UNSUBSCRIBED \
         COMPLAINED",
    ),
    (
        "notificationtype",
        "SYSTEM TASK_ASSIGNED TASK_DUE TASK_COMPLETED PIPELINE_MOVED MANDAT_SIGNED \
         MANDAT_EXPIRING_SOON EXPORT_READY WORKFLOW_EXECUTED DEAL_WON DEAL_LOST NEW_CONTACT \
         SYSTEM_ERROR AUTRE",
    ),
];

#[tokio::test]
async fn columns_have_the_live_names_types_and_order() {
    let pool = database(Template::Empty).await;
    for (table, expected) in TABLES {
        let columns: String = sqlx::query_scalar(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod)
                               || CASE WHEN attnotnull THEN '!' ELSE '' END, ', ' ORDER BY attnum)
             FROM pg_attribute
             WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
        )
        .bind(table)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(columns, expected, "{table}");
    }
}

#[tokio::test]
async fn types_have_the_live_labels() {
    let pool = database(Template::Empty).await;
    for (name, expected) in TYPES {
        let labels: String = sqlx::query_scalar(
            "SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder)
             FROM pg_enum WHERE enumtypid = $1::regtype",
        )
        .bind(name)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(labels, expected, "{name}");
    }
}

#[tokio::test]
async fn all_tables_and_types_exist_and_hold_nothing() {
    let pool = database(Template::Empty).await;
    let count = |query: &'static str| sqlx::query_scalar::<_, i64>(query).fetch_one(&pool);
    let tables = count("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(tables.await.unwrap(), 60);
    let types = count("SELECT count(*) FROM pg_type WHERE typtype = 'e'");
    assert_eq!(types.await.unwrap(), 38);
    assert_eq!(count("SELECT count(*) FROM people").await.unwrap(), 0);
}

#[tokio::test]
async fn databases_do_not_see_each_other() {
    let (one, other) = (
        database(Template::Empty).await,
        database(Template::Empty).await,
    );
    sqlx::query("INSERT INTO teams (name, is_active) VALUES ('Nice', true)")
        .execute(&one)
        .await
        .unwrap();
    let count = "SELECT count(*) FROM teams";
    let in_one: i64 = sqlx::query_scalar(count).fetch_one(&one).await.unwrap();
    let in_other: i64 = sqlx::query_scalar(count).fetch_one(&other).await.unwrap();
    assert_eq!((in_one, in_other), (1, 0));
}

#[tokio::test]
async fn a_database_can_be_named_and_removed_once() {
    let server = postgres().await;
    let url = server
        .named_database(Template::Small, "by_name")
        .await
        .unwrap();
    assert!(url.starts_with("postgres://crm@127.0.0.1:") && url.ends_with("/by_name"));
    let again = server
        .named_database(Template::Small, "by_name")
        .await
        .unwrap_err();
    assert!(
        again.to_string().contains("CREATE DATABASE by_name"),
        "{again}"
    );
    server.drop_database("by_name").await.unwrap();
    let refused = server
        .named_database(Template::Small, "no; such")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("hint:"), "{refused}");
}
