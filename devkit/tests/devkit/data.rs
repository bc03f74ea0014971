//! The data set: repeatable, complete, consistent, awkward.

use devkit::Template;
use devkit::crm::{self, Awkward, Size};
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::database;

/// One digest over all rows of all tables.
async fn checksum(pool: &PgPool) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut digests = Vec::new();
    for table in tables {
        let query = format!(
            "SELECT coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM {table} AS t"
        );
        let digest: String = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(pool)
            .await
            .unwrap();
        digests.push(format!("{table} {digest}"));
    }
    digests.join("\n")
}

/// The number of rows of a table.
async fn count(pool: &PgPool, table: &str) -> u64 {
    let query = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(query).fetch_one(pool).await.unwrap();
    rows.unsigned_abs()
}

#[tokio::test]
async fn the_same_rows_appear_each_time() {
    let (template, fresh) = (
        database(Template::Small).await,
        database(Template::Empty).await,
    );
    crm::seed(&fresh, Size::Small).await.unwrap();
    assert_eq!(checksum(&fresh).await, checksum(&template).await);
}

#[tokio::test]
async fn the_small_and_the_medium_size_have_the_promised_counts() {
    for (size, people) in [(Size::Small, 200), (Size::Medium, 20_000)] {
        let pool = database(Template::Empty).await;
        let summary = crm::seed(&pool, size).await.unwrap();
        assert_eq!(
            (summary.people, summary.organisations),
            (people, people / 10)
        );
        assert_eq!(
            (summary.teams, summary.users, summary.campaigns),
            (3, 12, 6)
        );
        assert!(
            (people..people * 3 / 2).contains(&summary.links),
            "{}",
            summary.links
        );
        assert_eq!(count(&pool, "people").await, summary.people);
        assert_eq!(count(&pool, "organisations").await, summary.organisations);
        assert_eq!(
            count(&pool, "person_organization_links").await,
            summary.links
        );
        assert_eq!(count(&pool, "mandats").await, summary.mandates);
        assert_eq!(count(&pool, "tasks").await, summary.tasks);
        assert_eq!(count(&pool, "email_sends").await, summary.sends);
        assert_eq!(
            count(&pool, "unsubscribed_emails").await,
            summary.unsubscribed
        );
        assert_eq!(count(&pool, "mailing_lists").await, summary.mailing_lists);
        assert_eq!(count(&pool, "notifications").await, summary.notifications);
    }
}

#[tokio::test]
async fn every_reference_points_at_a_row() {
    let pool = database(Template::Empty).await;
    crm::seed(&pool, Size::Medium).await.unwrap();
    let references = sqlx::query(
        "SELECT conrelid::regclass::text AS child, a.attname::text AS column_name,
                confrelid::regclass::text AS parent, f.attname::text AS parent_column
         FROM pg_constraint
         JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
         JOIN pg_attribute AS f ON f.attrelid = confrelid AND f.attnum = confkey[1]
         WHERE contype = 'f'",
    );
    let references = references.fetch_all(&pool).await.unwrap();
    assert!(references.len() > 90, "{}", references.len());
    for row in references {
        let text = |column: &str| row.get::<String, _>(column);
        let (child, column) = (text("child"), text("column_name"));
        let (parent, key) = (text("parent"), text("parent_column"));
        let orphans = format!(
            "{child} AS c WHERE {column} IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{key} = c.{column})"
        );
        assert_eq!(count(&pool, &orphans).await, 0, "{child}.{column}");
    }
}

