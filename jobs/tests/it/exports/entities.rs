//! What is exported besides people and organisations: columns, filters, who sees it.

use devkit::crm;
use serde_json::{Value, json};

use crate::world::{World, context, parse};

async fn table(world: &World, payload: Value) -> Vec<Vec<String>> {
    let cx = context(1);
    world.attempt(&cx, payload).await.unwrap();
    parse(&world.bytes(cx.id()))
}

#[tokio::test]
async fn every_header_is_the_crm_s() {
    let world = World::small().await;
    let cases = [
        (
            "mandats",
            "id,numero_mandat,type,status,date_debut,date_fin,organisation_id,created_at,updated_at",
        ),
        (
            "campaigns",
            "id,name,status,scheduled_at,total_recipients,total_sent,last_sent_at,from_email,from_name,created_at",
        ),
        (
            "mailing_lists",
            "id,name,description,target_type,recipient_count,filters,is_active,last_used_at,created_at",
        ),
        (
            "email_sends",
            "id,campaign_id,batch_id,step_id,recipient_email,recipient_name,status,variant,scheduled_at,sent_at,\
             provider_message_id,error_message,created_at",
        ),
    ];
    for (dataset, header) in cases {
        let rows = table(
            &world,
            json!({ "dataset": dataset, "user_id": crm::ADMIN_ID }),
        )
        .await;
        assert_eq!(rows[0].join(","), header);
        assert!(rows.len() > 3, "{dataset}");
    }
}

