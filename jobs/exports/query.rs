//! The two statements of an export: how many rows, and the rows.
//!
//! Both carry the same conditions and run in the same snapshot, so the count is the number of
//! rows that follow. Only the wanted columns are selected.

use sqlx::{Postgres, QueryBuilder};

use crate::exports::cells::Cell;
use crate::exports::permissions::Scope;
use crate::exports::request::Request;

/// `SELECT count(*) …`.
pub(super) fn count(request: &Request, scope: Scope) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT count(*)");
    push_source(request, scope, &mut query);
    query
}

/// `SELECT columns … ORDER BY …`.
pub(super) fn rows(request: &Request, scope: Scope) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    for (index, column) in request.columns.iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " });
        if column.cell == Cell::Timestamp && request.format.is_for_people() {
            query.push("(").push(column.sql).push(" AT TIME ZONE ");
            query.push_bind(request.time_zone.clone()).push(")");
        } else {
            query.push(column.sql);
        }
    }
    push_source(request, scope, &mut query);
    query.push(" ORDER BY ").push(request.sort);
    query
}

/// `FROM … WHERE …`.
pub(super) fn push_source(request: &Request, scope: Scope, query: &mut QueryBuilder<Postgres>) {
    query
        .push(" FROM ")
        .push(request.dataset.table)
        .push(" AS t WHERE ");
    scope.push(request.dataset.owner, query);
    for condition in &request.conditions {
        query.push(" AND ");
        condition.push(query);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Request {
        let payload = json!({
            "dataset": "organisations", "user_id": 1, "columns": ["name", "type"], "sort": "name:asc",
            "filters": { "country_code": "fr", "search": "x" }
        });
        Request::parse(&serde_json::from_value(payload).unwrap()).unwrap()
    }

    #[test]
    fn rows_select_the_wanted_columns_with_parameters() {
        assert_eq!(
            rows(&request(), Scope::User(3)).sql().as_str(),
            "SELECT t.nom, t.type::text FROM public.organisations AS t WHERE t.owner_id = $1 \
             AND upper(t.country_code) = $2 AND (t.nom ILIKE $3) ORDER BY t.nom, t.id"
        );
    }

    #[test]
    fn people_get_times_of_their_time_zone() {
        let request = || {
            let payload = json!({
                "dataset": "people", "user_id": 1, "columns": ["created_at"], "format": "xlsx"
            });
            Request::parse(&serde_json::from_value(payload).unwrap()).unwrap()
        };
        assert!(
            rows(&request(), Scope::All)
                .sql()
                .as_str()
                .starts_with("SELECT (t.created_at AT TIME ZONE $1) FROM public.people")
        );
    }

    #[test]
    fn the_count_has_the_same_conditions() {
        let (count, rows) = (
            count(&request(), Scope::All).into_string(),
            rows(&request(), Scope::All).into_string(),
        );
        let source = count.strip_prefix("SELECT count(*)").unwrap();
        assert!(rows.contains(source), "{rows}");
    }
}
