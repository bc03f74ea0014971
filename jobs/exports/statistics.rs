//! Numbers about the rows of an export, for people: counts by a value, and how many are active.
//!
//! They are counted by PostgreSQL in the snapshot the rows come from, so that they fit the rows.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::exports::dataset::{Shape, Statistic};
use crate::exports::labels;
use crate::exports::permissions::Scope;
use crate::exports::query;
use crate::exports::request::Request;

/// Values of one statistic that are shown; more make no chart that anybody can read.
const MOST_VALUES: i64 = 50;

/// Rows counted by a value, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) title: &'static str,
    pub(super) values: &'static str,
    pub(super) shape: Shape,
    pub(super) rows: Vec<(String, u32)>,
}

/// The statistics of the request's data set.
pub(super) async fn counts(
    connection: &mut PgConnection,
    request: &Request,
    scope: Scope,
) -> Result<Vec<Counts>, sqlx::Error> {
    let mut all = Vec::new();
    for statistic in request.dataset.statistics {
        let mut query = by_value(statistic, request, scope);
        let rows: Vec<(Option<String>, i64)> =
            query.build_query_as().fetch_all(&mut *connection).await?;
        all.push(Counts {
            title: request.language.of_two(statistic.titles),
            values: request.language.of_two(statistic.values),
            shape: statistic.shape,
            rows: rows.into_iter().map(shown).collect(),
        });
    }
    Ok(all)
}

/// The rows that count as active, if the data set has such a thing.
pub(super) async fn active(
    connection: &mut PgConnection,
    request: &Request,
    scope: Scope,
) -> Result<Option<u64>, sqlx::Error> {
    let Some(condition) = request.dataset.active else {
        return Ok(None);
    };
    let mut query = QueryBuilder::new("SELECT count(*) FILTER (WHERE ");
    query.push(condition).push(")");
    query::push_source(request, scope, &mut query);
    let count: i64 = query.build_query_scalar().fetch_one(connection).await?;
    Ok(u64::try_from(count).ok())
}

fn by_value(statistic: &Statistic, request: &Request, scope: Scope) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(statistic.sql).push(", count(*)");
    query::push_source(request, scope, &mut query);
    query
        .push(" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ")
        .push_bind(MOST_VALUES);
    query
}

fn shown((label, count): (Option<String>, i64)) -> (String, u32) {
    let label = label.map_or_else(|| "—".to_owned(), |label| labels::value_of(&label));
    (label, u32::try_from(count).unwrap_or(u32::MAX))
}