#[tokio::test]
async fn numbers_and_dates_of_mandates_are_filled_and_amounts_can_be_asked_for() {
    let world = World::small().await;
    let columns = ["numero_mandat", "date_debut", "organisation", "amount"];
    let payload = json!({ "dataset": "mandats", "user_id": crm::ADMIN_ID, "columns": columns, "sort": "created_at:asc" });
    let stored: Vec<Vec<Option<String>>> = sqlx::query_scalar(
        "SELECT ARRAY[m.number, replace(to_char(m.start_date AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') || '+00:00', \
         o.nom, m.amount::text] FROM mandats m JOIN organisations o ON o.id = m.organisation_id ORDER BY m.created_at, m.id",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert!(
        stored
            .iter()
            .any(|row| row[0].is_some() && row[1].is_some())
    );
    let rows = table(&world, payload).await;
    for (row, stored) in rows[1..].iter().zip(stored) {
        let stored: Vec<_> = stored.into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(row[1..2], stored[1..2]);
        assert_eq!(row[3], stored[3]);
        assert!(row[0].ends_with(&stored[0]) && row[2].ends_with(&stored[2]));
    }
}

#[tokio::test]
async fn every_filter_narrows_the_rows() {
    let world = World::small().await;
    let cases = [
        (
            "mandats",
            json!({ "type": "vente" }),
            "SELECT count(*) FROM mandats WHERE type = 'VENTE'",
        ),
        (
            "mandats",
            json!({ "status": "actif" }),
            "SELECT count(*) FROM mandats WHERE status = 'ACTIF'",
        ),
        (
            "campaigns",
            json!({ "status": "running" }),
            "SELECT 1::bigint",
        ),
        (
            "mailing_lists",
            json!({ "only_active": true }),
            "SELECT 4::bigint",
        ),
        (
            "mailing_lists",
            json!({ "only_active": false }),
            "SELECT 5::bigint",
        ),
        (
            "mailing_lists",
            json!({ "only_mine": true }),
            "SELECT 1::bigint",
        ),
        (
            "mailing_lists",
            json!({ "target_type": "contacts" }),
            "SELECT 3::bigint",
        ),
        (
            "mailing_lists",
            json!({ "search": "MÉTIER" }),
            "SELECT 1::bigint",
        ),
        (
            "email_sends",
            json!({ "campaign_id": "3" }),
            "SELECT count(*) FROM email_sends WHERE campaign_id = 3",
        ),
        (
            "email_sends",
            json!({ "batch_id": 5 }),
            "SELECT count(*) FROM email_sends WHERE batch_id = 5",
        ),
        (
            "email_sends",
            json!({ "status": "failed" }),
            "SELECT count(*) FROM email_sends WHERE status = 'FAILED'",
        ),
        (
            "email_sends",
            json!({ "recipient_email": "A" }),
            "SELECT count(*) FROM email_sends WHERE lower(recipient_email) LIKE '%a%'",
        ),
        (
            "email_sends",
            json!({ "search": "du" }),
            "SELECT count(*) FROM email_sends WHERE lower(recipient_email || recipient_name) LIKE '%du%'",
        ),
    ];
    for (dataset, filters, oracle) in cases {
        let payload = json!({ "dataset": dataset, "user_id": crm::ADMIN_ID, "filters": filters });
        let rows = table(&world, payload).await.len() as i64 - 1;
        assert!(rows > 0, "{dataset} {filters}");
        assert_eq!(rows, world.count(oracle).await, "{dataset} {filters}");
    }
}

#[tokio::test]
async fn every_role_sees_what_its_team_or_itself_owns() {
    let world = World::small().await;
    let owned = [
        ("mandats", "SELECT owner_id FROM mandats ORDER BY id"),
        (
            "campaigns",
            "SELECT owner_id FROM email_campaigns ORDER BY id",
        ),
        (
            "mailing_lists",
            "SELECT created_by FROM mailing_lists ORDER BY id",
        ),
        (
            "email_sends",
            "SELECT c.owner_id FROM email_sends s JOIN email_campaigns c ON c.id = s.campaign_id ORDER BY s.id",
        ),
    ];
    let team = |id: Option<i32>| match id {
        Some(1 | 2 | 3 | 4 | 9) => 1,
        Some(5 | 6 | 11) => 2,
        Some(7 | 8 | 12) => 3,
        _ => 0,
    };
    for (dataset, oracle) in owned {
        let owners: Vec<Option<i32>> = sqlx::query_scalar(oracle)
            .fetch_all(world.pool())
            .await
            .unwrap();
        let count =
            |seen: &dyn Fn(Option<i32>) -> bool| owners.iter().filter(|id| seen(**id)).count();
        let cases = [
            (crm::ADMIN_ID, owners.len()),
            (crm::MANAGER_PARIS_ID, count(&|id| team(id) == 1)),
            (crm::VIEWER_PARIS_ID, count(&|id| team(id) == 1)),
            (crm::MANAGER_LYON_ID, count(&|id| team(id) == 2)),
            (
                crm::USER_LYON_ID,
                count(&|id| id == Some(crm::USER_LYON_ID)),
            ),
            (crm::NO_TEAM_ID, 0),
            (crm::NO_ROLE_ID, 0),
        ];
        for (user, expected) in cases {
            let rows = table(&world, json!({ "dataset": dataset, "user_id": user })).await;
            assert_eq!(rows.len() - 1, expected, "{dataset} of user {user}");
        }
    }
}

#[tokio::test]
async fn where_permissions_are_required_those_who_lack_them_are_refused() {
    let mut world = World::small().await;
    world.services.exports.require_permission = true;
    for dataset in ["people", "organisations", "mandats", "campaigns"] {
        for user in [crm::ADMIN_ID, crm::SUPERUSER_ID, crm::MANAGER_PARIS_ID] {
            let payload = json!({ "dataset": dataset, "user_id": user });
            world.export(payload).await.unwrap();
        }
        for user in [crm::VIEWER_PARIS_ID, crm::USER_PARIS_ID, crm::NO_ROLE_ID] {
            let payload = json!({ "dataset": dataset, "user_id": user });
            let error = world.export(payload).await.unwrap_err().to_string();
            assert!(
                error.contains("may not export") && error.contains(":export"),
                "{error}"
            );
        }
    }
}

async fn subject(world: &World, user: i32, filters: Value) -> Result<Value, String> {
    let cx = context(1);
    let payload =
        json!({ "dataset": "rgpd_subject", "format": "json", "user_id": user, "filters": filters });
    let file = world
        .attempt(&cx, payload)
        .await
        .map_err(|error| error.to_string())?;
    let text = std::fs::read(world.path_as(cx.id(), "json")).unwrap();
    let data: Value = serde_json::from_slice(&text).unwrap();
    let records: usize = data
        .as_object()
        .unwrap()
        .values()
        .map(|list| list.as_array().unwrap().len())
        .sum();
    assert_eq!(file.rows, records as u64);
    Ok(data)
}

#[tokio::test]
async fn an_account_s_data_are_for_itself_and_for_administrators() {
    let world = World::small().await;
    let own = subject(&world, crm::USER_PARIS_ID, json!({}))
        .await
        .unwrap();
    assert_eq!(own["user"][0]["id"], crm::USER_PARIS_ID);
    assert_eq!(own["access_logs"], json!([]));
    let by_admin = subject(
        &world,
        crm::ADMIN_ID,
        json!({ "user_id": crm::USER_PARIS_ID, "include_access_logs": true }),
    );
    let by_admin = by_admin.await.unwrap();
    assert_eq!(by_admin["user"], own["user"]);
    let logs = by_admin["access_logs"].as_array().unwrap();
    assert!(
        logs.iter()
            .any(|log| log["entity_type"] == "user" && log["access_type"] == "export"),
        "{logs:?}"
    );
    for section in ["organisations", "interactions", "tasks", "notifications"] {
        assert!(own[section].is_array(), "{section}");
    }
    assert!(!own["organisations"].as_array().unwrap().is_empty());
    let refused = [
        (
            crm::MANAGER_PARIS_ID,
            json!({ "user_id": crm::USER_PARIS_ID }),
        ),
        (crm::USER_PARIS_ID, json!({ "include_access_logs": true })),
    ];
    for (user, filters) in refused {
        let error = subject(&world, user, filters).await.unwrap_err();
        assert!(error.contains("may not export"), "{error}");
    }
}

#[tokio::test]
async fn no_secret_of_an_account_is_in_its_data() {
    let world = World::small().await;
    world
        .execute(
            "UPDATE users SET hashed_password = 'SECRET', encrypted_outlook_access_token = 'SECRET', \
             encrypted_outlook_refresh_token = 'SECRET', encrypted_o365_access_token = 'SECRET', \
             encrypted_o365_refresh_token = 'SECRET', encrypted_imap_password = 'SECRET', totp_secret = 'SECRET', \
             backup_codes = 'SECRET', reset_token = 'SECRET'",
        )
        .await;
    let data = subject(
        &world,
        crm::ADMIN_ID,
        json!({ "include_access_logs": true }),
    )
    .await
    .unwrap();
    assert!(!data.to_string().contains("SECRET"));
}

#[tokio::test]
async fn an_archive_holds_the_file_under_its_own_name() {
    let world = World::small().await;
    let plain = context(1);
    world
        .attempt(&plain, json!({ "dataset": "people", "user_id": 1 }))
        .await
        .unwrap();
    let cx = context(1);
    let payload = json!({ "dataset": "people", "user_id": 1, "zip": true });
    let file = world.attempt(&cx, payload).await.unwrap();
    assert_eq!(file.file_name, "people_20261123_103000.zip");
    let path = world.path_as(cx.id(), "zip");
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  print(z.namelist(), file=sys.stderr)\nsys.stdout.buffer.write(z.read(z.namelist()[0]))";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).trim(),
        "['people_20261123_103000.csv']"
    );
    assert!(output.stdout == world.bytes(plain.id()));
}
