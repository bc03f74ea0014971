//! Are the CRM's tables what a family expects? Asked before the family's queue is served.
//!
//! The CRM's tables come from several tools and differ between installations. A family whose
//! tables lack something would fail row after row; here it is refused once, with everything
//! that is missing and what to do. Only the catalogues are read, never a row of the CRM.

mod backups;
mod exports;
mod maintenance;
mod rgpd_subject;

use std::collections::HashMap;

pub(crate) use backups::BACKUPS;
pub(crate) use exports::EXPORTS;
pub(crate) use maintenance::MAINTENANCE;
pub(crate) use rgpd_subject::RGPD_SUBJECT;

use super::pool::Pool;

/// What a family needs of schema `public`.
#[derive(Debug)]
pub(crate) struct Needs {
    tables: &'static [Table],
    enums: &'static [Enum],
}

/// A table with the columns that are used and what is done with it.
#[derive(Debug)]
struct Table {
    name: &'static str,
    privilege: &'static str,
    columns: &'static [(&'static str, Holds)],
}

/// Labels of a column that are written, or that a filter compares with.
#[derive(Debug)]
struct Enum {
    table: &'static str,
    column: &'static str,
    needed: &'static [&'static str],
}

/// What a column must be able to hold; several types of the database can be read as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Integer,
    Text,
    Flag,
    Decimal,
    Instant,
    LocalTime,
    Json,
    /// An enum; a text is as good.
    Label,
}

impl Holds {
    /// Internal names of the types that fit; an enum has a name of its own.
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Integer => &["int4"],
            Self::Text | Self::Label => &["varchar", "text", "bpchar"],
            Self::Flag => &["bool"],
            Self::Decimal => &["numeric"],
            Self::Instant => &["timestamptz"],
            Self::LocalTime => &["timestamp"],
            Self::Json => &["json", "jsonb"],
        }
    }
}

/// Something that is not there or not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lack {
    /// Names the table, column or label.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: &'static str,
}

const MIGRATE: &str = "run the CRM's own migrations, or upgrade crm-worker to the CRM's version";
const GRANT: &str = "grant it to the worker's role";

/// A column as the catalogue knows it: table, name, type, whether the type is an enum.
type ColumnRow = (String, String, String, bool);
type Columns = HashMap<(String, String), (String, bool)>;

/// Everything a family lacks.
pub(crate) async fn check(pool: &Pool, needs: &Needs) -> sqlx::Result<Vec<Lack>> {
    let names: Vec<&str> = needs.tables.iter().map(|table| table.name).collect();
    let rows: Vec<ColumnRow> = sqlx::query_as(
        "SELECT c.relname, a.attname, t.typname, t.typtype = 'e' \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped",
    )
    .bind(&names)
    .fetch_all(pool)
    .await?;
    let columns: Columns = rows
        .into_iter()
        .map(|(table, name, kind, is_enum)| ((table, name), (kind, is_enum)))
        .collect();
    let mut lacks = Vec::new();
    for table in needs.tables {
        check_table(pool, table, &columns, &mut lacks).await?;
    }
    for labels in needs.enums {
        check_labels(pool, labels, &columns, &mut lacks).await?;
    }
    Ok(lacks)
}

async fn check_table(
    pool: &Pool,
    table: &Table,
    columns: &Columns,
    lacks: &mut Vec<Lack>,
) -> sqlx::Result<()> {
    let name = table.name;
    let mut lack = |message: String, hint| lacks.push(Lack { message, hint });
    if !columns.keys().any(|(table, _)| table == name) {
        lack(format!("table public.{name} is missing"), MIGRATE);
        return Ok(());
    }
    for (column, holds) in table.columns {
        match columns.get(&(name.to_owned(), (*column).to_owned())) {
            None => lack(format!("column public.{name}.{column} is missing"), MIGRATE),
            Some((_, true)) if *holds == Holds::Label => {}
            Some((kind, _)) if holds.types().contains(&kind.as_str()) => {}
            Some((kind, _)) => {
                let wanted = holds.types().join(" or ");
                lack(
                    format!("column public.{name}.{column} is {kind}, expected {wanted}"),
                    MIGRATE,
                );
            }
        }
    }
    // Rows are deleted whole: there is no such right on columns.
    let allowed: bool = sqlx::query_scalar(
        "SELECT CASE $2 WHEN 'DELETE' THEN has_table_privilege('public.' || quote_ident($1), $2) \
         ELSE has_any_column_privilege('public.' || quote_ident($1), $2) END",
    )
    .bind(name)
    .bind(table.privilege)
    .fetch_one(pool)
    .await?;
    if !allowed {
        lack(
            format!("{} on public.{name} is not granted", table.privilege),
            GRANT,
        );
    }
    Ok(())
}

/// Labels of an enum; a text column takes any.
async fn check_labels(
    pool: &Pool,
    needs: &Enum,
    columns: &Columns,
    lacks: &mut Vec<Lack>,
) -> sqlx::Result<()> {
    let Enum {
        table,
        column,
        needed,
    } = needs;
    let Some((kind, true)) = columns.get(&((*table).to_owned(), (*column).to_owned())) else {
        return Ok(());
    };
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT e.enumlabel::text FROM pg_enum e JOIN pg_attribute a ON a.atttypid = e.enumtypid \
         WHERE a.attrelid = ('public.' || quote_ident($1))::regclass AND a.attname = $2",
    )
    .bind(table)
    .bind(column)
    .fetch_all(pool)
    .await?;
    for label in needed
        .iter()
        .filter(|label| !found.iter().any(|found| found == *label))
    {
        lacks.push(Lack {
            message: format!("enum {kind} (public.{table}.{column}) has no label {label}"),
            hint: MIGRATE,
        });
    }
    Ok(())
}
