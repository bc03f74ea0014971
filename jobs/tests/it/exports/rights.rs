//! Who sees which rows, compared with queries that share nothing with the handler's.

use devkit::crm;
use serde_json::json;
use sqlx::PgPool;

use crate::world::{World, again, context, organisations, parse, people};

/// Every person some owner of whose organisations passes `condition`.
async fn people_seen(pool: &PgPool, condition: &'static str) -> Vec<i32> {
    let mut seen = Vec::new();
    let links: Vec<(i32, i32)> =
        sqlx::query_as("SELECT person_id, organisation_id FROM person_organization_links")
            .fetch_all(pool)
            .await
            .unwrap();
    let allowed = organisations_seen(pool, condition).await;
    for (person, organisation) in links {
        if allowed.contains(&organisation) {
            seen.push(person);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    seen
}

async fn organisations_seen(pool: &PgPool, condition: &'static str) -> Vec<i32> {
    let owned: Vec<(i32, bool)> = sqlx::query_as(condition).fetch_all(pool).await.unwrap();
    let mut ids: Vec<_> = owned
        .into_iter()
        .filter(|(_, seen)| *seen)
        .map(|(id, _)| id)
        .collect();
    ids.sort_unstable();
    ids
}

macro_rules! seen_if {
    ($condition:literal) => {
        concat!(
            "SELECT o.id, coalesce(",
            $condition,
            ", false) FROM organisations o LEFT JOIN users owner ON owner.id = o.owner_id"
        )
    };
}

#[tokio::test]
async fn every_role_sees_exactly_its_organisations_and_people() {
    let world = World::small().await;
    let cases = [
        (crm::MANAGER_PARIS_ID, seen_if!("owner.team_id = 1")),
        (crm::VIEWER_PARIS_ID, seen_if!("owner.team_id = 1")),
        (crm::MANAGER_LYON_ID, seen_if!("owner.team_id = 2")),
        (crm::MANAGER_MARSEILLE_ID, seen_if!("owner.team_id = 3")),
        (crm::USER_PARIS_ID, seen_if!("o.owner_id = 3")),
        (crm::USER_LYON_ID, seen_if!("o.owner_id = 6")),
        (crm::USER_MARSEILLE_ID, seen_if!("o.owner_id = 8")),
        (crm::NO_TEAM_ID, seen_if!("false")),
        (crm::NO_ROLE_ID, seen_if!("false")),
    ];
    for (user, condition) in cases {
        let mut exported = world.ids(organisations(user)).await;
        exported.sort_unstable();
        assert_eq!(
            exported,
            organisations_seen(world.pool(), condition).await,
            "organisations of user {user}"
        );
        let mut exported = world.ids(people(user)).await;
        exported.sort_unstable();
        assert_eq!(
            exported,
            people_seen(world.pool(), condition).await,
            "people of user {user}"
        );
    }
}

#[tokio::test]
async fn administrators_and_superusers_see_everything() {
    let world = World::small().await;
    for user in [crm::ADMIN_ID, crm::SUPERUSER_ID] {
        assert_eq!(
            world.ids(people(user)).await.len() as i64,
            world.count("SELECT count(*) FROM people").await
        );
        let organisations = world.ids(organisations(user)).await.len() as i64;
        assert_eq!(
            organisations,
            world.count("SELECT count(*) FROM organisations").await
        );
    }
}

#[tokio::test]
async fn the_test_data_tells_the_roles_apart() {
    let world = World::small().await;
    let (paris, lyon) = (seen_if!("owner.team_id = 1"), seen_if!("owner.team_id = 2"));
    let own = seen_if!("o.owner_id = 3");
    let all = world.count("SELECT count(*) FROM organisations").await as usize;
    let (paris, lyon) = (
        organisations_seen(world.pool(), paris).await,
        organisations_seen(world.pool(), lyon).await,
    );
    let own = organisations_seen(world.pool(), own).await;
    assert!(!own.is_empty() && own.len() < paris.len() && paris.len() < all && !lyon.is_empty());
}

#[tokio::test]
async fn asking_for_ids_does_not_widen_what_a_user_sees() {
    let world = World::small().await;
    let seen = organisations_seen(world.pool(), seen_if!("o.owner_id = 3")).await;
    let all = organisations_seen(world.pool(), seen_if!("true")).await;
    let mut asked = organisations(crm::USER_PARIS_ID);
    asked["ids"] = json!(all);
    asked["sort"] = json!("created_at:asc");
    let mut exported = world.ids(asked).await;
    exported.sort_unstable();
    assert_eq!(exported, seen);
}

#[tokio::test]
async fn rights_are_those_of_the_moment_the_job_runs() {
    let world = World::small().await;
    world
        .execute("UPDATE users SET role_id = 3 WHERE id = 1")
        .await;
    let own = organisations_seen(world.pool(), seen_if!("o.owner_id = 1")).await;
    assert_eq!(
        world.ids(organisations(crm::ADMIN_ID)).await.len(),
        own.len()
    );
}

#[tokio::test]
async fn a_user_without_rows_gets_a_header_and_is_told_so() {
    let world = World::small().await;
    let cx = context(1);
    let file = world.attempt(&cx, people(crm::NO_TEAM_ID)).await.unwrap();
    assert_eq!(file.rows, 0);
    let header = "id,first_name,last_name,role,job_title,email,personal_email,phone,personal_phone,mobile,\
                  country_code,language,linkedin_url,created_at,is_active";
    assert_eq!(
        world.bytes(cx.id()),
        format!("\u{feff}{header}\r\n").into_bytes()
    );
    assert_eq!(world.announcements().await, (1, 1));
    // A second attempt answers the same and tells nobody again.
    assert_eq!(
        world
            .attempt(&again(cx.id(), 2), people(crm::NO_TEAM_ID))
            .await
            .unwrap(),
        file
    );
    assert_eq!(world.announcements().await, (1, 1));
}

#[tokio::test]
async fn the_organisations_header_is_the_crm_s() {
    let world = World::small().await;
    let cx = context(1);
    world
        .attempt(&cx, organisations(crm::NO_ROLE_ID))
        .await
        .unwrap();
    let header = "id,name,type,category,pipeline_stage,email,phone,website,address,city,country_code,language,aum,\
                  domicile,created_at,is_active";
    assert_eq!(
        parse(&world.bytes(cx.id())),
        [header.split(',').collect::<Vec<_>>()]
    );
}
