//! What is in the files: bytes, values, filters, order.

use devkit::{Template, crm};
use serde_json::{Value, json};

use crate::world::{World, context, organisations, parse, people};

const ACCOUNTS: &str = "
    INSERT INTO roles (id, name, display_name, level, created_at) VALUES (1, 'admin', 'Admin', 3, now());
    INSERT INTO users (id, email, hashed_password, is_active, is_superuser, role_id, outlook_connected,
        outlook_consent_given, o365_connected, o365_consent_given, imap_connected, cgu_accepted, totp_enabled,
        subscription_status)
    VALUES (1, 'a@example.org', '!', true, false, 1, false, false, false, false, false, false, false, 'active');";

const ORGANISATIONS: &str = r#"
    INSERT INTO organisations (id, nom, type, category, pipeline_stage, email, telephone, website, adresse, ville,
        country_code, language, aum, domicile, created_at, is_active, email_unsubscribed, is_anonymized)
    VALUES
    (1, 'Belrive, Fils & Cie', 'INVESTOR', 'WHOLESALE', 'SIGNE', 'x@belrive.example', '+33 1 99 00 00 01',
        'https://belrive.example', E'1 rue « Haute »\n75001', 'Paris', 'FR', 'fr', 1234567.50, 'LU',
        '2026-01-05 09:00:00+01', true, false, false),
    (2, '=1+1', 'AUTRE', NULL, 'LEAD', NULL, NULL, NULL, 'dit "le Grand"', '', NULL, 'en', -0.10, NULL,
        '2026-01-05 08:00:00.12+00', false, false, false),
    (3, 'Été', 'CLIENT', 'SDG', 'PERDU', NULL, NULL, NULL, NULL, NULL, NULL, 'de', NULL, NULL,
        '2025-07-01 00:00:00+02', NULL, false, false);"#;

#[tokio::test]
async fn a_small_export_is_these_bytes() {
    let world = World::new(Template::Empty).await;
    world.execute(ACCOUNTS).await;
    world.execute(ORGANISATIONS).await;
    let cx = context(1);
    let file = world.attempt(&cx, organisations(1)).await.unwrap();
    let expected = [
        "\u{feff}id,name,type,category,pipeline_stage,email,phone,website,address,city,country_code,language,aum,\
         domicile,created_at,is_active",
        "2,'=1+1,autre,,lead,,,,\"dit \"\"le Grand\"\"\",,,en,-0.10,,2026-01-05T08:00:00.120000+00:00,False",
        "1,\"Belrive, Fils & Cie\",investor,wholesale,signe,x@belrive.example,'+33 1 99 00 00 01,\
         https://belrive.example,\"1 rue « Haute »\n75001\",Paris,FR,fr,1234567.50,LU,2026-01-05T08:00:00+00:00,True",
        "3,Été,client,sdg,perdu,,,,,,,de,,,2025-06-30T22:00:00+00:00,",
        "",
    ]
    .join("\r\n");
    assert_eq!(String::from_utf8(world.bytes(cx.id())).unwrap(), expected);
    assert_eq!((file.rows, file.bytes), (3, expected.len() as u64));
    assert_eq!(file.file_name, "organisations_20261123_103000.csv");
    assert_eq!(
        world.record(cx.id(), "sha256").await,
        Some(file.sha256.clone())
    );
    let by_database: String = sqlx::query_scalar("SELECT encode(sha256($1), 'hex')")
        .bind(world.bytes(cx.id()))
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(file.sha256, by_database);
}

/// Every person as the database itself writes it, in the order of the columns.
const PEOPLE_AS_TEXT: &str = "
    SELECT ARRAY[id::text, prenom, nom, role, fonction, email, personal_email, telephone, personal_phone, mobile,
        country_code, language, linkedin_url,
        replace(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') || '+00:00',
        initcap(is_active::text)]
    FROM people ORDER BY created_at DESC, id DESC";

#[tokio::test]
async fn every_awkward_text_survives_except_formulas_which_get_an_apostrophe() {
    let world = World::small().await;
    let stored: Vec<Vec<Option<String>>> = sqlx::query_scalar(PEOPLE_AS_TEXT)
        .fetch_all(world.pool())
        .await
        .unwrap();
    let exported = world.rows(people(crm::ADMIN_ID)).await;
    assert_eq!(exported.len(), stored.len());
    let mut neutralised = 0;
    for (cells, values) in exported.iter().zip(stored) {
        for (cell, value) in cells.iter().zip(values) {
            let value = value.unwrap_or_default();
            if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                neutralised += 1;
                assert_eq!(*cell, format!("'{value}"));
            } else {
                assert_eq!(*cell, value);
            }
        }
    }
    assert!(neutralised > 5, "the data has formulas");
}

