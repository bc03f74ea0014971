//! The filters of a request: parsed from JSON into conditions, conditions into SQL.
//!
//! Values reach the database as parameters only. A value of the wrong type is refused by the
//! filter's name and the value's type; the value itself may be somebody's name and is never
//! repeated. Null and the empty text mean "not set", as in the CRM's own addresses.

use rouage::JobError;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};

use crate::exports::labels;
use crate::exports::unknown::unknown;

/// One filter a data set offers.
#[derive(Debug)]
pub(super) struct Filter {
    /// Its name in the payload.
    pub(super) name: &'static str,
    /// What it compares, and how.
    pub(super) test: Test,
}

/// What a filter compares; columns are SQL expressions over the data set's table `t`.
#[derive(Debug)]
pub(super) enum Test {
    /// The column is this text.
    Exact(&'static str),
    /// The column, given in upper case, is this text, whatever its case.
    AnyCase(&'static str),
    /// One of the columns contains this text, whatever the case.
    Contains(&'static [&'static str]),
    /// The enum column has this value, one of these labels.
    Label(&'static str, &'static [&'static str]),
    /// The boolean column is this.
    Flag(&'static str),
    /// True: the boolean column is true. False: no filter.
    Only(&'static str),
    /// True: the column is the user who asks. False: no filter.
    Mine(&'static str),
    /// The integer column is this.
    Number(&'static str),
    /// False: only rows with this condition. True: no filter.
    Unless(&'static str),
}

/// A filter with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The column is the text.
    Equals(&'static str, String),
    /// One of the columns matches the ILIKE pattern.
    Matches(&'static [&'static str], String),
    /// The column is the boolean.
    Is(&'static str, bool),
    /// The integer column is this.
    Number(&'static str, i32),
    /// The condition as it stands.
    Holds(&'static str),
    /// The id is one of these.
    Among(Vec<i32>),
}

impl Filter {
    pub(super) const fn new(name: &'static str, test: Test) -> Self {
        Self { name, test }
    }

    /// The condition for `value`; `None` if it means "not set".
    fn condition(&self, value: &Value, user_id: i32) -> Result<Option<Condition>, JobError> {
        if value.is_null() || value.as_str() == Some("") {
            return Ok(None);
        }
        Ok(match &self.test {
            Test::Only(column) => self.flag(value)?.then_some(Condition::Is(column, true)),
            Test::Mine(column) => self
                .flag(value)?
                .then_some(Condition::Number(column, user_id)),
            Test::Unless(sql) => (!self.flag(value)?).then_some(Condition::Holds(sql)),
            _ => Some(self.comparison(value)?),
        })
    }

    /// The condition of a test that always has one.
    fn comparison(&self, value: &Value) -> Result<Condition, JobError> {
        Ok(match &self.test {
            Test::Exact(column) => Condition::Equals(column, self.text(value)?.to_owned()),
            Test::AnyCase(column) => Condition::Equals(column, self.text(value)?.to_uppercase()),
            Test::Contains(columns) => Condition::Matches(columns, containing(self.text(value)?)),
            Test::Label(column, labels) => {
                Condition::Equals(column, self.label(value, labels)?.to_owned())
            }
            Test::Number(column) => Condition::Number(column, self.number(value)?),
            Test::Flag(column) | Test::Only(column) | Test::Mine(column) | Test::Unless(column) => {
                Condition::Is(column, self.flag(value)?)
            }
        })
    }

    fn flag(&self, value: &Value) -> Result<bool, JobError> {
        value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false", value))
    }

    /// A number, or a number in a text: the CRM's tokens carry ids as texts.
    fn number(&self, value: &Value) -> Result<i32, JobError> {
        let number = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64().and_then(|number| i32::try_from(number).ok()),
        };
        number.ok_or_else(|| self.wrong("an id", value))
    }

    fn text<'a>(&self, value: &'a Value) -> Result<&'a str, JobError> {
        let text = value.as_str().ok_or_else(|| self.wrong("a text", value))?;
        if text.contains('\0') {
            let message = format!(
                "filter {:?} contains a NUL character, which no column can hold",
                self.name
            );
            return Err(JobError::discard(message));
        }
        Ok(text)
    }

    fn label(&self, value: &Value, allowed: &[&'static str]) -> Result<&'static str, JobError> {
        labels::label_of(self.text(value)?, allowed).ok_or_else(|| {
            let values: Vec<_> = allowed
                .iter()
                .map(|label| labels::value_of(label))
                .collect();
            let message = format!(
                "filter {:?} has an unknown value (allowed: {})",
                self.name,
                values.join(", ")
            );
            JobError::discard(message)
        })
    }

    fn wrong(&self, wanted: &str, value: &Value) -> JobError {
        JobError::discard(format!(
            "filter {:?} takes {wanted}, not {}",
            self.name,
            type_of(value)
        ))
    }
}

/// The conditions of a request's filters, in the order of their names.
pub(super) fn parse<'a>(
    offered: &[Filter],
    wanted: impl IntoIterator<Item = (&'a String, &'a Value)>,
    dataset: &str,
    user_id: i32,
) -> Result<Vec<Condition>, JobError> {
    let mut conditions = Vec::new();
    for (name, value) in wanted {
        let filter = offered
            .iter()
            .find(|filter| filter.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = offered.iter().map(|filter| filter.name).collect();
                unknown(&format!("filter of {dataset}"), name, &names)
            })?;
        conditions.extend(filter.condition(value, user_id)?);
    }
    Ok(conditions)
}

impl Condition {
    /// Appends the condition; its value as a parameter.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Equals(column, text) => {
                query.push(column).push(" = ").push_bind(text.clone());
            }
            Self::Is(column, flag) => {
                query.push(column).push(" = ").push_bind(*flag);
            }
            Self::Number(column, number) => {
                query.push(column).push(" = ").push_bind(*number);
            }
            Self::Holds(sql) => {
                query.push(sql);
            }
            Self::Among(ids) => {
                query.push("t.id = ANY(").push_bind(ids.clone()).push(")");
            }
            Self::Matches(columns, pattern) => {
                for (index, column) in columns.iter().enumerate() {
                    query.push(if index == 0 { "(" } else { " OR " });
                    query
                        .push(column)
                        .push(" ILIKE ")
                        .push_bind(pattern.clone());
                }
                query.push(")");
            }
        }
    }
}

/// An ILIKE pattern for texts that contain `text`, in which nothing is a wildcard.
fn containing(text: &str) -> String {
    let escaped = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{escaped}%")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const OFFERED: &[Filter] = &[
        Filter::new(
            "category",
            Test::Label("t.category::text", labels::CATEGORIES),
        ),
        Filter::new("city", Test::Exact("t.ville")),
        Filter::new("country_code", Test::AnyCase("upper(t.country_code)")),
        Filter::new("is_active", Test::Flag("t.is_active")),
        Filter::new("search", Test::Contains(&["t.nom", "t.prenom"])),
        Filter::new("only_active", Test::Only("t.is_active")),
        Filter::new("only_mine", Test::Mine("t.created_by")),
        Filter::new("campaign_id", Test::Number("t.campaign_id")),
        Filter::new("include_logs", Test::Unless("t.place < 8")),
    ];

    fn one(name: &str, value: Value) -> Result<Vec<Condition>, String> {
        let wanted = BTreeMap::from([(name.to_owned(), value)]);
        parse(OFFERED, &wanted, "people", 7).map_err(|error| {
            assert!(matches!(error, JobError::Discard(_)), "{error}");
            error.to_string()
        })
    }

    #[test]
    fn each_test_makes_its_condition() {
        let cases = [
            (
                "category",
                json!("wholesale"),
                Condition::Equals("t.category::text", "WHOLESALE".into()),
            ),
            (
                "city",
                json!("Paris"),
                Condition::Equals("t.ville", "Paris".into()),
            ),
            (
                "country_code",
                json!("fr"),
                Condition::Equals("upper(t.country_code)", "FR".into()),
            ),
            (
                "is_active",
                json!(false),
                Condition::Is("t.is_active", false),
            ),
            (
                "search",
                json!("du"),
                Condition::Matches(&["t.nom", "t.prenom"], "%du%".into()),
            ),
        ];
        for (name, value, condition) in cases {
            assert_eq!(one(name, value).unwrap(), [condition]);
        }
    }

    #[test]
    fn a_switch_is_a_condition_in_one_position_only() {
        for name in ["only_active", "only_mine"] {
            assert_eq!(one(name, json!(false)).unwrap(), []);
        }
        assert_eq!(
            one("only_active", json!(true)).unwrap(),
            [Condition::Is("t.is_active", true)]
        );
        assert_eq!(
            one("only_mine", json!(true)).unwrap(),
            [Condition::Number("t.created_by", 7)]
        );
        assert_eq!(one("include_logs", json!(true)).unwrap(), []);
        assert_eq!(
            one("include_logs", json!(false)).unwrap(),
            [Condition::Holds("t.place < 8")]
        );
    }

    #[test]
    fn an_id_may_be_a_text_and_nothing_else() {
        for id in [json!(12), json!("12")] {
            assert_eq!(
                one("campaign_id", id).unwrap(),
                [Condition::Number("t.campaign_id", 12)]
            );
        }
        for wrong in [
            json!("durand"),
            json!(1.5),
            json!(5_000_000_000_i64),
            json!(true),
        ] {
            let error = one("campaign_id", wrong).unwrap_err();
            assert!(
                error.contains("takes an id") && !error.contains("durand"),
                "{error}"
            );
        }
    }

    #[test]
    fn null_and_the_empty_text_are_no_filter() {
        for name in ["category", "city", "is_active", "search"] {
            assert_eq!(one(name, json!(null)).unwrap(), []);
            assert_eq!(one(name, json!("")).unwrap(), []);
        }
    }

    #[test]
    fn wildcards_in_a_search_are_ordinary_characters() {
        assert_eq!(containing(r"100%_\"), r"%100\%\_\\%");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_without_being_repeated() {
        let error = one("is_active", json!("durand")).unwrap_err();
        assert_eq!(
            error,
            r#"filter "is_active" takes true or false, not a text"#
        );
        let error = one("search", json!({ "durand": 1 })).unwrap_err();
        assert_eq!(error, r#"filter "search" takes a text, not an object"#);
        assert!(one("city", json!("a\0b")).unwrap_err().contains("NUL"));
    }

    #[test]
    fn an_unknown_enum_value_is_refused_with_the_allowed_ones() {
        let error = one("category", json!("durand")).unwrap_err();
        assert!(
            error.starts_with(
                r#"filter "category" has an unknown value (allowed: institution, wholesale"#
            ),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_filter_is_named_with_the_offered_ones() {
        let error = one("contry", json!("FR")).unwrap_err();
        assert!(
            error.starts_with(r#"unknown filter of people "contry"; did you mean "country_code"?"#),
            "{error}"
        );
    }

    #[test]
    fn values_reach_the_query_as_parameters_only() {
        let mut query = QueryBuilder::new("");
        for condition in [
            Condition::Equals("t.ville", "'; DROP".into()),
            Condition::Matches(&["t.nom", "t.prenom"], "%'; DROP%".into()),
            Condition::Is("t.is_active", true),
            Condition::Among(vec![1, 2]),
        ] {
            condition.push(&mut query);
            query.push(";");
        }
        assert_eq!(
            query.sql().as_str(),
            "t.ville = $1;(t.nom ILIKE $2 OR t.prenom ILIKE $3);t.is_active = $4;t.id = ANY($5);"
        );
    }
}
