//! Filling a database that has the tables and no rows.
//!
//! Everything happens in one transaction, so a database is either full or still empty. The rows
//! refer only to rows that exist, which a test of this crate proves, so the server need not check
//! each reference: that would take a third of the time. The sequences are moved behind the numbers
//! used and the planner's statistics gathered at the end, or the first queries of a test would be
//! planned blindly.

use sqlx::{Connection, PgConnection, PgPool};

use super::{FIXED_ROWS, campaigns, links, notices, organisations, people};

/// How many rows to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 200 people: enough for a test to be specific.
    Small,
    /// 20,000 people: a real house.
    Medium,
    /// 500,000 people: the largest a worker must stand.
    Large,
}

impl Size {
    /// The number of people; the other tables follow from it.
    pub fn people(self) -> u64 {
        match self {
            Self::Small => 200,
            Self::Medium => 20_000,
            Self::Large => 500_000,
        }
    }
}

/// How many rows there are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the row count of the table it is named after"
)]
pub struct Summary {
    pub teams: u64,
    pub users: u64,
    pub people: u64,
    pub organisations: u64,
    pub links: u64,
    pub mandates: u64,
    pub tasks: u64,
    pub campaigns: u64,
    pub sends: u64,
    pub unsubscribed: u64,
    pub mailing_lists: u64,
    pub notifications: u64,
}

/// Fills the empty tables of a CRM; the role must be a superuser.
pub async fn seed(pool: &PgPool, size: Size) -> sqlx::Result<Summary> {
    seed_on(&mut *pool.acquire().await?, size).await
}

/// Like [`seed`], on one connection.
pub async fn seed_on(connection: &mut PgConnection, size: Size) -> sqlx::Result<Summary> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(UNCHECKED).execute(&mut *transaction).await?;
    let summary = fill(&mut transaction, size).await?;
    sqlx::raw_sql(SEQUENCES).execute(&mut *transaction).await?;
    transaction.commit().await?;
    sqlx::raw_sql("ANALYZE").execute(connection).await?;
    Ok(summary)
}

async fn fill(connection: &mut PgConnection, size: Size) -> sqlx::Result<Summary> {
    sqlx::raw_sql(FIXED_ROWS).execute(&mut *connection).await?;
    let count = size.people();
    let houses = count / 10;
    Ok(Summary {
        teams: counted(connection, "SELECT count(*) FROM teams").await?,
        users: counted(connection, "SELECT count(*) FROM users").await?,
        campaigns: counted(connection, "SELECT count(*) FROM email_campaigns").await?,
        mailing_lists: counted(connection, "SELECT count(*) FROM mailing_lists").await?,
        organisations: organisations::fill(connection, houses).await?,
        people: people::fill(connection, count, houses).await?,
        links: links::fill(connection, count, houses).await?,
        mandates: notices::fill_mandates(connection, houses).await?,
        tasks: notices::fill_tasks(connection, count / 10, count, houses).await?,
        sends: campaigns::fill_sends(connection, count / 2, count, houses).await?,
        unsubscribed: campaigns::fill_unsubscribed(connection, count, houses).await?,
        notifications: notices::fill_notices(connection, count / 4).await?,
    })
}

async fn counted(connection: &mut PgConnection, query: &'static str) -> sqlx::Result<u64> {
    sqlx::query_scalar::<_, i64>(query)
        .fetch_one(connection)
        .await
        .map(i64::unsigned_abs)
}

/// Leaves out the triggers that check references, until the end of the transaction; superusers only.
const UNCHECKED: &str = "SET LOCAL session_replication_role = replica";

/// Moves each sequence of the schema behind the largest number used in its column.
const SEQUENCES: &str = "
    DO $$
    DECLARE owned record;
    BEGIN
        FOR owned IN
            SELECT format('%I.%I', namespace.nspname, class.relname) AS table_name,
                   attribute.attname AS column_name
            FROM pg_class AS class
            JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
            JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum > 0
            WHERE class.relkind = 'r' AND namespace.nspname = 'public'
              AND pg_get_serial_sequence(format('%I.%I', namespace.nspname, class.relname),
                                         attribute.attname) IS NOT NULL
        LOOP
            EXECUTE format(
                'SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 1), count(*) > 0) FROM %s',
                owned.table_name, owned.column_name, owned.column_name, owned.table_name);
        END LOOP;
    END $$;";