#[tokio::test]
async fn columns_come_in_the_order_asked_for() {
    let world = World::small().await;
    let cx = context(1);
    let mut payload = people(crm::ADMIN_ID);
    payload["columns"] = json!(["last_name", "id"]);
    world.attempt(&cx, payload).await.unwrap();
    let rows = parse(&world.bytes(cx.id()));
    assert_eq!(rows[0], ["last_name", "id"]);
    assert!(
        rows[1..]
            .iter()
            .all(|row| row.len() == 2 && row[1].parse::<i32>().is_ok())
    );
}

async fn assert_rows(world: &World, dataset: &str, changes: Value, oracle: &'static str) {
    let mut payload = json!({ "dataset": dataset, "user_id": crm::ADMIN_ID });
    payload
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let expected: Vec<i32> = sqlx::query_scalar(oracle)
        .fetch_all(world.pool())
        .await
        .unwrap();
    assert!(
        !expected.is_empty(),
        "{oracle} finds nothing, so it proves nothing"
    );
    assert_eq!(world.ids(payload).await, expected, "{changes}");
}

#[tokio::test]
async fn filters_of_people_narrow_the_rows() {
    let world = World::small().await;
    world
        .execute("UPDATE people SET nom = '100%_\\', role = 'DéCideur' WHERE id = 30; UPDATE people SET personal_email = 'Zz_9@x.example' WHERE id = 31")
        .await;
    let cases = [
        (
            json!({ "country_code": "FR" }),
            "SELECT id FROM people WHERE country_code = 'FR' ORDER BY created_at DESC",
        ),
        (
            json!({ "country_code": "fr" }),
            "SELECT id FROM people WHERE country_code = 'FR' ORDER BY created_at DESC",
        ),
        (
            json!({ "language": "FR" }),
            "SELECT id FROM people WHERE language = 'fr' ORDER BY created_at DESC",
        ),
        (
            json!({ "is_active": false }),
            "SELECT id FROM people WHERE NOT is_active ORDER BY created_at DESC",
        ),
        (
            json!({ "role": "décid" }),
            "SELECT id FROM people WHERE lower(role) LIKE '%décid%' ORDER BY created_at DESC",
        ),
        (json!({ "search": "%_\\" }), "SELECT 30"),
        (json!({ "search": "zz_9@" }), "SELECT 31"),
        (
            json!({ "search": "", "role": null }),
            "SELECT id FROM people ORDER BY created_at DESC, id DESC",
        ),
    ];
    for (filters, oracle) in cases {
        assert_rows(&world, "people", json!({ "filters": filters }), oracle).await;
    }
    assert_rows(
        &world,
        "people",
        json!({ "ids": [5, 7, 7, -1] }),
        "SELECT id FROM people WHERE id IN (5, 7) ORDER BY created_at DESC",
    )
    .await;
}

