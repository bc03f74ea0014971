//! The CRM's tables and a repeatable data set for them.
//!
//! The schema is hand-written SQL with the names, types and labels of the live database. The data
//! set looks like a French finance house: asset managers, advisers, banks and family offices, the
//! people in them, mandates, campaigns, notices. Every value follows from the row's table and
//! number alone, so two runs agree, and most of person 7 is the same in all three sizes. Values
//! that break naive code are part of it, see [`Awkward`].
//!
//! Rows are made while they are sent: no size is ever held in memory. All mail addresses are in
//! reserved domains, all telephone numbers in the ranges set aside for fiction.

mod awkward;
mod campaigns;
mod copy;
mod links;
mod moment;
mod names;
mod notices;
mod organisations;
mod people;
mod rng;
mod seed;
mod users;

pub use awkward::Awkward;
pub use moment::base_instant;
pub use seed::{Size, Summary, seed, seed_on};
pub use users::{
    ADMIN_ID, INACTIVE_ID, LYON_TEAM_ID, MANAGER_LYON_ID, MANAGER_MARSEILLE_ID, MANAGER_PARIS_ID,
    MARSEILLE_TEAM_ID, NO_ROLE_ID, NO_TEAM_ID, PARIS_TEAM_ID, SUPERUSER_ID, USER_LYON_ID,
    USER_MARSEILLE_ID, USER_PARIS_ID, VIEWER_PARIS_ID,
};

/// The tables.
const SCHEMA: &str = include_str!("crm/schema.sql");
/// The rows that are the same in every size.
const FIXED_ROWS: &str = include_str!("crm/fixed_rows.sql");

/// Everything that decides what a seeded database holds; part of the key of cached templates.
pub(crate) const SOURCES: [&str; 14] = [
    SCHEMA,
    FIXED_ROWS,
    include_str!("crm/awkward.rs"),
    include_str!("crm/campaigns.rs"),
    include_str!("crm/copy.rs"),
    include_str!("crm/links.rs"),
    include_str!("crm/moment.rs"),
    include_str!("crm/names.rs"),
    include_str!("crm/notices.rs"),
    include_str!("crm/organisations.rs"),
    include_str!("crm/people.rs"),
    include_str!("crm/rng.rs"),
    include_str!("crm/seed.rs"),
    include_str!("crm/users.rs"),
];

/// Creates the CRM's types, tables and indexes in an empty database.
pub async fn create_schema(pool: &sqlx::PgPool) -> sqlx::Result<()> {
    create_schema_on(&mut *pool.acquire().await?).await
}

/// Like [`create_schema`], on one connection.
pub async fn create_schema_on(connection: &mut sqlx::PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(SCHEMA).execute(connection).await.map(drop)
}