#[tokio::test]
async fn new_rows_get_numbers_behind_the_seeded_ones() {
    let pool = database(Template::Small).await;
    let id: i32 = sqlx::query_scalar(
        "INSERT INTO people (nom, email_unsubscribed, is_anonymized)
         VALUES ('Nouveau', false, false) RETURNING id",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(id, 201);
}

#[tokio::test]
async fn the_first_twenty_people_have_each_awkward_kind() {
    let pool = database(Template::Small).await;
    for (position, kind) in Awkward::ALL.into_iter().enumerate() {
        let row = sqlx::query("SELECT prenom, nom, fonction, notes FROM people WHERE id = $1")
            .bind(i32::try_from(position + 1).unwrap())
            .fetch_one(&pool)
            .await
            .unwrap();
        for column in ["prenom", "nom", "fonction", "notes"] {
            let value: Option<String> = row.get(column);
            assert!(shows(kind, value.as_deref()), "{kind:?} {column} {value:?}");
        }
    }
}

/// Whether a stored value still is what its kind promises.
fn shows(kind: Awkward, value: Option<&str>) -> bool {
    let Some(text) = value else {
        return kind == Awkward::Nulls;
    };
    match kind {
        Awkward::Accents => text.contains('Œ') && text.contains('Ÿ'),
        Awkward::CombiningAccent => text.contains('\u{301}'),
        Awkward::Quotes => text.contains('"') && text.contains('\'') && text.contains('«'),
        Awkward::Separators => text.contains(',') && text.contains(';'),
        Awkward::LineFeed => text.contains('\n') && !text.contains('\r'),
        Awkward::CarriageReturnLineFeed => text.contains("\r\n"),
        Awkward::FormulaEquals => text.starts_with('='),
        Awkward::FormulaPlus => text.starts_with('+'),
        Awkward::FormulaMinus => text.starts_with('-'),
        Awkward::FormulaAt => text.starts_with('@'),
        Awkward::FormulaTab => text.starts_with("\t="),
        Awkward::FormulaCarriageReturn => text.starts_with("\r="),
        Awkward::Emoji => text.chars().any(|c| c > '\u{ffff}'),
        Awkward::RightToLeft => text.contains('م') && text.contains('ש'),
        Awkward::Longest => [100, 200, 10_000].contains(&text.chars().count()),
        Awkward::Nulls => false,
        Awkward::Empty => text.is_empty(),
        Awkward::SurroundingSpaces => text.starts_with("  ") && text.ends_with(' '),
        Awkward::Backslashes => text.contains("\\N") && text.contains("\\."),
        Awkward::Markup => text.contains("<b>") && text.contains("{{"),
    }
}

#[tokio::test]
async fn known_accounts_have_the_team_role_and_state_of_their_name() {
    let pool = database(Template::Small).await;
    let expected = [
        (crm::ADMIN_ID, "admin Paris active"),
        (crm::MANAGER_PARIS_ID, "manager Paris active"),
        (crm::USER_PARIS_ID, "user Paris active"),
        (crm::VIEWER_PARIS_ID, "viewer Paris active"),
        (crm::MANAGER_LYON_ID, "manager Lyon active"),
        (crm::USER_LYON_ID, "user Lyon active"),
        (crm::MANAGER_MARSEILLE_ID, "manager Marseille active"),
        (crm::USER_MARSEILLE_ID, "user Marseille active"),
        (crm::INACTIVE_ID, "user Paris inactive"),
        (crm::NO_TEAM_ID, "user - active"),
        (crm::NO_ROLE_ID, "- Lyon active"),
        (crm::SUPERUSER_ID, "viewer Marseille active superuser"),
    ];
    for (id, expected) in expected {
        let found: String = sqlx::query_scalar(
            "SELECT concat_ws(' ', coalesce(roles.name, '-'), coalesce(teams.name, '-'),
                              CASE WHEN users.is_active THEN 'active' ELSE 'inactive' END,
                              CASE WHEN is_superuser THEN 'superuser' END)
             FROM users LEFT JOIN roles ON roles.id = role_id LEFT JOIN teams ON teams.id = team_id
             WHERE users.id = $1",
        )
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn every_mail_address_is_in_a_reserved_domain() {
    let pool = database(Template::Small).await;
    let strangers = "(SELECT email FROM people UNION ALL SELECT personal_email FROM people
          UNION ALL SELECT email FROM organisations UNION ALL SELECT email FROM users
          UNION ALL SELECT work_email FROM person_organization_links
          UNION ALL SELECT recipient_email FROM email_sends
          UNION ALL SELECT email FROM unsubscribed_emails) AS addresses
         WHERE email !~ '^[a-z0-9.-]+@([a-z0-9-]+[.])*(example[.](com|org|net)|test)$'";
    assert_eq!(count(&pool, strangers).await, 0);
}