#[tokio::test]
async fn filters_of_organisations_narrow_the_rows() {
    let world = World::small().await;
    world
        .execute(
            "UPDATE organisations SET category = 'CGPI', ville = 'Lyon', nom = 'Zyx' WHERE id = 3",
        )
        .await;
    let cases = [
        (
            json!({ "category": "cgpi" }),
            "SELECT id FROM organisations WHERE category = 'CGPI' ORDER BY created_at DESC",
        ),
        (
            json!({ "type": "investor" }),
            "SELECT id FROM organisations WHERE type = 'INVESTOR' ORDER BY created_at DESC",
        ),
        (
            json!({ "city": "Lyon" }),
            "SELECT id FROM organisations WHERE ville = 'Lyon' ORDER BY created_at DESC",
        ),
        (
            json!({ "language": "FR" }),
            "SELECT id FROM organisations WHERE language = 'fr' ORDER BY created_at DESC",
        ),
        (
            json!({ "country_code": "fr" }),
            "SELECT id FROM organisations WHERE country_code = 'FR' ORDER BY created_at DESC",
        ),
        (
            json!({ "is_active": true }),
            "SELECT id FROM organisations WHERE is_active ORDER BY created_at DESC",
        ),
        (json!({ "search": "zYX" }), "SELECT 3"),
        (
            json!({ "search": "zyx", "city": "Lyon", "category": "cgpi" }),
            "SELECT 3",
        ),
    ];
    for (filters, oracle) in cases {
        assert_rows(
            &world,
            "organisations",
            json!({ "filters": filters }),
            oracle,
        )
        .await;
    }
}

#[tokio::test]
async fn rows_come_in_the_order_asked_for() {
    let world = World::small().await;
    let cases = [
        (
            "people",
            "created_at:desc",
            "SELECT id FROM people ORDER BY created_at DESC, id DESC",
        ),
        (
            "people",
            "created_at:asc",
            "SELECT id FROM people ORDER BY created_at ASC, id ASC",
        ),
        (
            "people",
            "last_name:asc",
            "SELECT id FROM people ORDER BY nom ASC, id ASC",
        ),
        (
            "people",
            "last_name:desc",
            "SELECT id FROM people ORDER BY nom DESC, id DESC",
        ),
        (
            "organisations",
            "created_at:desc",
            "SELECT id FROM organisations ORDER BY created_at DESC, id DESC",
        ),
        (
            "organisations",
            "created_at:asc",
            "SELECT id FROM organisations ORDER BY created_at ASC, id ASC",
        ),
        (
            "organisations",
            "name:asc",
            "SELECT id FROM organisations ORDER BY nom ASC, id ASC",
        ),
        (
            "organisations",
            "name:desc",
            "SELECT id FROM organisations ORDER BY nom DESC, id DESC",
        ),
    ];
    for (dataset, sort, oracle) in cases {
        assert_rows(&world, dataset, json!({ "sort": sort }), oracle).await;
    }
}

#[tokio::test]
async fn the_log_names_filters_without_their_values_and_the_notification_links_the_file() {
    let world = World::small().await;
    let cx = context(1);
    let mut payload = people(crm::MANAGER_LYON_ID);
    payload["filters"] = json!({ "search": "secret-name" });
    payload["locale"] = json!("en");
    payload["tz"] = json!("America/New_York");
    let file = world.attempt(&cx, payload).await.unwrap();
    assert_eq!(file.file_name, "people_20261123_043000.csv");

    let log: Value =
        sqlx::query_scalar("SELECT to_jsonb(l) FROM data_access_logs l ORDER BY id DESC LIMIT 1")
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(log["access_type"], "export");
    assert_eq!(
        (&log["entity_type"], &log["entity_id"]),
        (&json!("people"), &json!(file.export_id))
    );
    assert_eq!(
        (&log["user_id"], &log["accessed_at"]),
        (&json!(crm::MANAGER_LYON_ID), &json!("2026-11-23T09:30:00"))
    );
    let details: Value = serde_json::from_str(log["extra_data"].as_str().unwrap()).unwrap();
    assert_eq!(
        details,
        json!({ "rows": file.rows, "sha256": file.sha256, "filters": ["search"] })
    );
    assert!(!log.to_string().contains("secret-name"));

    let notice: Value =
        sqlx::query_scalar("SELECT to_jsonb(n) FROM notifications n ORDER BY id DESC LIMIT 1")
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(
        (&notice["type"], &notice["user_id"]),
        (&json!("EXPORT_READY"), &json!(crm::MANAGER_LYON_ID))
    );
    assert_eq!(
        notice["link"],
        json!(format!("/dashboard/exports/{}", file.export_id))
    );
    assert_eq!(
        notice["metadata"],
        json!({ "export_name": file.file_name, "export_id": file.export_id })
    );
    assert_eq!(notice["title"], "Export ready");
}
